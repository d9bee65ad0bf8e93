"""The constraint program against enumeration and on every device; the net and both together."""

import itertools

import numpy as np
import pytest

from thermofab.apps.reasoning import (
    Annealing,
    ConstraintProgram,
    HybridSettings,
    box_of,
    check_sudoku,
    device_choice,
    load_net,
    rules_broken,
    sampled_puzzles,
    solve_by_both,
    solve_by_constraints,
    solve_by_net,
)
from thermofab.apps.reasoning.constraints import UNIT
from thermofab.apps.reasoning.solvers import logit_fields
from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import SpecError


def energies(program: ConstraintProgram, states: np.ndarray) -> np.ndarray:
    """Of states bool ``[..., q³]`` by the image's integers, in units of the docstring's energy, up to a constant."""
    spins = 2 * states.astype(np.int64) - 1
    i, j = program.fabric.topology.edges.T
    image = program.image
    return -(spins @ image.biases + (spins[..., i] * spins[..., j]) @ image.weights) / UNIT


def test_solutions_are_the_ground_states(four):
    """Every state within a change of two spins of a solution has more energy, by the amounts the docstring says."""
    program = ConstraintProgram(four, "reference")
    grid = sampled_puzzles(four, 1, seed=0).solutions[0]
    state = np.zeros((16, 4), dtype=bool)
    state[np.arange(16), grid - 1] = True
    state = state.reshape(-1)
    least = energies(program, state)
    off = state.copy()
    off[np.flatnonzero(state)[3]] = False
    assert energies(program, off) - least == pytest.approx(7 / 8)
    for pair in itertools.combinations(range(64), 2):
        other = state.copy()
        other[list(pair)] ^= True
        if not four.solved(np.where(other.reshape(16, 4).sum(1) == 1, other.reshape(16, 4).argmax(1) + 1, 0)):
            assert energies(program, other) - least >= 1 / 8 - 1e-9


@pytest.mark.parametrize(("side", "sweeps", "count"), [(4, 16, 20), (6, 64, 20), (9, 300, 3)])
def test_the_rules_alone_solve_puzzles(side, sweeps, count):
    box = box_of(side)
    made = sampled_puzzles(box, count, seed=11)
    program = ConstraintProgram(box, "native", Annealing(sweeps))
    found = [solve_by_constraints(program, puzzle, seed=k) for k, puzzle in enumerate(made.puzzles)]
    right = [np.array_equal(one.grid, truth) for one, truth in zip(found, made.solutions)]
    assert sum(right) >= count - 1  # seeds are fixed; see docs/results/reasoning_solve.json for rates
    assert [one.broken == 0 for one in found] == right


def test_clues_and_what_they_rule_out_are_held(four):
    puzzle = sampled_puzzles(four, 1, seed=4).puzzles[0]
    program = ConstraintProgram(four, "native", Annealing(1))
    held = program.clamps(puzzle).reshape(16, 4)
    found = program.sample(puzzle, chains=8, seed=1)
    for cell in np.flatnonzero(puzzle):
        assert (found.grids[:, cell] == puzzle[cell]).all()
        for peer in four.peers[cell]:
            assert held[peer, puzzle[cell] - 1] == 0
    assert np.array_equal(found.broken, rules_broken(four, puzzle, found.grids)) and found.sweeps == 16


def test_simulators_give_the_same_bits(four):
    puzzle = sampled_puzzles(four, 1, seed=2).puzzles[0]
    found = [
        ConstraintProgram(four, name, Annealing(2)).sample(puzzle, chains=3, seed=9).sites
        for name in ("jax", "native", "reference")
    ]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2]) and found[0].any()


@pytest.mark.rtl
def test_the_rules_on_compiled_rtl_and_over_a_serial_line_give_the_bits_of_jax(four):
    """The board is the fabric's RTL, compiled, behind a pseudo-terminal; the driver takes it for a serial port."""
    from thermofab.sim.rtl.board import simulated_board

    puzzle, how = sampled_puzzles(four, 1, seed=2).puzzles[0], Annealing(4)
    expected = ConstraintProgram(four, "jax", how).sample(puzzle, chains=4, seed=9)
    rtl = ConstraintProgram(four, "rtl", how)
    assert np.array_equal(rtl.sample(puzzle, chains=4, seed=9).sites, expected.sites)
    with simulated_board(rtl.fabric, divisor=2) as path, SerialDevice(rtl.fabric, url=f"serial://{path}") as device:
        found = ConstraintProgram(four, device, how).sample(puzzle, chains=4, seed=9)
    assert np.array_equal(found.sites, expected.sites)
    assert expected.solved and np.array_equal(found.best, expected.best)


