"""Three ways to solve a Sudoku: the recursive net, the constraint program on a fabric, and both together.

Each takes checked puzzles (:func:`~thermofab.apps.reasoning.check_sudoku`) and returns the answers with how they were
come by. An answer is chosen by *head*, the one of the largest halting logit, or by *rules*, the one that breaks fewest:
rules need no solution, and stop the work once an answer breaks none.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from thermofab.apps.reasoning.constraints import ConstraintProgram, rules_broken
from thermofab.apps.reasoning.nets import STEPS, check_net, read_puzzles
from thermofab.compiler import compile
from thermofab.hw.spec import Device, SpecError, fabric
from thermofab.models.hybrid import DeviceChoice, DeviceFields, choice_layout
from thermofab.models.puzzles import Box
from thermofab.models.seeds import derived
from thermofab.models.trm import SequenceTRM

Chooser = Literal["head", "rules"]
CHOOSERS = ("head", "rules")


@dataclass(frozen=True, eq=False)
class Attempt:
    """An answer on the way.

    Attributes:
        parent: number of the attempt it started from, -1 for none.
        kind: ``"reading"`` by the net or ``"sample"`` of the device.
        grid: int64 ``[q²]``.
        broken: rules it breaks.
        halting: halting logit; not a number for a sample.
        clues: what was read or clamped, int64 ``[q²]``: the puzzle's, and guesses.
    """

    parent: int
    kind: str
    grid: np.ndarray
    broken: int
    halting: float
    clues: np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """An answer to one puzzle.

    Attributes:
        box, puzzle: what was asked.
        attempts: all answers, in order.
        chosen: number of the attempt that the answer is from.
        sweeps: of the device, over all chains.
    """

    box: Box
    puzzle: np.ndarray
    attempts: tuple[Attempt, ...]
    chosen: int
    sweeps: int = 0

    @property
    def grid(self) -> np.ndarray:
        return self.attempts[self.chosen].grid

    @property
    def broken(self) -> int:
        return self.attempts[self.chosen].broken

    @property
    def readings(self) -> int:
        """By the net."""
        return sum(attempt.kind == "reading" for attempt in self.attempts)


def choose_attempt(attempts: list[Attempt], by: Chooser) -> int:
    """The number of the answer taken: by rules the first that breaks fewest, by head the first of the largest logit."""
    if by == "rules":
        return int(np.argmin([attempt.broken for attempt in attempts]))
    readings = [k for k, attempt in enumerate(attempts) if attempt.kind == "reading"]
    return max(readings, key=lambda k: attempts[k].halting)


def solve_by_net(
    model: SequenceTRM,
    box: Box,
    puzzles: np.ndarray,
    *,
    rollouts: int = 1,
    steps: int = STEPS,
    noise: float = 1.0,
    choose: Chooser = "rules",
    seed: int = 0,
) -> list[Solution]:
    """Read every puzzle, ``rollouts`` times at most: first as it is, then from noisy starting states.

    Args:
        model: in evaluation mode.
        box: of the puzzles.
        puzzles: int64 ``[B, q²]``.
        rollouts: readings of ``steps`` supervision steps.
        steps: of a reading.
        noise: deviation of the latent noise.
        choose: by head or by rules.
        seed: of the noise.

    Raises:
        SpecError: a net for another side, or no rollout.
    """
    check_net(model, box)
    _check(rollouts, choose)
    attempts: list[list[Attempt]] = [[] for _ in puzzles]
    going = np.arange(len(puzzles))
    for number in range(rollouts):
        if not len(going):
            break
        given = puzzles[going]
        readings = read_puzzles(
            model, given, steps=steps, noise=noise if number else 0.0, seed=derived(seed, number) >> 1
        )
        broken = rules_broken(box, given, readings.grids[-1])
        for k, row in enumerate(going):
            answer = readings.grids[-1, k]
            attempts[row].append(
                Attempt(-1, "reading", answer, int(broken[k]), float(readings.halting[-1, k]), given[k])
            )
        if choose == "rules":
            going = going[broken > 0]
    return [Solution(box, puzzle, tuple(a), choose_attempt(a, choose)) for puzzle, a in zip(puzzles, attempts)]


def solve_by_constraints(
    program: ConstraintProgram, puzzle: np.ndarray, *, chains: int = 16, rounds: int = 8, seed: int = 0
) -> Solution:
    """Anneal ``chains`` chains of the rules alone, again in up to ``rounds`` rounds until one breaks no rule."""
    _check(rounds, "rules")
    attempts: list[Attempt] = []
    sweeps = 0
    for number in range(rounds):
        found = program.sample(puzzle, chains=chains, seed=derived(seed, number))
        sweeps += chains * found.sweeps
        attempts += [
            Attempt(-1, "sample", grid, int(broken), float("nan"), puzzle)
            for grid, broken in zip(found.grids, found.broken)
        ]
        if found.solved:
            break
    return Solution(program.box, puzzle, tuple(attempts), choose_attempt(attempts, "rules"), sweeps)


@dataclass(frozen=True)
class HybridSettings:
    """How net and fabric work together.

    Attributes:
        rollouts: readings of a puzzle at most, the first included.
        steps: supervision steps of a reading.
        chains: of the device between two readings.
        strength: largest field that a digit the net thinks unlikely is given, in units of the energy.
        full: the difference of logits that gets it.
        guesses: digits of a sample written into the puzzle for the next reading.
        score_temperature: of the attempt to return to; by rules broken, or by halting logits.
        choose: by head or by rules. By rules a sample of the device may be the answer.
    """

    rollouts: int = 8
    steps: int = STEPS
    chains: int = 1
    strength: float = 0.25
    full: float = 20.0
    guesses: int = 1
    score_temperature: float = 2.0
    choose: Chooser = "rules"

    def __post_init__(self) -> None:
        _check(self.rollouts, self.choose)
        if self.chains < 1 or self.guesses < 1 or self.strength < 0 or min(self.full, self.score_temperature) <= 0:
            raise SpecError(
                "the hybrid needs at least 1 chain and guess, a strength of at least 0, and a positive temperature and "
                "difference of logits."
            )


def logit_fields(logits: np.ndarray, strength: float, full: float) -> np.ndarray:
    """Fields ``[q², q]`` from logits likewise: 0 for the likeliest digit, down to -strength for one ``full`` below."""
    below = logits.max(axis=-1, keepdims=True) - logits
    return -strength * np.minimum(below / full, 1.0)


def solve_by_both(
    model: SequenceTRM,
    puzzles: np.ndarray,
    program: ConstraintProgram,
    choice: DeviceChoice,
    settings: HybridSettings | None = None,
    *,
    seed: int = 0,
) -> list[Solution]:
    """Thermodynamic back-tracking with alternatives that keep the rules in view.

    A round draws an earlier reading to return to (P ∝ exp(score/temperature), by p-bits), anneals the constraint
    program with that reading's logits as fields and its clues clamped, and reads the puzzle anew with guesses written
    in: digits of the best sample in cells where it differs from the reading, those first that the net thinks likeliest.

    Args:
        model: in evaluation mode.
        puzzles: int64 ``[B, q²]``.
        program: of their box.
        choice: draws among at least ``rollouts`` options.
        settings: how.
        seed: of everything.

    Raises:
        SpecError: a net for another side.
    """
    how = settings or HybridSettings()
    check_net(model, program.box)
    trees = [_Tree(program.box, puzzle) for puzzle in puzzles]
    _read_all(model, [(tree, -1, tree.puzzle) for tree in trees], how.steps)
    for number in range(1, how.rollouts):
        going = [tree for tree in trees if how.choose == "head" or not tree.solved]
        if not going:
            break
        weights = np.array([tree.weights(how) for tree in going])
        drawn = choice.draw(weights, seed=derived(seed, number)).options
        asked: list[tuple[_Tree, int, np.ndarray]] = []
        for place, tree in enumerate(going):
            parent = list(tree.logits)[int(drawn[place])]
            guessed = tree.sample(program, parent, how, derived(seed, number, place))
            if how.choose == "head" or not tree.solved:
                asked.append((tree, len(tree.attempts) - 1, guessed))
        _read_all(model, asked, how.steps)
    return [
        Solution(program.box, tree.puzzle, tuple(tree.attempts), choose_attempt(tree.attempts, how.choose), tree.sweeps)
        for tree in trees
    ]


@dataclass(eq=False)
class _Tree:
    """The attempts at one puzzle so far, and the logits of those that are readings."""

    box: Box
    puzzle: np.ndarray
    attempts: list[Attempt] = field(default_factory=list)
    logits: dict[int, np.ndarray] = field(default_factory=dict)
    sweeps: int = 0

    @property
    def solved(self) -> bool:
        return any(attempt.broken == 0 for attempt in self.attempts)

    def weights(self, how: HybridSettings) -> np.ndarray:
        """Of returning to each reading, float ``[readings]``; as many in every tree that is going on."""
        known = [self.attempts[k] for k in self.logits]
        scores = np.array([-a.broken if how.choose == "rules" else a.halting for a in known])
        return np.exp((scores - scores.max()) / how.score_temperature)

    def sample(self, program: ConstraintProgram, parent: int, how: HybridSettings, seed: int) -> np.ndarray:
        """Ask the device for an alternative to reading ``parent``; returns that reading's clues with guesses."""
        clues, logits = self.attempts[parent].clues, self.logits[parent]
        fields = logit_fields(logits, how.strength, how.full)
        found = program.sample(clues, chains=how.chains, seed=seed, fields=fields)
        self.sweeps += how.chains * found.sweeps
        broken = int(rules_broken(self.box, self.puzzle, found.best))
        self.attempts.append(Attempt(parent, "sample", found.best, broken, float("nan"), clues))
        return _with_guesses(clues, found.best, self.attempts[parent].grid, logits, how.guesses)


