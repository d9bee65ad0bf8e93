"""Thermodynamic back-tracking: a recursive model's failed answers branch, with branches sampled on the device.

Every puzzle has a tree. Its root is the model's own answer; a node is an answer with its halting logit q and the
guesses (position, token) that led to it. A round

    1. draws a node to return to, P ∝ exp(q/score_temperature)                          (back-tracking);
    2. draws an open position, P ∝ (entropy of that node's token probabilities)^focus   (where it is unsure);
    3. draws a token there, P ∝ exp(logit/temperature), single guesses already tried excepted;
    4. reads the puzzle anew, with the guesses written into it as clues.

All three draws are p-bits' (:class:`DeviceChoice`). The answer is that of the largest q. Where rules can be counted,
minus the number broken stands in for q. Greedy back-tracking is the limit of low temperatures: ``greedy=True`` takes
the maxima, asks no device, and draws nothing at random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from thermofab.hw.spec import SpecError
from thermofab.models.hybrid.choice import DeviceChoice
from thermofab.models.seeds import derived
from thermofab.models.trm import Carry, SequenceTRM

Energy = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Node(NamedTuple):
    """One answer of one puzzle in the trace: the round and node it came from (-1 for a root), the guesses (position,
    token) added to that node's, and q."""

    round: int
    parent: int
    guesses: tuple[tuple[int, int], ...]
    halt_logit: float