def test_fields_draw_the_samples(four):
    """Fields against the other digits of a cell of an empty puzzle; six standard errors of the difference are 0.3."""
    program, nothing = ConstraintProgram(four, "native", Annealing(8)), np.zeros(16, dtype=np.int64)
    fields = np.zeros((16, 4))
    fields[0] = [-2.0, -2.0, 0.0, -2.0]
    taken = program.sample(nothing, chains=200, seed=3, fields=fields).grids[:, 0] == 3
    free = program.sample(nothing, chains=200, seed=3).grids[:, 0] == 3
    assert taken.mean() > free.mean() + 0.3


def test_logit_fields():
    fields = logit_fields(np.array([[3.0, 1.0, -40.0]]), strength=0.5, full=4.0)
    assert fields.tolist() == [[0.0, -0.25, -0.5]]


def test_net_and_both(four, checkpoint):
    model = load_net(checkpoint)
    made = sampled_puzzles(four, 40, seed=8, clues=4)

    def solved(found):
        assert all((one.broken == 0) == np.array_equal(one.grid, truth) for one, truth in zip(found, made.solutions))
        assert all(one.readings <= 4 for one in found)
        return sum(one.broken == 0 for one in found)

    once = solve_by_net(model, four, made.puzzles)
    noisy = solve_by_net(model, four, made.puzzles, rollouts=4, seed=1)
    by_head = solve_by_net(model, four, made.puzzles, rollouts=4, choose="head", seed=1)
    program, choice = ConstraintProgram(four, "native", Annealing(2)), device_choice(4)
    both = solve_by_both(model, made.puzzles, program, choice, HybridSettings(rollouts=4), seed=1)
    again = solve_by_both(model, made.puzzles, program, choice, HybridSettings(rollouts=4), seed=1)
    assert solved(once) < 40  # or the test shows nothing
    assert solved(once) <= solved(noisy) and solved(once) < solved(both)
    assert all(one.readings == 4 for one in by_head) and solved(by_head) >= 0
    assert [one.grid.tolist() for one in both] == [one.grid.tolist() for one in again]
    tree = max(both, key=lambda one: len(one.attempts))
    assert {attempt.kind for attempt in tree.attempts} == {"reading", "sample"}
    for number, attempt in enumerate(tree.attempts):
        assert attempt.parent < number and (attempt.clues[tree.puzzle > 0] == tree.puzzle[tree.puzzle > 0]).all()
        assert attempt.broken == rules_broken(four, tree.puzzle, attempt.grid)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda m: solve_by_net(m, box_of(6), np.zeros((1, 36), int)), r"^this net reads 16 cells of 4 digits"),
        (lambda m: solve_by_net(m, box_of(4), np.zeros((1, 16), int), rollouts=0), r"^at least 1 reading or round"),
        (lambda m: HybridSettings(choose="luck"), r"^answers are chosen by head or rules, got 'luck'\.$"),  # pyright: ignore[reportArgumentType]
        (lambda m: HybridSettings(chains=0), r"^the hybrid needs at least 1 chain and guess"),
        (lambda m: Annealing(hot=9.0, cold=1.0), r"^annealing goes from a β to a larger one, got 9\.0 and 1\.0\.$"),
        (lambda m: Annealing(sweeps=0), r"^annealing needs sweeps ≥ 1 and 1 to 256 levels, got 0 and 16\.$"),
        (
            lambda m: ConstraintProgram(box_of(4)).image_with(np.zeros((4, 4))),
            r"^fields must be finite, of shape \[16, 4\], got \[4, 4\]\.$",
        ),
        (lambda m: load_net("no-such-net"), r"^there is no net 'no-such-net' here"),
        (lambda m: check_sudoku(box_of(4), np.full(16, 9)), r"^digits must be 0 \(empty\) to 4; row 1, column 1 "),
    ],
)  # fmt: skip
def test_bad_input_is_refused(checkpoint, act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act(load_net(checkpoint))