def _read_all(model: SequenceTRM, asked: list[tuple[_Tree, int, np.ndarray]], steps: int) -> None:
    """Read what is asked, as (tree, parent, clues), in one batch."""
    if not asked:
        return
    readings = read_puzzles(model, np.array([clues for _, _, clues in asked]), steps=steps)
    for k, (tree, parent, clues) in enumerate(asked):
        grid = readings.grids[-1, k]
        tree.logits[len(tree.attempts)] = readings.logits[-1, k]
        broken = int(rules_broken(tree.box, tree.puzzle, grid))
        tree.attempts.append(Attempt(parent, "reading", grid, broken, float(readings.halting[-1, k]), clues))


def _with_guesses(
    clues: np.ndarray, sample: np.ndarray, reading: np.ndarray, logits: np.ndarray, guesses: int
) -> np.ndarray:
    """``clues`` and so many of the sample's digits: where it differs from the reading, the likeliest ones first."""
    differs = np.flatnonzero((clues == 0) & (sample > 0) & (sample != reading))
    unlikely = logits.max(axis=1)[differs] - logits[differs, sample[differs] - 1]
    taken = differs[np.argsort(unlikely, kind="stable")[:guesses]]
    more = clues.copy()
    more[taken] = sample[taken]
    return more


def _check(rollouts: int, choose: str) -> None:
    if rollouts < 1:
        raise SpecError(f"at least 1 reading or round is needed, got {rollouts}.")
    if choose not in CHOOSERS:
        raise SpecError(f"answers are chosen by {' or '.join(CHOOSERS)}, got {choose!r}.")


def chooser(name: str) -> Chooser:
    """The chooser of a name.

    Raises:
        SpecError: another name.
    """
    _check(1, name)
    return "head" if name == "head" else "rules"


def device_choice(options: int, device: str | Device = "native") -> DeviceChoice:
    """Draws among up to so many options by p-bits, compiled for ``device``."""
    layout = choice_layout(options)
    program = compile(layout.ising(), fabric(layout.graph()))
    return DeviceChoice(DeviceFields(program, layout, device))