class BackTracked(NamedTuple):
    """Answers int64 ``[B, L]``, their halting logits ``[B]``, readings of the puzzle used ``[B]``, all answers
    ``[rollouts, B, L]`` (unread ones repeat the root's), and the trace of every puzzle."""

    tokens: np.ndarray
    halt_logit: np.ndarray
    readings: np.ndarray
    all_tokens: np.ndarray
    trace: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Branching:
    """How a tree of answers grows.

    Attributes:
        rollouts: readings of a puzzle, at most, the first included.
        steps: supervision steps per reading.
        temperature: of tokens.
        score_temperature: of the node to return to.
        guesses: positions drawn and written per reading (draws 2 and 3 are repeated).
        focus: 1 draws positions by entropy, 0 evenly.
        noise: deviation of the normal latent noise that a reading after the first starts with.
        restarts: every other reading, from the second on, is of the puzzle itself, from a noisy start, with no guess.
        greedy: take the likeliest everywhere.
    """

    rollouts: int = 8
    steps: int = 8
    temperature: float = 1.0
    score_temperature: float = 2.0
    guesses: int = 1
    focus: float = 1.0
    noise: float = 0.0
    restarts: bool = False
    greedy: bool = False

    def __post_init__(self) -> None:
        for name in ("rollouts", "steps"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.temperature <= 0 or self.score_temperature <= 0:
            raise SpecError("temperatures must be positive; for the limit of low ones pass greedy=True.")

    def restarting(self, slot: int) -> bool:
        """Whether reading number ``slot`` is of the puzzle itself."""
        return self.restarts and slot % 2 == 1

    def noise_of(self, slot: int) -> float:
        return self.noise if slot and (not self.restarts or self.restarting(slot)) else 0.0


DEFAULT = Branching()


@torch.no_grad()
def back_track(
    model: SequenceTRM,
    tokens: torch.Tensor,
    choice: DeviceChoice | None,
    branching: Branching = DEFAULT,
    *,
    energy: Energy | None = None,
    seed: int = 0,
) -> BackTracked:
    """Answer puzzles whose answer tokens v are clues v + 1 and whose empty positions are 0, as Sudokus' are.

    Args:
        model: in evaluation mode.
        tokens: int64 ``[B, L]``.
        choice: draws among at least max(L, vocabulary, rollouts) options; not needed if greedy.
        branching: how the tree grows.
        energy: ``energy(tokens, answers)``, int64 ``[b, L]`` each, counts how many rules answers break, ``[b]``. It
            then takes the place of -q, and a puzzle is done once an answer's is 0; without it, all readings are used.
        seed: of the draws.

    Raises:
        SpecError: no choice program where one is needed.
    """
    if choice is None and not branching.greedy:
        raise SpecError("back-tracking needs a choice program; compile choice_layout, or give Branching(greedy=True).")
    trees = _Trees(model, tokens.cpu().numpy(), choice, branching, energy, seed)
    for slot in range(1, branching.rollouts):
        rows = trees.growing(slot)
        if not len(rows):
            break
        trees.grow(slot, rows)
    return trees.answer()


class _Trees:
    """One tree per puzzle; slot k of every array belongs to reading k."""

    def __init__(
        self,
        model: SequenceTRM,
        given: np.ndarray,
        choice: DeviceChoice | None,
        branching: Branching,
        energy: Energy | None,
        seed: int,
    ) -> None:
        self._model, self._given, self._choice = model, given, choice
        self._branching, self._energy, self._seed = branching, energy, seed
        rollouts, (batch, length) = branching.rollouts, given.shape
        vocabulary = model.config.vocabulary_out
        self._clues = np.repeat(given[None], rollouts, axis=0)
        self._logits = np.zeros((rollouts, batch, length, vocabulary))
        self._scores, self._halting = np.full((2, rollouts, batch), -np.inf)
        self._answers = np.zeros((rollouts, batch, length), dtype=np.int64)
        self._right = np.zeros((rollouts, batch), dtype=bool)
        self._tried = np.zeros((batch, length, vocabulary), dtype=bool)
        self._readings = np.ones(batch, dtype=np.int64)
        self._read(np.arange(batch), 0)
        self._answers[1:] = self._answers[0]
        self._trace = [[Node(0, -1, (), float(q))] for q in self._halting[0]]

    def growing(self, slot: int) -> np.ndarray:
        """Puzzles that are not answered yet and have a reading with an empty position."""
        empty = (self._clues[:slot] == 0).any(axis=(0, 2))
        return np.flatnonzero(empty & ~self._right.any(axis=0))

    def grow(self, slot: int, rows: np.ndarray) -> None:
        """Reading number ``slot`` of the puzzles ``rows``."""
        guessed: list[tuple[np.ndarray, np.ndarray]] = []
        if self._branching.restarting(slot):
            parent = np.zeros(len(rows), dtype=np.int64)
            self._clues[slot, rows] = self._given[rows]
        else:
            q = self._scores[:slot, rows].T / self._branching.score_temperature
            parent = self._pick(np.exp(q - q.max(axis=1, keepdims=True)), 3 * slot)
            self._clues[slot, rows] = self._clues[parent, rows]
            for number in range(self._branching.guesses):
                guessed.append(self._guess(slot, rows, parent, number))
        self._read(rows, slot)
        self._readings[rows] += 1
        for k, b in enumerate(rows):
            written = tuple((int(position[k]), int(token[k])) for position, token in guessed)
            self._trace[b].append(Node(slot, int(parent[k]), written, float(self._halting[slot, b])))

    def answer(self) -> BackTracked:
        best, every = self._scores.argmax(axis=0), np.arange(len(self._given))
        trace = tuple(map(tuple, self._trace))
        return BackTracked(
            self._answers[best, every], self._halting[best, every], self._readings, self._answers, trace
        )  # fmt: skip

    def _guess(self, slot: int, rows: np.ndarray, parent: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw a position and a token of every puzzle, and write them into its clues."""
        written, here = self._clues[slot, rows], np.arange(len(rows))
        p = _softmax(self._logits[parent, rows] / self._branching.temperature)
        p = np.where(self._tried[rows] | (written > 0)[..., None], 0, p)
        p /= np.maximum(p.sum(-1, keepdims=True), 1e-30)
        entropy = -(p * np.log(np.maximum(p, 1e-30))).sum(-1)
        weight = (written == 0) * (entropy + 1e-9) ** self._branching.focus
        full = (written > 0).all(axis=1)  # a position is drawn there too, and left as it is
        position = self._pick(weight + full[:, None], 3 * slot + 1 + (number << 16))
        token = self._pick(p[here, position] + 1e-12, 3 * slot + 2 + (number << 16))
        self._tried[rows, position, token] |= self._branching.guesses == 1
        self._clues[slot, rows, position] = np.where(full, written[here, position], token + 1)
        return position, token

    def _pick(self, weights: np.ndarray, number: int) -> np.ndarray:
        """One option per row, int64 ``[b]``: the heaviest if greedy, else drawn by the device."""
        if self._choice is None or self._branching.greedy:
            return weights.argmax(axis=1)
        return self._choice.draw(weights, seed=derived(self._seed, number)).options

    def _read(self, rows: np.ndarray, slot: int) -> None:
        noise, seed = self._branching.noise_of(slot), derived(self._seed, 1 << 20, slot)
        logits, halting = _reading(self._model, self._clues[slot, rows], self._branching.steps, noise, seed)
        answers = logits.argmax(-1)
        self._logits[slot, rows], self._halting[slot, rows], self._answers[slot, rows] = logits, halting, answers
        self._scores[slot, rows] = halting
        if self._energy is not None:
            broken = self._energy(self._given[rows], answers)
            self._right[slot, rows], self._scores[slot, rows] = broken == 0, -broken


def _reading(
    model: SequenceTRM, tokens: np.ndarray, steps: int, noise: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    carry = model.start(len(tokens))
    if noise:
        generator = torch.Generator().manual_seed(seed >> 1)
        carry = Carry(*(h + noise * torch.randn(h.shape, generator=generator).to(h.device) for h in carry))
    step = None
    for _ in range(steps):
        step = model(torch.as_tensor(tokens, device=model.device), carry)
        carry = step.carry
    assert step is not None
    return step.logits.cpu().numpy(), step.halt_logit.cpu().numpy()


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
