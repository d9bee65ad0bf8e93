"""FabricSampler: any device, compiled once, chains that go on, known spins, states on disk, and what is refused."""

import subprocess
import sys
from itertools import combinations

import networkx
import numpy as np
import pytest
import torch

from tests.present import present
from thermofab.apps.pytorch import sampler as sampler_file
from thermofab.compiler import TSUSampler
from thermofab.hw.spec import CompileError, DeviceError, Schedule, SpecError, open_device
from thermofab.models.boltzmann.enumeration import all_states
from thermofab.torch import FabricSampler, GraphRestrictedBoltzmannMachine, RestrictedBoltzmannMachine, fit

SAMPLES = 32768
# Hoeffding: a mean of K independent spins is off by more with probability below 1e-9, so any of fewer than 200 means
# here with probability below 2e-7; rounding is allowed 0.02.
BOUND = float(np.sqrt(2 * np.log(2e9) / SAMPLES)) + 0.02
STILL = Schedule(0, 1)


def complete_machine(n: int, hidden: int = 0, seed: int = 0) -> GraphRestrictedBoltzmannMachine:
    rng = np.random.default_rng(seed)
    pairs = list(combinations(range(n), 2))
    return GraphRestrictedBoltzmannMachine(
        range(n),
        pairs,
        hidden_nodes=range(n - hidden, n),
        linear=rng.normal(0, 0.4, n),
        quadratic=rng.normal(0, 0.4, len(pairs)),
    )


def conditional_means(machine, known: torch.Tensor) -> torch.Tensor:
    """E[s | the known spins] of one row ``[n]``, nan where unknown, by enumeration."""
    states = torch.tensor(2.0 * all_states(machine.n_nodes) - 1)
    fits = ((states == known) | known.isnan()).all(1)
    weights = torch.softmax(-machine.double()(states[fits]), 0)
    machine.float()
    return (weights @ states[fits]).detach()


def test_devices_give_the_same_spins():
    machine = complete_machine(5)
    draws = [
        FabricSampler(machine, device=name, replicas=4, seed=9).sample() for name in ("native", "reference", "jax")
    ]
    assert torch.equal(draws[0], draws[1]) and torch.equal(draws[0], draws[2])
    assert draws[0].abs().eq(1).all() and draws[0].dtype == machine.linear.dtype
    opened = open_device("native", FabricSampler(machine).template.fabric)
    assert torch.equal(draws[0], FabricSampler(machine, device=opened, replicas=4, seed=9).sample())
    assert torch.equal(draws[0], machine.sample("native", sample_params={"replicas": 4, "seed": 9}))


def test_it_compiles_once_and_draws_at_the_parameters_of_the_moment(monkeypatch):
    compiled = []
    inner = sampler_file.compile
    monkeypatch.setattr(sampler_file, "compile", lambda *a, **k: compiled.append(1) or inner(*a, **k))
    machine = complete_machine(5)
    sampler = FabricSampler(machine, replicas=SAMPLES, chains="fresh")
    sampler.sample()
    machine.set_linear({0: -2.0, 1: 1.5})
    machine.set_quadratic({(3, 2): 0.9})
    means = sampler.sample().mean(0)
    assert len(compiled) == 1
    assert (means - conditional_means(machine, torch.full((5,), torch.nan))).abs().max() < BOUND
    assert means[0] > 0.5 and means[1] < 0, "P ∝ exp(-E): a negative linear weight draws its spin up"
    held, q = sampler.held(), sampler.quantisation
    assert (held.linear - machine.linear).abs().max() <= q.max_error + 1e-6
    assert (held.quadratic - machine.quadratic).abs().max() <= q.max_error + 1e-6
    assert 0 < q.max_error <= q.step and q.saturated == 0


def test_chains_go_on_or_start_anew():
    machine = complete_machine(6)
    going = FabricSampler(machine, schedule=STILL, burn_in=5)
    first = going.sample()
    assert torch.equal(first, going.sample()), "no sweep: chains stay where they were"
    fresh = FabricSampler(machine, schedule=STILL, burn_in=5, chains="fresh")
    assert torch.equal(first, fresh.sample()) and not torch.equal(first, fresh.sample())
    start = torch.ones(7, 6)
    assert torch.equal(going.sample(start=start), start)
    assert torch.equal(first, going.sample()), "chains of contrastive divergence are not gone on with"
    moving = FabricSampler(machine, schedule=Schedule(1, 1), burn_in=5)
    moving.sample()
    assert not torch.equal(moving.sample(), moving.sample())


