"""The parts of the denoising model, each against its formula or against enumeration."""

import gzip
import struct

import numpy as np
import pytest

import thermofab as fab
from thermofab.hw.spec import Schedule, to_spins
from thermofab.models.boltzmann import BoltzmannMachine, Enumerated, FabricSampler
from thermofab.models.data import BitImages, digits, load_images, to_bits
from thermofab.models.dtm import (
    Features,
    ForwardChain,
    Layer,
    LayerTraining,
    Penalty,
    Roles,
    autocorrelation,
    covariances,
    frechet_distance,
    kernel_mmd,
    median_distance,
    noise,
)
from thermofab.models.dtm.training import layer_gradient


def test_the_forward_chain_ends_in_coin_flips():
    chain = ForwardChain(4)
    assert [chain.kept(t) for t in range(5)] == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert np.prod([1 - 2 * chain.flip(t) for t in range(1, 4)]) == pytest.approx(chain.kept(3))
    assert chain.flip(4) == 0.5 and chain.coupling(4) == 0.0
    for t in range(1, 4):
        # P(x^t = x^{t-1}) = e^Γ / 2 cosh Γ.
        g = chain.coupling(t)
        assert np.exp(g) / (2 * np.cosh(g)) == pytest.approx(1 - chain.flip(t))


def test_pairs_are_as_noisy_as_the_chain_says():
    chain, images = ForwardChain(4), np.zeros((20_000, 5), dtype=bool)
    less, more = chain.pair(images, 2, np.random.default_rng(0))
    # 100,000 bits: six deviations are at most 0.0095.
    assert less.mean() == pytest.approx(0.5 * (1 - chain.kept(1)), abs=0.0095)
    assert (less ^ more).mean() == pytest.approx(chain.flip(2), abs=0.0095)
    assert more.mean() == pytest.approx(0.5 * (1 - chain.kept(2)), abs=0.0095)


def test_roles_match_every_input_to_a_neighbour_of_its_own():
    roles = Roles.random(fab.topology("g8-12x12"), 40, seed=1)
    edges = {tuple(edge) for edge in roles.topology.edges.tolist()}
    for pixel, site in zip(roles.pixels.tolist(), roles.inputs.tolist()):
        assert (min(pixel, site), max(pixel, site)) in edges
    assert np.array_equal(roles.topology.edges[roles.pair_edges].sum(axis=1), roles.pixels + roles.inputs)
    everything = np.sort(np.concatenate([roles.pixels, roles.inputs, roles.latents]))
    assert np.array_equal(everything, np.arange(144))
    assert not np.array_equal(roles.pixels, Roles.random(roles.topology, 40, seed=2).pixels)
    assert len(roles.without_inputs().latents) == 104


def test_inputs_beside_the_grid_are_joined_to_their_pixels_alone():
    grid = fab.topology("g8-6x6")
    roles = Roles.beside(grid, 10, seed=1)
    assert roles.inputs.tolist() == list(range(36, 46)) and roles.topology.n_sites == 46
    touches = np.isin(roles.topology.edges, roles.inputs).any(axis=1)
    assert np.array_equal(roles.topology.edges[~touches], grid.edges)
    assert sorted(roles.topology.edges[touches].tolist()) == sorted(map(list, zip(roles.pixels, roles.inputs)))
    assert len(roles.without_inputs(grid).latents) == 26


def a_layer(conditioning: str = "all", seed: int = 0) -> tuple[Layer, FabricSampler]:
    """Nine sites, two pixels and inputs; random trained parameters."""
    spec = fab.fabric("g4-3x3")
    layer = Layer.fresh(Roles.random(spec.topology, 2, seed=3), 0.7, conditioning, seed=seed)
    rng = np.random.default_rng(seed)
    couplings = np.where(layer.trained, rng.normal(0, 0.4, len(layer.trained)), layer.machine.couplings)
    machine = BoltzmannMachine.of(layer.machine.connections, rng.normal(0, 0.3, 9), couplings)
    layer = layer.with_machine(machine)
    return layer, FabricSampler(layer.template(spec, fab.compile, (1.0,)))


