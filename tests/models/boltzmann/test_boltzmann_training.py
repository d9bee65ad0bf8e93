"""Training on a device: it learns, resumes bit for bit, sees the fabric's integers, and says what it refuses."""

import json
import subprocess
import sys
from collections.abc import Hashable
from dataclasses import replace

import jax
import numpy as np
import pytest

import thermofab as fab
from thermofab.compiler import stationary_distribution
from thermofab.models.boltzmann import (
    BoltzmannMachine,
    Enumerated,
    FabricSampler,
    Training,
    advance,
    deep,
    fit,
    fully_visible,
    held_by,
    kl_divergence,
    load_training,
    on_topology,
    restricted,
    save_training,
    start,
    visible_marginal,
)
from thermofab.models.boltzmann.enumeration import all_states
from thermofab.models.boltzmann.training import _positive


def a_sampler(machine, device="jax", **widths) -> FabricSampler:
    spec = fab.fabric(machine.connections.topology(), **widths)
    return FabricSampler(fab.compile(machine.ising(), spec, keep_zero=True, verify=False), device)


def a_truth(n: int, seed: int) -> Enumerated:
    c, rng = fully_visible(n), np.random.default_rng(seed)
    return Enumerated.of(BoltzmannMachine.of(c, rng.normal(0, 0.3, n), rng.normal(0, 0.5, c.n_edges)))


def drawn(distribution: np.ndarray, count: int, seed: int) -> np.ndarray:
    n = int(np.log2(len(distribution)))
    return all_states(n)[np.random.default_rng(seed).choice(len(distribution), count, p=distribution)]


def state_bits(state) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves((state.machine, state.optimiser))] + [state.chains]


def equal(a, b) -> bool:
    return a.step == b.step and all(np.array_equal(x, y) for x, y in zip(state_bits(a), state_bits(b), strict=True))


@pytest.mark.parametrize("bits", [8, 6])
def test_pcd_learns_a_random_model_to_a_small_kl(bits):
    truth = a_truth(6, seed=1)
    data = drawn(truth.distribution, 4000, seed=2)
    machine = BoltzmannMachine.random(truth.machine.connections, 0.05, seed=3, data=data)
    sampler = a_sampler(machine, weight_bits=bits)
    config = Training(steps=250, batch=1000, replicas=500, sweeps=4, learning_rate=0.05, final_learning_rate=0.002)
    before = kl_divergence(truth.distribution, Enumerated.of(machine).distribution)
    state = fit(machine, config, data, sampler)
    distribution = stationary_distribution(sampler.holding(state.machine)).probabilities
    assert before > 0.2
    assert kl_divergence(truth.distribution, distribution) < 0.02


@pytest.mark.parametrize("method", ["cd", "pcd"])
@pytest.mark.parametrize("graph", ["restricted", "deep", "grid"])
def test_gradients_of_the_device_are_the_exact_ones_on_average(graph, method):
    """Statistics of many long chains against enumeration, at the integers."""
    c = {
        "restricted": restricted(5, 4),
        "deep": deep((3, 3, 3)),
        "grid": on_topology(fab.topology("g4-3x3"), [0, 4, 8]),
    }
    connections = c[graph]
    rng = np.random.default_rng(4)
    machine = BoltzmannMachine.of(
        connections, rng.normal(0, 0.3, connections.n_nodes), rng.normal(0, 0.4, connections.n_edges)
    )
    data = np.tile(rng.random((8, connections.n_visible)) < 0.5, (500, 1))
    sampler = a_sampler(machine)
    distribution = Enumerated.of(sampler.held(machine))
    exact = np.concatenate(
        [a - b for a, b in zip(distribution.moments(distribution.completed(data)), distribution.moments())]
    )
    # Plain gradient descent at rate 1 moves the parameters by minus the gradient.
    config = Training(
        method=method, steps=1, batch=0, replicas=4000, sweeps=60, clamped_sweeps=40, optimiser="sgd",
        learning_rate=1.0, final_learning_rate=1.0,
    )  # fmt: skip
    after = advance(start(machine, config), config, data, sampler).machine
    moved = np.concatenate([after.biases - machine.biases, after.couplings - machine.couplings])
    # A difference of two means of 4,000 states each, each of variance at most 1: deviation at most 0.0224. The largest
    # of at most 30 exceeds 6 deviations with probability 6e-8.
    assert np.abs(moved - exact).max() < 6 * 0.0224
    # And they are not zero: a training step that did nothing would be seen.
    assert np.abs(exact).max() > 6 * 0.0224


