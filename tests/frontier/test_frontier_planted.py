"""What the planted benchmarks stand on: ground states by enumeration, energies on the fabric, time to solution."""

import numpy as np
import pytest
from frontier.planted import all_states, pair_energies, rank_over_two, wishart, xorsat
from frontier.planted_exact import least_energy
from frontier.planted_images import image_energies, on_complete_graph, on_factor_sites, on_gadgets, polynomial
from frontier.planted_page import TABLES
from frontier.planted_runs import NEVER, annealed_hits, exchanged_hits, placed_ladder
from frontier.planted_tts import best_of, growth, hits_by, length_grid, time_to_solution
from page_tables import filled
from results import ROOT

import thermofab as fab
from thermofab.hw.spec import SpecError


@pytest.mark.parametrize(("size", "seed"), [(8, 0), (12, 1), (16, 2)])
def test_a_planted_xorsat_state_is_the_only_ground_state(size, seed):
    problem = xorsat(size, seed)
    states = all_states(size)
    energies = problem.energies(states)
    assert energies.min() == -size == problem.energies(problem.planted)
    assert np.all(states[energies == -size] == problem.planted)
    assert np.partition(np.unique(energies), 1)[1] == -size + 2
    assert np.all(np.bincount(problem.rows.ravel(), minlength=size) == 3)


@pytest.mark.parametrize("ratio", [0.1, 0.25, 0.75])
def test_a_planted_wishart_state_is_a_ground_state(ratio):
    problem = wishart(14, ratio, 3)
    energies = problem.energies(all_states(14))
    planted = problem.energies(problem.planted)
    assert planted == pytest.approx(energies.min(), abs=1e-9)
    assert np.count_nonzero(energies < planted + 1e-9) == 2
    assert least_energy(problem.couplings) == pytest.approx(energies.min(), abs=1e-9)


def test_enumeration_of_halves_is_that_of_the_whole():
    weights, _ = wishart(13, 0.3, 0).rounded(8)
    assert round(least_energy(weights)) == pair_energies(weights, all_states(13)).min()


def test_factor_sites_and_gadgets_have_the_equations_energies():
    problem = xorsat(8, 4)
    states = all_states(8)
    wanted = problem.energies(states)
    factors, gadgets = on_factor_sites(problem), on_gadgets(problem)
    assert np.array_equal(factors.step * image_energies(factors.image, states > 0), wanted)
    assert factors.step * factors.ground == -8
    # Hidden spins see only the problem's own, so the least over all of them is the sum of each one's.
    least = np.full(len(states), np.iinfo(np.int64).max)
    for hidden in all_states(8):
        whole = np.concatenate([states, np.broadcast_to(hidden, states.shape)], axis=1)
        least = np.minimum(least, image_energies(gadgets.image, whole > 0))
    # An equation's gadget has -4 or -2, and the equation itself -1 or +1.
    assert np.array_equal(least, wanted - 3 * 8)
    assert least.min() == gadgets.ground


def test_the_compiler_puts_the_equations_on_factor_sites():
    problem = xorsat(10, 5)
    spec = on_factor_sites(problem).image.fabric
    program = fab.compile(polynomial(problem), spec, beta=1.0, verify=False)
    assert program.report.sites == 10 and not np.any(program.image.weights)
    states = all_states(10)
    sites = np.empty(states.shape, dtype=bool)
    for number, copies in zip(program.model.nodes, program.copies):
        assert isinstance(number, int)
        sites[:, copies[0]] = states[:, number] > 0
    energies = program.report.quantisation.step * image_energies(program.image, sites)
    assert np.allclose(energies, problem.energies(states), atol=0.05)


@pytest.mark.parametrize("pose", [on_factor_sites, on_gadgets])
def test_exchange_and_annealing_hit_the_planted_energy_and_nothing_lower(pose):
    posed = pose(xorsat(16, 6))
    betas = placed_ladder(posed, 1.6, 1.0, None)
    done = exchanged_hits(posed, betas, sweeps=4, runs=64, most=4096, seed=1)
    assert np.all(done.rounds != NEVER) and done.rounds.min() >= 1
    assert done.lowest == posed.ground
    annealed = annealed_hits(posed, np.linspace(1.0, 1.6, 16).tolist(), sweeps=256, runs=128, seed=1)
    assert annealed.hits > 0 and annealed.lowest == posed.ground
    assert annealed.updates == 256 * posed.image.fabric.n_sites


def test_rounded_wishart_energies_are_those_of_the_image():
    problem = wishart(12, 0.3, 1)
    posed = on_complete_graph(problem, 12)
    states = all_states(12)
    energies = image_energies(posed.image, states > 0)
    assert image_energies(posed.image, problem.planted > 0) == posed.ground
    # Rounding errs by half a unit a pair.
    assert np.max(np.abs(energies * posed.step - problem.energies(states))) <= 66 * posed.step / 2 + 1e-9


def test_rank_over_two():
    assert rank_over_two(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]])) == 2
    assert rank_over_two(np.eye(5, dtype=int)[::-1]) == 5


def test_time_to_solution_of_a_known_probability():
    """Geometric hitting times of p = 0.01 a round: ln(0.01) / ln(0.99) rounds, whatever the length of a run.

    The estimate from 20,000 runs has a relative standard error below 0.02 at every length asked; 0.12 is 6 of them.
    """
    rounds = np.random.default_rng(7).geometric(0.01, 20_000)
    lengths = np.array([16, 32, 64, 128, 256])
    times = time_to_solution(lengths, hits_by(rounds, lengths), len(rounds))
    assert times == pytest.approx(np.log(0.01) / np.log(0.99), rel=0.12)
    assert np.isinf(time_to_solution(lengths, np.full(5, 3), 10)).all()
    assert time_to_solution(np.array([7]), np.array([1000]), 1000)[0] == 7


def test_the_best_length_and_the_growth():
    lengths = length_grid(4, 64)
    assert lengths.tolist() == [4, 6, 8, 11, 16, 23, 32, 45, 64]
    draw = np.random.default_rng(1)
    # The median is least at 16 and ten times larger for every 20 spins.
    shape = 1 + np.abs(np.log2(lengths / 16))
    times = [shape * 10 ** (size / 20) * draw.lognormal(0, 0.2, (41, 1)) for size in (20, 40, 60)]
    best = best_of(lengths, times[0])
    assert best.length == 16 and not best.edge and best.low <= best.median <= best.high
    found = growth([20, 40, 60], times)
    assert found.slope_low <= 0.05 <= found.slope_high and found.slope == pytest.approx(0.05, abs=0.005)


def test_what_is_refused():
    with pytest.raises(SpecError, match="at least 6 spins, got 5"):
        xorsat(5, 0)
    with pytest.raises(SpecError, match="a ratio above 0"):
        wishart(8, 0.0, 0)
    with pytest.raises(SpecError, match="4 to 32 spins, got 40"):
        least_energy(np.zeros((40, 40)))
    with pytest.raises(SpecError, match="hits must lie in 0…3"):
        time_to_solution(np.array([1]), np.array([4]), 3)
    with pytest.raises(SpecError, match="three sizes or more"):
        growth([1, 2], [np.ones((3, 2))] * 2)
    with pytest.raises(SpecError, match="needs at least as many sweeps"):
        annealed_hits(on_factor_sites(xorsat(8, 0)), [1.0, 2.0], sweeps=1, runs=1, seed=0)


def test_the_page_has_the_tables_of_the_results():
    text = (ROOT / "docs" / "frontier-planted.md").read_text()
    assert all(f"<!-- table: {name} -->" in text for name in TABLES)
    assert filled(text, TABLES) == text