def conditional(layer: Layer, sampler: FabricSampler, clamp: np.ndarray) -> Enumerated:
    held = sampler.held(layer.machine)
    return Enumerated.of(held.given({k: bool(v) for k, v in enumerate(clamp.tolist()) if v >= 0})[0])


def test_conditioning_through_pairs_alone_trains_nothing_else_of_the_inputs():
    layer, _ = a_layer("pairs")
    touches = np.isin(layer.machine.connections.edges, layer.roles.inputs).any(axis=1)
    assert not layer.trained[touches].any() and layer.trained[~touches].all()
    assert np.flatnonzero(np.asarray(layer.machine.couplings) * touches).tolist() == sorted(layer.roles.pair_edges)
    every, _ = a_layer("all")
    assert np.flatnonzero(~every.trained).tolist() == sorted(every.roles.pair_edges)


def test_gradients_are_those_of_enumeration():
    layer, sampler = a_layer()
    chain, images = ForwardChain(2), np.array([[True, False], [True, True], [False, True]])
    config = LayerTraining(batch=6000, sweeps=40, clamped_sweeps=40, samples=10, spacing=2)
    penalty = 0.5
    got = layer_gradient(layer, config, chain, 1, images, sampler, 0, penalty)
    # The rows and noise of update 0, by the same derivation.
    from thermofab.models.dtm import training as module
    from thermofab.models.seeds import batch_rows, derived

    rows = images[batch_rows(3, 6000, 0, derived(0, 1, module._BATCHES))]
    less, more = chain.pair(rows, 1, np.random.default_rng(derived(0, 1, module._NOISE, 0)))
    i, j = layer.machine.connections.edges.T
    model, data = np.zeros((2, len(i))), np.zeros(len(i))
    for clamp_of, weight_of in ((True, data), (False, model)):
        clamps = layer.clamps(len(rows), more, less if clamp_of else None)
        kinds, counts = np.unique(clamps, axis=0, return_counts=True)
        for clamp, share in zip(kinds, counts / len(rows)):
            distribution = conditional(layer, sampler, clamp)
            s = np.tile(to_spins(clamp == 1).astype(float), (len(distribution.distribution), 1))
            s[:, clamp < 0] = distribution.means
            first, second = distribution.distribution @ s, distribution.distribution @ (s[:, i] * s[:, j])
            if clamp_of:
                weight_of += share * second
            else:
                weight_of += share * np.array([second, second - first[i] * first[j]])
    wanted = np.where(layer.trained, model[0] - data + penalty * model[1], 0.0)
    # 6,000 replicas: each difference has a deviation of at most √2/√6000 = 0.018; six of them.
    assert np.abs(np.asarray(got.couplings) - wanted).max() < 6 * 0.018 * 1.5
    assert np.abs(wanted).max() > 6 * 0.018 * 1.5
    assert not np.asarray(got.couplings)[~layer.trained].any()


def test_covariances_are_those_of_enumeration():
    layer, sampler = a_layer(seed=4)
    more = np.tile([[True, False]], (4000, 1))
    clamp = layer.clamps(4000, more)
    counts = layer.counted(sampler, sampler.holding(layer.machine), Schedule(30, 8, 20), clamp, seed=5)
    distribution = conditional(layer, sampler, clamp[0])
    s = np.tile(to_spins(clamp[0] == 1).astype(float), (len(distribution.distribution), 1))
    s[:, clamp[0] < 0] = distribution.means
    i, j = layer.machine.connections.edges.T
    first, second = distribution.distribution @ s, distribution.distribution @ (s[:, i] * s[:, j])
    # 32,000 nearly independent samples: six deviations are 0.034.
    np.testing.assert_allclose(covariances(counts), second - first[i] * first[j], atol=0.034)
    assert np.abs(second - first[i] * first[j]).max() > 0.1