def test_the_gradient_sees_the_integers():
    """With 2-bit weights every coupling is held as -1, 0 or 1 steps; exact gradients are those of that machine."""
    connections = fully_visible(4)
    machine = BoltzmannMachine.of(connections, np.zeros(4), [0.9, 0.8, 0.05, -0.7, 0.1, 0.02])
    sampler = a_sampler(machine, weight_bits=2)
    held = sampler.held(machine)
    assert len(set(np.abs(np.asarray(held.couplings)).round(6).tolist())) <= 2
    config = Training(method="exact", steps=1, batch=0, optimiser="sgd", learning_rate=1.0, final_learning_rate=1.0)
    data = drawn(a_truth(4, 5).distribution, 64, seed=6)
    distribution = Enumerated.of(held)
    wanted = [m - d for m, d in zip(distribution.moments(), distribution.moments(distribution.completed(data)))]
    after = advance(start(machine, config), config, data, sampler).machine
    np.testing.assert_allclose(machine.couplings - after.couplings, wanted[1], atol=1e-5)
    plain = advance(start(machine, config), config, data).machine
    assert np.abs(plain.couplings - after.couplings).max() > 0.01


def test_hidden_means_of_the_positive_phase_are_at_the_integers():
    machine = BoltzmannMachine.random(restricted(4, 3), 0.8, seed=20)
    sampler = a_sampler(machine, weight_bits=3)
    data = drawn(a_truth(4, 5).distribution, 64, seed=6)
    config = Training(batch=0)
    wanted, full = _positive(start(machine, config), config, data, sampler, sampler.holding(machine))
    distribution = Enumerated.of(sampler.held(machine))
    first, second = distribution.moments(distribution.completed(data))
    np.testing.assert_allclose(wanted.first, first, atol=1e-6)
    np.testing.assert_allclose(wanted.second, second, atol=1e-6)
    assert np.array_equal(full[:, :4], data)
    assert np.abs(Enumerated.of(machine).moments(distribution.completed(data))[1] - second).max() > 1e-3


def test_held_is_what_the_fabric_samples():
    machine = BoltzmannMachine.random(restricted(4, 3), 0.7, seed=7)
    program = a_sampler(machine, weight_bits=4).holding(machine)
    distribution = stationary_distribution(program).probabilities
    held = Enumerated.of(held_by(program, machine.connections))
    # What is left is the activation table's: far below the rounding of 4-bit weights.
    assert kl_divergence(held.visible_distribution(), visible_marginal(machine, distribution)) < 1e-5
    assert kl_divergence(Enumerated.of(machine).visible_distribution(), held.visible_distribution()) > 1e-4


def test_a_fixed_step_rounds_to_its_multiples_and_cuts():
    machine = BoltzmannMachine.random(restricted(4, 3), 0.7, seed=7)
    searched = a_sampler(machine, weight_bits=4)
    sampler = replace(searched, step="fixed")
    step = sampler.template.report.quantisation.step
    couplings = np.asarray(machine.couplings).copy()
    couplings[:2] = 3.4 * step, -99.0
    program = sampler.holding(BoltzmannMachine.of(machine.connections, machine.biases, couplings))
    held = held_by(program, machine.connections)
    np.testing.assert_allclose(held.couplings[:2], [3 * step, -7 * step], rtol=1e-6)
    assert np.abs(held.couplings[2:] - couplings[2:])[np.abs(couplings[2:]) < 7 * step].max() <= 0.5001 * step
    assert program.report.quantisation.step == step and program.report.quantisation.saturated >= 1
    assert np.array_equal(program.image.tables, sampler.template.image.tables)
    assert isinstance(program.model, fab.IsingModel)
    np.testing.assert_allclose(program.model.couplings, couplings, rtol=1e-6)
    distribution = Enumerated.of(held)
    got = stationary_distribution(program).probabilities
    assert kl_divergence(distribution.visible_distribution(), visible_marginal(machine, got)) < 1e-4


