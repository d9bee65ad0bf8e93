"""Methods compared: every method samples what it is asked to, and what is said of it is what was run."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.present import present
from thermofab.apps.cli import app
from thermofab.apps.profile import THRMLProfiler
from thermofab.apps.profile.alone import measured_alone
from thermofab.apps.profile.builtin import BUILTIN, builtin
from thermofab.apps.profile.host import host_quality
from thermofab.apps.profile.method import Setting
from thermofab.apps.profile.methods import METHODS
from thermofab.apps.profile.problem import problem_of
from thermofab.apps.profile.quality import quality
from thermofab.hw.spec import DiscreteModel, RefusedError, SpecError
from thermofab.hw.spec.discrete import factor_of

FAST = Setting(chains=64, samples=500, warmup=60, steps=2)
PEERS = ("numpy", "jax-gibbs", "thrml", "torch", "native", "dwave-sa", "dwave-tree")


@pytest.fixture(scope="module")
def problems():
    return {name: builtin(name) for name in BUILTIN}


@pytest.mark.parametrize("name", list(BUILTIN))
def test_pairs_are_the_model(problems, name):
    """The tables that peers sample give the model's energies, up to a constant."""
    problem = problems[name]
    rng, pairs = np.random.default_rng(0), problem.pairs
    states = (rng.random((50, len(problem.sizes))) * problem.sizes).astype(int)
    slots = np.arange(len(problem.sizes))
    total = pairs.unary[slots, states].sum(axis=1)
    for d in range(pairs.tables.shape[1]):
        total += 0.5 * pairs.tables[slots, d, states, states[:, pairs.neighbours[:, d]]].sum(axis=1)
    gap = total + problem.model.beta * problem.model.energies(states)
    assert np.ptp(gap) < 1e-9
    assert sorted(np.concatenate(pairs.colours)) == list(slots)
    for colour in pairs.colours:
        real = np.any(pairs.tables[colour] != 0, axis=(2, 3))
        assert not np.any(np.isin(pairs.neighbours[colour], colour) & real)


@pytest.mark.parametrize("method", PEERS)
@pytest.mark.parametrize("name", ["spin-glass", "potts"])
def test_every_method_samples_the_exact_distribution(problems, name, method):
    """P of every state of every node against enumeration. 32,000 samples worth 4,000 or more independent ones: an error
    above 6.5 standard deviations of 4,000 draws has a chance below 50 · 1e-10."""
    problem = problems[name]
    if name == "potts" and method.startswith("dwave"):
        with pytest.raises(SpecError, match="spins"):
            METHODS[method].prepare(problem, FAST)
        return
    states = METHODS[method].prepare(problem, FAST)(7)
    assert states.shape == (64, 500, len(problem.sizes)) and states.dtype == np.uint8
    found = quality(problem, states)
    assert found.effective > 4000 and found.r_hat < 1.1
    assert 0.95 * present(found.tv_least) < present(found.tv) < present(found.tv_most) + 7 * present(found.tv_error)
    tensor = problem.truth.reshape(problem.sizes)
    for k, size in enumerate(problem.sizes):
        p = tensor.sum(axis=tuple(i for i in range(len(problem.sizes)) if i != k))
        share = np.bincount(states[..., k].ravel(), minlength=size) / (64 * 500)
        assert np.all(np.abs(share - p) < 6.5 * np.sqrt(p * (1 - p) / 4000)), (k, share, p)


def test_distance_from_exact_is_that_of_draws_for_draws_and_more_for_a_wrong_distribution(problems):
    """The draws' own distance within 7 of its standard deviations of what was expected: chance below 1e-11 for a normal
    distance."""
    problem = problems["spin-glass"]
    rng = np.random.default_rng(1)
    drawn = rng.choice(len(problem.truth), 64 * 500, p=problem.truth)
    states = np.stack(np.unravel_index(drawn, problem.sizes), axis=1).reshape(64, 500, -1).astype(np.uint8)
    right = quality(problem, states)
    assert right.effective > 20_000
    assert (
        abs(present(right.tv) - present(right.tv_least)) < 7 * present(right.tv_error)
        and present(right.tv_least) <= present(right.tv_most) * 1.02
    )
    wrong = quality(problem, rng.integers(0, 2, states.shape).astype(np.uint8))
    assert present(wrong.tv) > present(wrong.tv_most) + 50 * present(wrong.tv_error)


def test_effective_samples_of_repeated_draws_are_the_draws():
    """64 chains whose draws repeat 4 times are worth a quarter: the estimate is a ratio to a variance of 64 means of 3
    coordinates (63 · 3 or more degrees of freedom, deviation 0.1): a factor of 2 is 7 deviations."""
    rng = np.random.default_rng(3)
    states = np.repeat(rng.standard_normal((64, 250, 3)), 4, axis=1)
    assert 8000 < host_quality(states).effective < 32_000
    assert host_quality(np.ones((8, 50, 2))).effective == 0.0


def test_an_energy_of_pairs_of_spins_runs_on_devices_and_beside_them():
    biases, coupling = np.array([0.1, -0.2, 0.15, -0.1]), 0.4

    def energy(s):
        return -np.dot(biases, s) - coupling * (s[0] * s[1] + s[1] * s[2] + s[2] * s[3])

    profiler = THRMLProfiler(("numpy", "reference", "native"), chains=32, rounds=2, memory=False, longest=0.3)
    found = profiler.compare_methods(energy, np.array([1, -1, 1, 1]), num_samples=6400)
    assert found.state_space == "spins" and "sum of pairs" in found.said
    assert [row.method for row in found.run] == ["numpy", "reference", "native", "fabric at 80 MHz"]
    for row in found.run:
        assert row.rate > 0 and present(present(row.quality).tv) < 0.1 and present(row.quality).effective > 200
    assert found["fabric at 80 MHz"].standing == "modelled"
    assert found["reference"].samples <= found["native"].samples == 6400
    assert json.loads(json.dumps(found.to_json()))["rows"][0]["effective_per_second"] > 0
    assert "not tested" in next(c.found for c in found.claims if "PyTorch" in c.claim)


