"""Convergence: diagnostics on chains of known autocorrelation, schedules from pilots and runs that end in time, on
fresh seeds, to within stated chances of a false alarm."""

import json

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.present import present
from thermofab.compiler import fabric_of
from thermofab.hw.spec import (
    DiscreteModel,
    Factor,
    IsingModel,
    MixingWarning,
    RefusedError,
    Samples,
    Schedule,
    SpecError,
    auto,
    open_device,
)
from thermofab.hw.spec.auto import AutoSchedule, beta_ladder, with_levels
from thermofab.hw.spec.convergence import autocorrelation, autocorrelation_time, convergence, energy_trace
from thermofab.hw.spec.mixing import effective_samples, observables, split_r_hat
from thermofab.sim.tempering import Ladder, temper
from thermofab.sim.until import sample_until


def glass(side=4, spread=0.5, seed=0):
    draw = np.random.default_rng(seed)
    graph = networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(side, side))
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    return IsingModel(
        tuple(range(side**2)), 0.2 * draw.standard_normal(side**2), edges, spread * draw.standard_normal(len(edges))
    )


@pytest.fixture(scope="module")
def program():
    return fab.compile(glass(), fabric_of(glass(), profile="fine", levels=16))


@pytest.fixture(scope="module")
def stuck():
    """Two wells: eight spins coupled all to all, exp(-16 · 1.5 · 0.75) apart."""
    edges = np.array([(i, j) for i in range(8) for j in range(i + 1, 8)])
    model = IsingModel(tuple(range(8)), np.zeros(8), edges, np.full(len(edges), 1.5))
    return fab.compile(model, fabric_of(model, profile="fine"))


def test_autocorrelation_of_a_chain_of_known_autocorrelation():
    """x' = φx + noise has ρ(k) = φ^k and τ = ½ + φ/(1 - φ). 32 chains of 20,000: τ's relative error is
    sqrt(2(2·5 + 1)τ / 640,000) < 2% (Sokal); 7 of these are 14%."""
    rng = np.random.default_rng(0)
    for phi in (0.0, 0.5, 0.9):
        series = np.empty((32, 20_000, 2))
        series[:, 0] = rng.standard_normal((32, 2)) / np.sqrt(1 - phi**2)
        for t in range(1, series.shape[1]):
            series[:, t] = phi * series[:, t - 1] + rng.standard_normal((32, 2))
        tau = 0.5 + phi / (1 - phi)
        rho, times = autocorrelation([series])
        assert np.allclose(rho[:4], phi ** np.arange(4), atol=0.03)
        assert np.allclose(times, tau, rtol=0.14) and autocorrelation_time(rho) == pytest.approx(tau, rel=0.14)
        # The spread of 32 means of 2 observables, 62 degrees of freedom: a factor of 2 is beyond 1e-6 either way.
        assert 0.45 < effective_samples(series) / (20_000 / (2 * tau)) < 2.6


def test_no_observable_and_halves_of_one_sample_have_no_autocorrelation_and_no_r_hat():
    with pytest.raises(SpecError, match=r"^autocorrelation needs at least one observable\.$"):
        autocorrelation([])
    states = np.random.default_rng(0).random((4, 6, 2)) < 0.5
    assert np.isnan(split_r_hat(states[:, :3])), "a half of one sample has no variance"
    kept = np.zeros((4, 6), dtype=bool)
    kept[2, :3] = True
    assert np.isnan(split_r_hat(states, kept)), "one half of one chain is left"
    kept[:, :] = True
    assert split_r_hat(states, kept) == pytest.approx(split_r_hat(states))


def test_mixing_is_judged_by_spins_their_pairs_and_every_category():
    pair = Factor(np.zeros((1, 1), int), np.ones((1, 1), int), np.array([[0.1, 0.2, 0.3]]))
    states = np.array([[[1, 2], [0, 1]]])
    spins, categories = observables(DiscreteModel(("a", "b"), np.array([0, 3]), (pair,)), states)
    assert spins.tolist() == [[[1.0], [-1.0]]]
    assert categories.tolist() == [[[False, False, True], [False, True, False]]]
    spins, pairs = observables(IsingModel((0, 1), np.zeros(2), np.array([[0, 1]]), np.ones(1)), states > 0)
    assert spins.tolist() == [[[1.0, 1.0], [-1.0, 1.0]]] and pairs.tolist() == [[[1.0], [-1.0]]]


def test_a_clamped_program_has_no_distance_from_the_enumerated_distribution(program):
    """Red if samples of the conditional distribution are held against the whole one, from a file too."""
    samples = program.sample(Schedule(20, 100), replicas=8, seed=5, device="native", clamp={0: True})
    ended = sample_until(program, 100, replicas=8, device="native", clamp={0: True}).samples
    for run in (samples, Samples.from_json(json.loads(json.dumps(samples.to_json())), program), ended):
        found = convergence(run)
        assert found.tv is None and str(found).endswith(f"R-hat {found.r_hat:.4g}")