def test_conditional_samples_have_the_conditional_distribution():
    machine = BoltzmannMachine.random(deep((3, 3, 2)), 0.6, seed=8)
    sampler = a_sampler(machine)
    given: dict[Hashable, bool] = {("v", 0): True, ("h2", 1): False}
    states = sampler.sample(machine, fab.Schedule(50, 20, 5), replicas=400, seed=9, given=given)
    assert states[..., 0].all() and not states[..., 7].any()
    inner = Enumerated.of(sampler.held(machine).given(given)[0])
    left = [k for k in range(8) if k not in (0, 7)]
    means = (2.0 * states[..., left] - 1).mean(axis=1)
    # Six standard errors over 400 independent chains: 2e-9 each.
    error = means.std(axis=0, ddof=1) / 20
    assert np.all(np.abs(means.mean(axis=0) - inner.moments()[0]) < 6 * error + 1e-3)


@pytest.mark.parametrize("method", ["cd", "pcd", "exact"])
def test_resuming_goes_on_bit_for_bit(tmp_path, method):
    machine = BoltzmannMachine.random(restricted(5, 3), 0.2, seed=10)
    sampler = a_sampler(machine)
    data = np.random.default_rng(11).random((50, 5)) < 0.4
    config = Training(method=method, steps=12, batch=16, replicas=16, sweeps=2)
    whole = fit(machine, config, data, sampler)
    state = start(machine, config)
    for _ in range(5):
        state = advance(state, config, data, sampler)
    save_training(tmp_path / "run", state, config, sampler)
    state, again = load_training(tmp_path / "run", a_sampler(machine))
    assert again == config
    while state.step < 12:
        state = advance(state, again, data, sampler)
    assert equal(state, whole)
    assert not np.array_equal(whole.machine.couplings, machine.couplings)


_SCRIPT = """
import sys
import numpy as np
import thermofab as fab
from thermofab.models.boltzmann import *

machine = BoltzmannMachine.random(restricted(5, 3), 0.2, seed=10)
program = fab.compile(machine.ising(), fab.fabric(machine.connections.topology()), keep_zero=True, verify=False)
sampler = FabricSampler(program)
data = np.random.default_rng(11).random((50, 5)) < 0.4
config = Training(steps=12, batch=16, replicas=16, sweeps=2)
if sys.argv[2] == "first":
    state = start(machine, config)
    for _ in range(5):
        state = advance(state, config, data, sampler)
else:
    state, config = load_training(sys.argv[1], sampler)
    while state.step < 12:
        state = advance(state, config, data, sampler)
save_training(sys.argv[1], state, config, sampler)
"""


def test_another_process_goes_on_with_the_same_bits(tmp_path):
    for part in ("first", "second"):
        subprocess.run([sys.executable, "-c", _SCRIPT, str(tmp_path / "run"), part], check=True)
    machine = BoltzmannMachine.random(restricted(5, 3), 0.2, seed=10)
    sampler = a_sampler(machine)
    data = np.random.default_rng(11).random((50, 5)) < 0.4
    here = fit(machine, Training(steps=12, batch=16, replicas=16, sweeps=2), data, sampler)
    there, _ = load_training(tmp_path / "run", sampler)
    assert equal(here, there)


def test_devices_train_the_same_bits():
    machine = BoltzmannMachine.random(restricted(4, 3), 0.2, seed=12)
    data = np.random.default_rng(13).random((20, 4)) < 0.4
    config = Training(steps=3, batch=8, replicas=4, sweeps=2)
    states = [fit(machine, config, data, a_sampler(machine, device)) for device in ("jax", "reference", "jax-xla")]
    assert equal(states[0], states[1]) and equal(states[0], states[2])


@pytest.mark.rtl
def test_the_rtl_trains_the_same_bits():
    machine = BoltzmannMachine.random(restricted(4, 3), 0.2, seed=12)
    data = np.random.default_rng(13).random((20, 4)) < 0.4
    config = Training(steps=3, batch=8, replicas=4, sweeps=2)
    here, there = (fit(machine, config, data, a_sampler(machine, device)) for device in ("jax", "rtl"))
    assert equal(here, there)


@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_where_negative_chains_start(method, monkeypatch):
    machine = BoltzmannMachine.random(restricted(4, 3), 0.2, seed=18)
    data = np.random.default_rng(19).random((6, 4)) < 0.5
    sampler, seen = a_sampler(machine), []
    run = FabricSampler.run

    def recorded(self, *arguments, **options):
        done = run(self, *arguments, **options)
        seen.append((options["init"].copy(), options["seed"], done.node_states[:, -1]))
        return done

    monkeypatch.setattr(FabricSampler, "run", recorded)
    config = Training(method=method, steps=2, batch=6, replicas=5, sweeps=3)
    state = fit(machine, config, data, sampler)
    (first, seed_a, end), (second, seed_b, last) = seen
    assert seed_a != seed_b
    if method == "pcd":
        assert np.array_equal(second, end) and np.array_equal(state.chains, last)
    else:
        rows = {tuple(row) for row in data.tolist()}
        assert {tuple(row) for row in first[:, :4].tolist()} == rows == {tuple(row) for row in second[:, :4].tolist()}