def test_known_spins_condition_the_others():
    machine = complete_machine(6)
    nan = torch.nan
    known = torch.tensor([[1, -1, nan, nan, nan, nan], [-1, -1, nan, nan, nan, nan], [nan, 1, nan, 1, nan, 1]])
    count = SAMPLES // 2
    sampler = FabricSampler(machine, conditional=Schedule(60, 1))
    drawn = sampler.sample(known.repeat(count, 1))
    assert drawn.shape == (3 * count, 1, 6)
    for row in range(3):
        mine = drawn[row::3, 0]
        seen = ~known[row].isnan()
        assert torch.equal(mine[:, seen], known[row, seen].expand(count, -1))
        assert (mine.mean(0) - conditional_means(machine, known[row])).abs().max() < BOUND * 2**0.5


def test_joined_hidden_nodes_are_drawn_given_the_data():
    machine = complete_machine(6, hidden=3)
    row = torch.tensor([[1.0, -1.0, 1.0]])
    sampler = FabricSampler(machine, conditional=Schedule(50, 2))
    drawn = sampler.complete(row.expand(SAMPLES, -1))
    assert drawn.shape == (SAMPLES, 2, 6)
    known = torch.cat([row[0], torch.full((3,), torch.nan)])
    assert (drawn[:, 0].mean(0) - conditional_means(machine, known)).abs().max() < BOUND
    with pytest.raises(SpecError, match="edges join hidden nodes, so the free energy has no closed form"):
        machine.free_energy(row)
    with pytest.raises(SpecError, match=r"give quasi_objective\(..., sampler=...\)"):
        machine.quasi_objective(row, sampler.sample())
    machine.quasi_objective(row, sampler.sample(), sampler=sampler).backward()
    assert present(machine.linear.grad).isfinite().all()


def test_a_machine_is_embedded_on_a_sparser_fabric():
    machine = complete_machine(5)
    sampler = FabricSampler(machine, fabric="g12-6x6", replicas=SAMPLES, burn_in=400)
    assert max(map(len, sampler.template.copies)) > 1
    want = conditional_means(machine, torch.full((5,), torch.nan))
    assert (sampler.sample().mean(0) - want).abs().max() < BOUND


def test_a_graph_that_does_not_fit_is_the_compilers_error():
    with pytest.raises(CompileError):
        FabricSampler(complete_machine(8), fabric="g4-3x3")


def test_a_dimod_sampler_draws_the_same_distribution():
    machine = complete_machine(5)
    want = conditional_means(machine, torch.full((5,), torch.nan))
    dimod_sampler = TSUSampler(networkx.Graph(machine.edges), device="native")
    params = {"num_reads": SAMPLES, "num_sweeps": 60, "beta": 1.0}
    drawn = machine.sample(dimod_sampler, sample_params=params)
    assert drawn.shape == (SAMPLES, 5) and (drawn.mean(0) - want).abs().max() < BOUND
    hot = machine.sample(dimod_sampler, prefactor=0.5, sample_params=params)
    assert machine.estimate_beta(hot) == pytest.approx(0.5, abs=0.1)
    h, couplings = machine.to_ising(2.0, linear_range=(-0.1, 0.1))
    assert max(map(abs, h.values())) == pytest.approx(0.1) and set(couplings) == set(machine.edges)


def trained(machine, sampler, steps: int, seed: int) -> None:
    rows = 2 * torch.bernoulli(torch.full((steps * 8, 6), 0.7), generator=torch.Generator().manual_seed(seed)) - 1
    fit(machine, [(batch,) for batch in rows.split(8)], sampler)


def test_training_gives_the_same_weights_on_every_device():
    found = []
    for device in ("native", "reference", "jax"):
        torch.manual_seed(0)
        machine = RestrictedBoltzmannMachine(6, 4)
        trained(machine, FabricSampler(machine, device=device, replicas=4, burn_in=3), 10, seed=0)
        found.append(machine.theta.detach())
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_a_run_goes_on_bit_for_bit_from_disk(tmp_path):
    def new():
        torch.manual_seed(4)
        machine = RestrictedBoltzmannMachine(6, 4)
        return machine, FabricSampler(machine, replicas=8, seed=2)

    machine, sampler = new()
    trained(machine, sampler, 5, seed=0)
    torch.save({"machine": machine.state_dict(), "sampler": sampler.state_dict()}, tmp_path / "run.pt")
    trained(machine, sampler, 5, seed=1)

    saved = torch.load(tmp_path / "run.pt")
    other = RestrictedBoltzmannMachine(6, 4)
    other.load_state_dict(saved["machine"])
    again = FabricSampler(other, replicas=8, seed=2)
    again.load_state_dict(saved["sampler"])
    trained(other, again, 5, seed=1)
    assert torch.equal(machine.theta, other.theta)
    assert torch.equal(sampler.sample(), again.sample())


def test_a_whole_machine_is_saved_and_loaded(tmp_path):
    machine = complete_machine(5, hidden=1)
    torch.save(machine, tmp_path / "machine.pt")
    again = torch.load(tmp_path / "machine.pt", weights_only=False)
    assert torch.equal(again.theta, machine.theta) and again.hidden_nodes == machine.hidden_nodes
    assert torch.equal(FabricSampler(again, seed=3).sample(), FabricSampler(machine, seed=3).sample())
    assert torch.equal(machine.to("cpu").theta, again.theta)