def test_autocorrelation_of_independent_sites_is_none_and_of_a_frozen_pair_all():
    spec = fab.fabric("g4-2x2")
    roles = Roles.random(spec.topology, 1, seed=0).without_inputs()
    layer = Layer.fresh(roles, 0.0)
    for coupling, low, high in ((0.0, -0.05, 0.05), (4.0, 0.9, 1.0)):
        strong = layer.with_machine(BoltzmannMachine.of(layer.machine.connections, np.zeros(4), np.full(4, coupling)))
        sampler = FabricSampler(strong.template(spec, fab.compile, (1.0,)))
        found = autocorrelation(strong, sampler, None, warmup=5, spacing=5, lags=3, chains=400, seed=1)
        assert np.all((low < found.rho) & (found.rho <= high))
        assert found.lags.tolist() == [5, 10, 15]


def test_autocorrelation_is_that_of_the_sweep():
    """Two coupled spins without fields, updated in turn: E[s_τ s_{τ+k}] of either is tanh(J)^2k."""
    spec = fab.fabric(fab.topology("complete-2"))
    roles = Roles(spec.topology, np.array([0]), np.array([], dtype=np.int64))
    layer = Layer.fresh(roles, 0.0)
    layer = layer.with_machine(BoltzmannMachine.of(layer.machine.connections, [0, 0], [1.0]))
    sampler = FabricSampler(layer.template(spec, fab.compile, (1.0,)))
    found = autocorrelation(layer, sampler, None, warmup=50, spacing=1, lags=5, chains=4000, seed=2)
    held = float(sampler.held(layer.machine).couplings[0])
    wanted = np.tanh(held) ** (2 * np.arange(1, 6))
    assert np.all(np.abs(found.rho - wanted) < 6 * found.error + 1e-3)
    assert found.error.max() < 0.02


def test_the_strength_of_the_penalty_follows_the_autocorrelation():
    penalty = Penalty(threshold=0.01)
    assert penalty.next_strength(0.1, 0.005, 0.02) == pytest.approx(0.1 * 0.7)
    assert penalty.next_strength(0.1, 0.0, None) == pytest.approx(0.06)
    assert penalty.next_strength(0.1, 0.012, 0.011) == pytest.approx(0.12)
    assert penalty.next_strength(0.1, 0.02, 0.011) == pytest.approx(0.15)
    assert penalty.next_strength(0.1, 0.012, 0.013) == pytest.approx(0.095)
    assert penalty.next_strength(0.0, 0.02, None) == pytest.approx(0.0015)
    assert penalty.next_strength(0.001, 0.0, 0.0) == 0.0
    assert Penalty(threshold=0.0).next_strength(0.5, 0.9, 0.1) == 0.0


def test_frechet_distance_of_normal_distributions():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4000, 3))
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(a, a + [3.0, 0, 0]) == pytest.approx(9.0, abs=1e-6)
    assert frechet_distance(a, 2 * a) == pytest.approx(np.trace(np.cov(a.T)) + np.sum(a.mean(axis=0) ** 2), rel=1e-6)