def test_mixing_of_a_slow_program_is_measured_once_more_on_samples_further_apart(stuck):
    """Red if the first figure, of next to no effective samples, is kept."""
    with pytest.warns(MixingWarning):
        by_default, near, apart = (
            stuck.with_mixing(asked, replicas=8, device="native").report.mixing
            for asked in (None, Schedule(2000, 2000), Schedule(2000, 2000, 16))
        )
    assert by_default == apart != near


def test_convergence_says_what_a_run_is_worth(program):
    good = program.sample(Schedule(100, 400), replicas=32, seed=5, device="native")
    found = convergence(good)
    assert found.chains == 32 and found.samples == 400 and found.r_hat < 1.1
    assert found.slowest >= found.tau >= 0.5
    assert 0.4 < found.effective / (32 * 400 / (2 * found.tau)) < 2.5
    assert 0.9 * present(found.tv_least) < present(found.tv) < present(found.tv_most) + 7 * present(
        found.tv_error
    ) and "exact draws" in str(found)
    assert energy_trace(good).shape == (32, 400)
    strided = convergence(program.sample(Schedule(100, 400, 3), replicas=32, seed=6, device="native"), exact=False)
    assert strided.tv is None and strided.tau >= 1.5  # in sweeps
    with pytest.raises(SpecError, match="8 chains"):
        convergence(program.sample(Schedule(10, 400), replicas=2, seed=5, device="native"))
    bare = open_device("native", program.fabric)
    bare.load(program.image)
    with pytest.raises(SpecError, match="bare image"):
        convergence(bare.run(Schedule(10, 40), replicas=8))


def test_wells_are_seen_not_to_have_met(stuck):
    with pytest.warns(MixingWarning, match="have not met"):
        samples = stuck.sample(Schedule(10, 200), replicas=16, seed=1, device="native", discard=False)
    found = convergence(samples)
    assert found.r_hat > 1.5 and found.effective < 100 and present(found.tv) > 0.1


def test_a_planned_schedule_meets_its_target_on_fresh_seeds(program):
    """The truth, of 20 fresh runs: squared errors of all nodes' means against enumeration say how many independent
    samples a run was worth. 20 · 16 squared errors, correlated between nodes as the spins are (an effective number of
    60 or more): their mean is within a factor of 2.2 of its expectation with a chance above 1 - 1e-6."""
    target = 2000
    planned = Schedule.auto(program, target, 2_000_000, replicas=32, device="native", seed=3)
    assert isinstance(planned, AutoSchedule) and planned.evidence is not None
    assert planned.evidence.spent + planned.evidence.planned <= 2_000_000 and planned.evidence.expected >= target
    assert 8 <= planned.replicas <= 32 and planned.n_warmup >= 10
    assert planned.evidence.planned == planned.replicas * planned.n_sweeps
    truth = 2 * fab.exact(program).marginals - 1
    worth = []
    for seed in range(100, 120):
        samples = program.sample(planned, replicas=planned.replicas, seed=seed, device="native")
        worth.append((samples.moments().first - truth) ** 2)
    measured = np.sum(1 - truth**2) / np.mean(np.sum(worth, axis=1))
    assert measured > target / 2.2, measured
    again = Schedule.auto(program, target, 2_000_000, replicas=32, device="native", seed=3)
    assert planned.evidence_json()["planned"] == planned.evidence.planned
    assert again == planned and Schedule.from_json(planned.to_json()).n_samples == planned.n_samples
    assert "pilots of Schedule.auto" in str(planned.reported(program).report)


def test_a_target_beyond_the_budget_is_refused_in_words(program, stuck):
    with pytest.raises(RefusedError, match="need about .* sweeps in all .* it would give about"):
        Schedule.auto(program, 1_000_000, 200_000, replicas=16, device="native")
    with pytest.raises(RefusedError, match="have not met .* Raise the budget, or temper"):
        Schedule.auto(stuck, 100, 100_000, replicas=16, device="native")
    with pytest.raises(RefusedError, match="the first pilot takes 2032 sweeps"):
        Schedule.auto(program, 100, 1000, replicas=16, device="native")
    with pytest.raises(SpecError, match="replicas must be a number of at least 8"):
        Schedule.auto(program, 100, 1000, replicas=4)


def test_a_run_ends_when_it_is_worth_the_target(program):
    """On 10 fresh seeds a run of as many samples, on which the end did not depend, is worth the target, by its errors
    against enumeration, within a factor of 2.5 (10 · 16 squared errors, an effective number of 30 or more)."""
    target, errors, truth = 1500, [], 2 * fab.exact(program).marginals - 1
    for seed in range(10):
        ended = sample_until(program, target, replicas=32, device="native", seed=seed)
        assert ended.met and ended.effective >= target and ended.looks[-1].r_hat <= 1.05
        length = ended.samples.schedule
        fresh = program.sample(length, replicas=32, seed=1000 + seed, device="native")
        errors.append((fresh.moments().first - truth) ** 2)
    measured = np.sum(1 - truth**2) / np.mean(np.sum(errors, axis=1))
    assert target / 2.5 < measured, measured