def test_a_clip_bounds_the_master_copy():
    machine = BoltzmannMachine.zeros(fully_visible(3))
    data = np.ones((4, 3), dtype=bool)
    config = Training(method="exact", steps=50, batch=0, learning_rate=0.5, clip=0.75)
    after = fit(machine, config, data).machine
    assert float(np.abs(after.couplings).max()) == 0.75


def test_a_damaged_checkpoint_is_refused(tmp_path):
    machine = BoltzmannMachine.random(restricted(3, 2), 0.2)
    config = Training(method="exact", steps=2, batch=0)
    save_training(tmp_path / "run", start(machine, config), config)
    about = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**about, "digest": "0" * 64}))
    with pytest.raises(fab.ThermofabError, match="does not match the digest in run.json"):
        load_training(tmp_path / "run")
    (tmp_path / "run.json").write_text(json.dumps({**about, "kind": "picture"}))
    with pytest.raises(fab.ThermofabError, match="holds a 'picture' of version 1, not a 'boltzmann-training'"):
        load_training(tmp_path / "run")
    with pytest.raises(fab.ThermofabError, match="there is no checkpoint file"):
        load_training(tmp_path / "other")


def test_another_template_is_refused(tmp_path):
    machine = BoltzmannMachine.random(restricted(3, 2), 0.2)
    config = Training(steps=2, replicas=2, batch=2)
    save_training(tmp_path / "run", start(machine, config), config, a_sampler(machine))
    with pytest.raises(fab.ThermofabError, match="trained with another template program"):
        load_training(tmp_path / "run", a_sampler(machine, weight_bits=6))
    with pytest.raises(fab.ThermofabError, match="or choice of its step"):
        load_training(tmp_path / "run", replace(a_sampler(machine), step="fixed"))


_MACHINE = BoltzmannMachine.random(restricted(3, 2), 0.2)
_WIRED = BoltzmannMachine.random(fully_visible(5), 0.2)
_DATA = np.ones((2, 3), dtype=bool)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: Training(method="mcd"), "method must be one of cd, pcd, exact, got 'mcd'"),
        (lambda: Training(optimiser="lion"), "optimiser must be one of sgd, momentum, adam"),
        (lambda: Training(steps=0), "steps must be an integer of at least 1, got 0"),
        (lambda: Training(clamped_sweeps=1), "clamped_sweeps must be at least 2"),
        (lambda: Training(learning_rate=0.0), "learning rates must be positive"),
        (lambda: Training(clip=-1.0), "clip must be positive"),
        (lambda: replace(a_sampler(_MACHINE), step="free"), "step must be one of searched, fixed, got 'free'"),
        (lambda: fit(_MACHINE, Training(), _DATA), "method 'pcd' samples; give advance"),
        (lambda: fit(_MACHINE, Training(), _DATA[:, :2], a_sampler(_MACHINE)), r"data must have shape \(N, 3\)"),
        (
            lambda: a_sampler(_MACHINE).holding(BoltzmannMachine.zeros(restricted(2, 2))),
            "this sampler's program was compiled from another model",
        ),
        (
            lambda: FabricSampler(fab.compile(_WIRED.ising(), fab.fabric("king-6x6"))).held(_WIRED),
            "carries couplings over several sites",
        ),
    ],
)
def test_what_is_refused(call, sentence):
    with pytest.raises(fab.ThermofabError, match=sentence):
        call()


def test_training_on_a_fabric_that_needs_wires_learns():
    """Fully visible training needs no integers of its own: exact wires carry the couplings of an embedded program."""
    truth = a_truth(4, seed=14)
    data = drawn(truth.distribution, 2000, seed=15)
    machine = BoltzmannMachine.random(truth.machine.connections, 0.05, seed=16, data=data)
    program = fab.compile(machine.ising(), fab.fabric("king-4x4"), keep_zero=True, verify=False)
    config = Training(steps=200, batch=500, replicas=300, sweeps=6, learning_rate=0.05, final_learning_rate=0.002)
    after = fit(machine, replace(config, seed=17), data, FabricSampler(program)).machine
    assert kl_divergence(truth.distribution, Enumerated.of(after).distribution) < 0.02