def test_kernel_mmd_is_the_definition_and_has_no_bias():
    rng = np.random.default_rng(1)
    a, b = rng.random((7, 6)) < 0.5, rng.random((5, 6)) < 0.3

    def kernel(x, y):
        return np.exp(-np.sum(x != y) / 2.0)

    wanted = np.mean([kernel(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j])
    wanted += np.mean([kernel(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j])
    wanted -= 2 * np.mean([kernel(x, y) for x in a for y in b])
    assert kernel_mmd(a, b, 2.0) == pytest.approx(wanted)
    same = [kernel_mmd(*(rng.random((2, 30, 6)) < 0.5), 2.0) for _ in range(300)]  # pyright: ignore[reportCallIssue]
    assert abs(np.mean(same)) < 6 * np.std(same) / np.sqrt(300)


def test_the_classifier_knows_digits_and_the_metrics_tell_them_from_noise():
    images = digits()
    features = Features.trained(images)
    assert features.accuracy > 0.9
    width = median_distance(images.train)
    floor = noise(features, images.train, width, splits=5)
    coins = np.random.default_rng(2).random(images.train.shape) < images.train.mean(axis=0)
    assert frechet_distance(features.of(images.train), features.of(coins)) > 10 * floor["fid"][0]
    assert kernel_mmd(images.train, coins, width) > 10 * abs(floor["mmd"][0]) + 10 * floor["mmd"][1]


def test_digits_are_bits_in_two_parts():
    images = digits()
    assert isinstance(images, BitImages)
    assert images.train.shape == (1438, 64) and images.test.shape == (359, 64) and images.train.dtype == np.bool_
    assert set(images.train_labels.tolist()) == set(range(10)) and images.shape == (8, 8)
    from sklearn.datasets import load_digits

    assert np.array_equal(images.test[0].reshape(8, 8), load_digits().images[4] >= 8)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read(tmp_path, packed):
    grey = np.random.default_rng(3).integers(0, 256, (3, 4, 5)).astype(np.uint8)
    content = struct.pack(">BBBBIII", 0, 0, 8, 3, 3, 4, 5) + grey.tobytes()
    (tmp_path / "images").write_bytes(gzip.compress(content) if packed else content)
    assert np.array_equal(load_images(tmp_path / "images"), grey)
    wide = np.array([[1, -2], [300, 4]], dtype=">i4")
    (tmp_path / "wide").write_bytes(struct.pack(">BBBBII", 0, 0, 0x0C, 2, 2, 2) + wide.tobytes())
    assert load_images(tmp_path / "wide").tolist() == [[1, -2], [300, 4]]


def test_numpy_files_are_read(tmp_path):
    grey = np.arange(24).reshape(2, 3, 4)
    np.save(tmp_path / "a.npy", grey)
    np.savez(tmp_path / "b.npz", x_train=grey)
    assert np.array_equal(load_images(tmp_path / "a.npy"), grey)
    assert np.array_equal(load_images(tmp_path / "b.npz", "x_train"), grey)
    assert to_bits(grey, 12).tolist() == [[False] * 12, [True] * 12]


def _write(folder, content: bytes):
    (folder / "file").write_bytes(content)
    return load_images(folder / "file")


def _npz(folder):
    np.savez(folder / "b.npz", x_train=np.zeros(3))
    return load_images(folder / "b.npz", "x_test")


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda p: load_images(p / "none"), "there is no file"),
        (lambda p: _npz(p), "b.npz holds x_train; name one of them, got 'x_test'"),
        (lambda p: _write(p, b"\x89PNG...."), "file is not an IDX file"),
        (lambda p: _write(p, b"\0\0\x08\x01\0\0\0\x05abc"), r"cut short: an IDX file of shape \(5,\)"),
        (lambda p: to_bits(np.zeros((2, 3)), 1), r"images must have shape \(N, height, width\), got \(2, 3\)"),
        (lambda p: ForwardChain(0), "at least 1 step, got 0"),
        (lambda p: ForwardChain(2).kept(3), "step 3 is outside 0…2"),
        (lambda p: Roles.random(fab.topology("g4-2x2"), 3), "3 pixels and their inputs need 6 sites"),
        (lambda p: Roles.beside(fab.topology("g4-2x2"), 5), "5 pixels need as many sites; 'g4-2x2' has 4"),
        (lambda p: Roles(fab.topology("g4-2x2"), np.array([0]), np.array([0])), "a site has one role"),
        (lambda p: Roles.beside(fab.topology("g4-2x2"), 5), "5 pixels need as many sites; 'g4-2x2' has 4"),
        (lambda p: Roles(fab.topology("g4-2x2"), np.array([0]), np.array([3])), "must be joined to its pixel's site"),
        (lambda p: a_layer("some"), "conditioning must be one of pairs, all, got 'some'"),
        (lambda p: a_layer()[0].clamps(3, None), r"this layer needs its input: bool \(3, 2\), got None"),
        (lambda p: Penalty(threshold=2.0), "threshold is an autocorrelation in 0…1"),
        (lambda p: LayerTraining(samples=1), "samples must be an integer of at least 2, got 1"),
        (lambda p: frechet_distance(np.zeros((1, 2)), np.zeros((3, 2))), "at least 2 images"),
        (lambda p: kernel_mmd(np.zeros((1, 2), bool), np.zeros((3, 2), bool), 1.0), "at least 2 images on either side"),
    ],
)
def test_what_is_refused(tmp_path, call, sentence):
    with pytest.raises(fab.ThermofabError, match=sentence):
        call(tmp_path)