def test_an_ended_run_is_the_run_of_that_length(program):
    ended = sample_until(program, 500, schedule=Schedule(20, 30, 2), replicas=16, device="native", seed=4)
    same = program.sample(ended.samples.schedule, replicas=16, seed=4, device="native")
    assert len(ended.looks) > 1 and np.array_equal(ended.samples.sites, same.sites)
    assert ended.samples.ledger.sweeps == same.ledger.sweeps


def test_a_run_that_cannot_meet_its_target_ends_and_says_so(stuck):
    ended = sample_until(stuck, 200, most=2000, replicas=16, device="native", seed=0)
    assert not ended.met and "NOT met" in str(ended)
    assert ended.samples.schedule.n_sweeps <= 2000
    with pytest.raises(SpecError, match="8 replicas"):
        sample_until(stuck, 200, replicas=2)


def test_a_ladder_from_pilots_exchanges_as_often_as_it_is_made_to(program):
    """Shares of 4 ladders · 400 rounds / 2 offers: standard error below 0.02 for independent ones; the rule itself
    holds for normal energies only, hence the width."""
    betas = beta_ladder(program, hottest=0.2, device="native")
    assert betas[0] == 1.0 and betas[-1] == 0.2 and all(a > b for a, b in zip(betas, betas[1:]))
    ladder, tables = Ladder.of(program.fabric, program.report.quantisation.step, program.image.shift, betas)
    device = open_device("native", program.fabric)
    device.load(program.image.replace(tables=tables))
    found = temper(device, ladder, rounds=400, sweeps=2, warmup=50, replicas=4, seed=1)
    assert np.all(found.accepted[:-1] > 0.2) and np.all(found.accepted[:-1] < 0.7), found.accepted
    with pytest.raises(SpecError, match="between 0 and 1"):
        beta_ladder(program, hottest=2.0)


def test_levels_that_do_not_fit_a_fabric_or_its_table_are_refused(program, monkeypatch):
    with pytest.raises(SpecError, match=r"^17 levels need as many tables, and this fabric holds 16\.$"):
        with_levels(program, np.linspace(1, 0.1, 17).tolist())
    tables = program.image.tables.copy()
    tables[0] = tables[0][::-1]
    other = program.replace(image=program.image.replace(tables=tables))
    with pytest.raises(SpecError, match=r"^a ladder scales the standard table, and this program's level 0 holds an"):
        with_levels(other, [1.0])
    monkeypatch.setattr(auto, "_MOST_RUNGS", 2)
    with pytest.raises(RefusedError, match=r"^more than 2 levels would be needed from 1 down to 0\.1\.$"):
        beta_ladder(program, device="native")


def test_a_schedule_that_no_pilots_planned_has_no_evidence(program):
    bare = AutoSchedule(10, 20)
    assert bare.evidence_json() == {}
    for ask in (bare.reported, bare.prepared):
        with pytest.raises(SpecError, match=r"^this schedule has no evidence; make it by Schedule\.auto\.$"):
            ask(program)


def test_a_schedule_anneals_through_levels_that_pilots_placed(program):
    """What 20 runs are worth is judged as above, with the same chance of a false alarm."""
    planned = Schedule.auto(program, 2000, 4_000_000, replicas=32, device="native", hottest=0.2)
    evidence = present(planned.evidence)
    assert evidence.betas[0] == 1 and evidence.betas[-1] == 0.2 and len(evidence.betas) <= program.fabric.levels
    assert [level for _, level in planned.anneal] == list(range(len(evidence.betas) - 1, 0, -1))
    ready = planned.prepared(program)
    _, tables = Ladder.of(program.fabric, program.report.quantisation.step, program.image.shift, evidence.betas)
    assert np.array_equal(ready.image.tables[: len(evidence.betas)], tables[: len(evidence.betas)])
    assert "annealed through" in str(evidence) and evidence.planned == planned.replicas * planned.n_sweeps
    truth = 2 * fab.exact(program).marginals - 1
    errors = [
        (ready.sample(planned, replicas=planned.replicas, seed=100 + k, device="native").moments().first - truth) ** 2
        for k in range(20)
    ]
    worth = np.sum(1 - truth**2) / np.mean(np.sum(errors, axis=1))
    assert worth > 2000 / 2.2, worth
    with pytest.raises(RefusedError, match="first pilot takes .* that placed β levels"):
        Schedule.auto(program, 2000, 20_000, replicas=32, device="native", hottest=0.2)
    with pytest.raises(SpecError, match="anneals to level 0"):
        Schedule.auto(program, 2000, 4_000_000, level=1, hottest=0.2)
