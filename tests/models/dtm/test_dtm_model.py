"""The whole denoising model: it learns, generates the same bits on every device, and goes on from its checkpoint."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import thermofab as fab
from thermofab.models.dtm import DenoisingModel, Generated, Generation, LayerTraining, Penalty
from thermofab.models.dtm.checkpoint import load_dtm, save_dtm

IMAGES = np.repeat(np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], dtype=bool), 100, axis=0)
SHORT = LayerTraining(epochs=2, batch=100, sweeps=10, samples=4, probes=16)


def a_model(steps: int = 2, fabric: str = "g4-4x4", **options) -> DenoisingModel:
    return DenoisingModel.fresh(fab.fabric(fabric), 4, steps, fab.compile, **options)


def same(a: Generated, b: Generated) -> bool:
    """Whether every site of every layer ended alike."""
    pairs = zip((a.images, *a.states), (b.images, *b.states), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


def shares(images: np.ndarray) -> np.ndarray:
    """How often each of the 16 patterns is there."""
    return np.bincount(images @ [8, 4, 2, 1], minlength=16) / len(images)


@pytest.mark.parametrize("steps, inputs", [(1, "grid"), (3, "grid"), (3, "beside")])
def test_it_learns_three_patterns(steps, inputs):
    model = a_model(steps, "g8-6x6", inputs=inputs)
    config = LayerTraining(
        epochs=30, batch=100, sweeps=40, learning_rate=0.1, final_learning_rate=0.01, penalty=Penalty(0.0)
    )
    before = model.generate(3000, Generation(40), seed=1)
    model = model.trained(IMAGES, config)
    after = model.generate(3000, Generation(40), seed=1)
    truth = shares(IMAGES)
    assert 0.5 * np.abs(shares(before.images) - truth).sum() > 0.5
    assert 0.5 * np.abs(shares(after.images) - truth).sum() < 0.2


def test_layers_keep_the_forward_coupling():
    model = a_model(3).trained(IMAGES, replace(SHORT, learning_rate=0.5, clip=0.3))
    assert model.chain.coupling(1) > 0.3
    for t in (1, 2):
        layer = model.layers[t - 1]
        np.testing.assert_allclose(layer.machine.couplings[layer.roles.pair_edges], model.chain.coupling(t), rtol=1e-6)
    assert len(model.layers[2].roles.inputs) == 0


def test_generation_runs_the_layers_and_counts_what_they_cost():
    model = a_model(3, betas=(1.0, 0.8, 1.2))
    made = model.generate(5, Generation(10, levels=(1, 0, 2)), seed=3)
    assert made.images.shape == (5, 4) and made.steps.shape == (4, 5, 4)
    assert [one.shape for one in made.states] == [(5, 16), (5, 20), (5, 20)]
    assert made.ledger.site_updates == 10 * 5 * (16 + 20 + 20)
    assert Generation(10, levels=(1, 0, 2)).schedule() == fab.Schedule(4, 1, anneal=((3, 1), (3, 0)), level=2)
    # x^t is clamped in layer t: its state shows at the inputs' sites.
    for k, t in enumerate((3, 2, 1)):
        roles = model.layers[t - 1].roles
        if len(roles.inputs):
            assert np.array_equal(made.states[k][:, roles.inputs], made.steps[k])
        assert np.array_equal(made.states[k][:, roles.pixels], made.steps[k + 1])


def test_the_same_seed_gives_the_same_images_and_another_seed_others():
    model = a_model()
    first, again, other = (model.generate(8, Generation(5), seed=seed) for seed in (1, 1, 2))
    assert same(first, again) and not same(first, other)


@pytest.mark.parametrize("device", ["reference", "jax-xla", "native"])
def test_simulators_generate_the_same_bits(device):
    model = a_model(betas=(1.0, 0.8)).trained(IMAGES, replace(SHORT, epochs=1))
    how = Generation(6, levels=(1, 0))
    here, there = model.generate(3, how, seed=4), model.on(device).generate(3, how, seed=4)
    assert same(here, there)


@pytest.mark.rtl
@pytest.mark.parametrize("architecture", ["spatial", "systolic"])
def test_the_rtl_generates_the_same_bits(architecture):
    # A systolic fabric is a lattice, so its inputs are sites of it.
    inputs = {"spatial": "beside", "systolic": "grid"}[architecture]
    spec = fab.fabric("g4-4x4", architecture=architecture)
    model = DenoisingModel.fresh(spec, 4, 2, fab.compile, inputs=inputs, betas=(1.0, 0.8))
    model = model.trained(IMAGES, replace(SHORT, epochs=1))
    how = Generation(6, levels=(1, 0))
    here, there = model.generate(3, how, seed=4), model.on("rtl").generate(3, how, seed=4)
    assert there.ledger.cycles_are == "measured"
    assert same(here, there)


@pytest.mark.rtl
def test_the_rtl_trains_the_same_bits():
    spec, some = fab.fabric("g4-3x3", moment_bits=16), IMAGES[::10, :2]
    config = replace(SHORT, epochs=1, batch=10, probes=4)
    fresh = [DenoisingModel.fresh(spec, 2, 1, fab.compile, device=device) for device in ("jax", "rtl")]
    here, there = (model.trained(some, config).machines[0] for model in fresh)
    assert np.array_equal(here.couplings, there.couplings) and np.array_equal(here.biases, there.biases)
    assert not np.array_equal(here.couplings, fresh[0].machines[0].couplings)


def test_a_checkpoint_goes_on_bit_for_bit(tmp_path):
    model = a_model()
    config = replace(SHORT, epochs=3, penalty=Penalty(threshold=0.01, start=0.01))
    states = [model.start(t, config, IMAGES) for t in (1, 2)]
    for _ in range(3):
        states[0] = model.epoch(1, states[0], config, IMAGES)
    states[1] = model.epoch(2, states[1], config, IMAGES)
    save_dtm(tmp_path / "dtm", model, states, config)
    again, loaded, found = load_dtm(tmp_path / "dtm", a_model(), IMAGES)
    assert found == config and [s.epoch for s in loaded] == [3, 1]
    assert again.machines[0] is loaded[0].layer.machine
    for _ in range(2):
        states[1] = model.epoch(2, states[1], config, IMAGES)
        loaded = (loaded[0], again.epoch(2, loaded[1], config, IMAGES))
    for a, b in zip(states, loaded):
        assert (a.epoch, a.strength, a.autocorrelations) == (b.epoch, b.strength, b.autocorrelations)
        leaves = [jax.tree.leaves((s.layer.machine, s.optimiser)) for s in (a, b)]
        assert all(np.array_equal(x, y) for x, y in zip(*leaves, strict=True))


def test_layers_train_the_same_whatever_was_trained_before():
    whole = a_model().trained(IMAGES, SHORT)
    alone, state = a_model(), None
    state = alone.start(2, SHORT, IMAGES)
    for _ in range(SHORT.epochs):
        state = alone.epoch(2, state, SHORT, IMAGES)
    assert np.array_equal(whole.machines[1].couplings, state.layer.machine.couplings)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda p: a_model(betas=(0.8,)), "betas are the β levels, the first of which is 1"),
        (lambda p: a_model(0), "at least 1 step"),
        (lambda p: a_model(inputs="above"), "inputs must be one of beside, grid, got 'above'"),
        (lambda p: Generation(2, (0, 1, 2)), "2 sweeps cannot be shared among 3 β levels"),
        (lambda p: a_model().start(1, SHORT, IMAGES.astype(float)), r"images must be bool of shape \(N, 4\)"),
        (lambda p: save_dtm(p / "x", a_model(), [], SHORT), "a model of 2 layers needs as many states, got 0"),
    ],
)
def test_what_is_refused(tmp_path, call, sentence):
    with pytest.raises(fab.ThermofabError, match=sentence):
        call(tmp_path)


def test_another_model_is_refused(tmp_path):
    model = a_model()
    save_dtm(tmp_path / "dtm", model, [model.start(t, SHORT, IMAGES) for t in (1, 2)], SHORT)
    with pytest.raises(fab.ThermofabError, match="trained with other template programs"):
        load_dtm(tmp_path / "dtm", a_model(seed=1), IMAGES)