def test_the_documents_call_samples_real_states_and_says_so():
    profiler = THRMLProfiler(("numpy", "jax-gibbs", "native"), rounds=1, memory=False, longest=0.2, chains=16)
    found = profiler.compare_methods(lambda s: float(jnp.sum(s**2)), jnp.ones(10) * 0.5, num_samples=1000)
    assert found.state_space == "real" and "Metropolis" in found.said
    assert "no way to sample real numbers" in found["native"].left_out
    assert (
        "float()" in found["jax-gibbs"].left_out
        and found["numpy"].rate > 0
        and present(found["numpy"].quality).tv is None
    )


def test_metropolis_has_the_right_variance():
    """64 chains of a normal of variance ½, of 1,500 effective samples or more: the variance's standard error is below
    4%, and 30% is 7 of them."""
    from thermofab.apps.profile.host import real_contestants

    for contestant in real_contestants(lambda s: (s * s).sum(), np.array([0.5, 0.5])):
        states = contestant.prepare(Setting(64, 400, 200, 4))(5)
        assert states.shape == (64, 400, 2)
        assert host_quality(states).effective > 1500
        assert np.allclose(states.reshape(-1, 2).var(axis=0), 0.5, rtol=0.3)


def test_energies_that_have_no_distribution_are_refused():
    profiler = THRMLProfiler(("numpy",), chains=8, rounds=1, memory=False, longest=0.2, warmup=2000)
    found = profiler.compare_methods(lambda s: -float(np.sum(s**2)), np.ones(2) * 0.5, num_samples=800)
    assert "ran off" in found["numpy"].left_out
    short = THRMLProfiler(("numpy",), chains=8, rounds=1, memory=False, longest=0.2, warmup=20)
    assert "have not met" in str(short.compare_methods(lambda s: -float(s @ s), np.ones(2) * 0.5, num_samples=800))


def test_three_spins_in_a_python_function_are_sampled_on_the_host():
    profiler = THRMLProfiler(("numpy", "native"), chains=8, rounds=1, memory=False, longest=0.2, warmup=5)
    found = profiler.compare_methods(lambda s: -0.5 * s[0] * s[1] * s[2], [1, 1, -1], num_samples=200)
    assert "on the host alone" in found.said and found["native"].left_out and found["numpy"].samples >= 160


def test_programs_of_higher_order_run_on_our_devices_alone():
    model = DiscreteModel((0, 1, 2), np.zeros(3, int), (factor_of([[0, 1, 2]], [[]], np.array([0.7])),))
    profiler = THRMLProfiler(("numpy", "native"), chains=16, rounds=1, memory=False)
    found = profiler.compare_methods(model, num_samples=3200)
    assert "3 nodes" in found["numpy"].left_out and present(present(found["native"].quality).tv) < 0.1


def test_what_cannot_be_asked_is_refused_in_words():
    profiler = THRMLProfiler()
    with pytest.raises(SpecError, match="needs an initial state"):
        profiler.compare_methods(lambda s: 0.0)
    with pytest.raises(SpecError, match="built in are"):
        profiler.compare_methods("ising")
    with pytest.raises(SpecError, match="unknown method"):
        THRMLProfiler(("cuda",)).compare_methods("rbm")
    with pytest.raises(SpecError, match="chains must be an integer of at least 8"):
        THRMLProfiler(chains=2).compare_methods("rbm")


def test_memory_is_that_of_a_process_of_its_own(problems):
    found = measured_alone(problem_of(problems["rbm"].model, "rbm", ""), "native", Setting(8, 20, 1, 1))
    if found is None:
        pytest.skip("this system does not say a process's peak memory")
    assert 10 < found["base_mib"] <= found["peak_mib"] < 4096 and found["seconds"] > 0


def test_command_and_picture(tmp_path):
    out = tmp_path / "table.png"
    command = ["profile", "rbm", "--method", "numpy", "--method", "native", "--samples", "2000", "--rounds", "2"]
    done = CliRunner().invoke(app, [*command, "--no-memory", "--json", "--out", str(out)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {row["method"] for row in found["rows"]} == {"numpy", "native", "fabric at 80 MHz"}
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_command_plans_a_schedule_and_draws_a_run_of_it(tmp_path):
    out = tmp_path / "run.png"
    command = ["profile", "rbm", "--device", "native", "--target-ess", "1000", "--budget"]
    done = CliRunner().invoke(app, [*command, "1000000", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["evidence"]["expected"] >= 1000 and found["run"]["effective"] > 400
    assert found["schedule"]["n_warmup"] >= 10 and out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    refused = CliRunner().invoke(app, [*command, "1000"])
    assert isinstance(refused.exception, RefusedError) and "the budget is 1000" in str(refused.exception)


def test_command_prints_a_ledger():
    done = CliRunner().invoke(app, ["profile", "rbm", "--ledger", "--device", "native", "--samples", "640", "--json"])
    assert done.exit_code == 0, done.output
    names = {figure["name"] for figure in json.loads(done.stdout)["figures"]}
    assert {"cycles", "bus bytes", "samples", "energy on DTCA", "energy on ECP5 spatial, 1 W"} <= names