def test_weights_of_another_graph_are_refused():
    chain = GraphRestrictedBoltzmannMachine("abc", [("a", "b"), ("b", "c")])
    other = GraphRestrictedBoltzmannMachine("abc", [("a", "b"), ("a", "c")])
    with pytest.raises(SpecError, match="weights are of a machine of another graph"):
        other.load_state_dict(chain.state_dict())
    with pytest.raises(SpecError, match="state is of a sampler of another graph"):
        FabricSampler(chain).load_state_dict(FabricSampler(complete_machine(4)).state_dict())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a", "a"], []), "nodes must be distinct"),
        (([], []), "at least one node"),
        ((["a"], [("a", "b")]), "an edge names 'b', which is not among the 1 nodes"),
        ((["a"], [("a", "a")]), "'a' is joined to itself"),
        ((["a", "b"], [("a", "b"), ("b", "a")]), "an edge is listed twice"),
    ],
)
def test_malformed_graphs_are_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        GraphRestrictedBoltzmannMachine(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_nodes": ["z"]}, "hidden_nodes names 'z'"),
        ({"hidden_nodes": ["a", "b"]}, "every node is hidden"),
        ({"linear": {"z": 1.0}}, "linear gives a weight to 'z'"),
        ({"quadratic": {("a", "z"): 1.0}}, r"quadratic gives a weight to \('a', 'z'\)"),
        ({"linear": [1.0]}, r"linear must be a mapping or 2 numbers, got shape \(1,\)"),
        ({"linear": [1.0, float("nan")]}, "linear must be finite"),
    ],
)
def test_malformed_weights_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        GraphRestrictedBoltzmannMachine(["a", "b"], [("a", "b")], **options)


def test_bad_tensors_are_refused():
    machine = complete_machine(4, hidden=1)
    sampler = FabricSampler(machine, replicas=2)
    good = sampler.sample()
    cases = [
        (torch.ones(3), "s_observed must have shape"),
        (torch.ones(2, 5), r"\(B, 4\), all nodes, or \(B, 3\), the visible nodes, with B ≥ 1, got \(2, 5\)"),
        (torch.zeros(2, 3), r"must be spins, -1 and \+1; got 0.0. Bits become spins as 2 \* bits - 1"),
        (torch.ones(2, 3, dtype=torch.bool), "must be spins"),
        (torch.full((2, 3), torch.nan), "must be spins"),
        (np.ones((2, 3)), "must be a torch tensor"),
    ]
    for rows, message in cases:
        with pytest.raises(SpecError, match=message):
            machine.quasi_objective(rows, good)
    with pytest.raises(SpecError, match="s_model must have shape"):
        machine.quasi_objective(torch.ones(1, 3), torch.ones(2, 3))
    with pytest.raises(SpecError, match="kind must be"):
        machine.quasi_objective(torch.ones(1, 3), good, "exact")  # pyright: ignore[reportArgumentType]
    with pytest.raises(SpecError, match="x must have shape"):
        machine(torch.ones(2, 3))
    with pytest.raises(SpecError, match="or nan where unknown; got 0.5"):
        sampler.sample(torch.tensor([[0.5, 1, 1, torch.nan]]))
    with pytest.raises(SpecError, match="x or start, not both"):
        sampler.sample(good, start=good)


def test_bad_samplers_are_refused():
    machine, other = complete_machine(4), complete_machine(4)
    sampler = FabricSampler(other)
    for call in (lambda: machine.sample(sampler), lambda: fit(machine, [], sampler)):
        with pytest.raises(SpecError, match="made for another machine"):
            call()
    with pytest.raises(SpecError, match="prefactor and ranges are for other samplers"):
        other.sample(sampler, prefactor=2.0)
    with pytest.raises(SpecError, match="must be a FabricSampler, a device's name or a dimod sampler"):
        machine.sample(3)
    with pytest.raises(DeviceError, match="unknown device 'abacus'"):
        machine.sample("abacus")
    with pytest.raises(SpecError, match="chains must be 'persistent' or 'fresh'"):
        FabricSampler(machine, chains="forever")  # pyright: ignore[reportArgumentType]
    with pytest.raises(SpecError, match="replicas must be an integer of at least 1"):
        FabricSampler(machine, replicas=0)


def test_weights_that_are_not_finite_are_named():
    machine = complete_machine(4)
    sampler = FabricSampler(machine)
    with torch.no_grad():
        machine.quadratic[2] = torch.inf
    with pytest.raises(SpecError, match=r"quadratic of \(0, 3\) is inf"):
        sampler.sample()


def test_without_torch_the_line_that_installs_it_is_named():
    code = "import sys; sys.modules['torch'] = None; import thermofab.torch"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install 'thermofab[torch]'" in done.stderr
