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
from typing import NamedTuple

import numpy as np
import torch

from thermofab.hw.spec import SpecError
from thermofab.models.hybrid.choice import DeviceChoice
from thermofab.models.seeds import derived
from thermofab.models.trm import Carry, SequenceTRM


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


@torch.no_grad()
def back_track(
    model: SequenceTRM,
    tokens: torch.Tensor,
    choice: DeviceChoice | None,
    *,
    rollouts: int = 8,
    steps: int = 8,
    temperature: float = 1.0,
    score_temperature: float = 2.0,
    guesses: int = 1,
    focus: float = 1.0,
    noise: float = 0.0,
    restarts: bool = False,
    greedy: bool = False,
    energy: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    seed: int = 0,
) -> BackTracked:
    """Answer puzzles whose answer tokens v are clues v + 1 and whose empty positions are 0, as Sudokus' are.

    Args:
        model: in evaluation mode.
        tokens: int64 ``[B, L]``.
        choice: draws among at least max(L, vocabulary, rollouts) options; not needed if greedy.
        rollouts: readings of a puzzle, at most, the first included.
        steps: supervision steps a reading.
        temperature: of tokens.
        score_temperature: of the node to return to.
        guesses: positions drawn and written a reading (2 and 3 are repeated).
        focus: 1 draws positions by entropy, 0 evenly.
        noise: deviation of the normal latent noise a reading after the first starts with.
        restarts: every other reading, from the second on, is of the puzzle itself, from a noisy start, with no guess.
        greedy: take the likeliest everywhere.
        energy: ``energy(tokens, answers)``, int64 ``[b, L]`` each, counts how many rules answers break, ``[b]``. It
            then takes the place of -q, and a puzzle is done once an answer's is 0; without it, all readings are used.
        seed: of the draws.

    Raises:
        SpecError: no choice program where one is needed, or a temperature that is not positive.
    """
    if choice is None and not greedy:
        raise SpecError("back-tracking by sampling needs a choice program; compile choice_layout, or pass greedy=True.")
    if temperature <= 0 or score_temperature <= 0:
        raise SpecError("temperatures must be positive; for the limit of low ones pass greedy=True.")
    batch, length = tokens.shape
    vocabulary = model.config.vocabulary_out
    given = tokens.cpu().numpy()
    clues = np.repeat(given[None], rollouts, axis=0)
    logits = np.zeros((rollouts, batch, length, vocabulary))
    scores, halting = np.full((2, rollouts, batch), -np.inf)
    answers = np.zeros((rollouts, batch, length), dtype=np.int64)
    right = np.zeros((rollouts, batch), dtype=bool)
    tried = np.zeros((batch, length, vocabulary), dtype=bool)
    trace: list[list[Node]] = [[] for _ in range(batch)]
    readings = np.ones(batch, dtype=np.int64)

    def pick(weights: np.ndarray, number: int) -> np.ndarray:
        if greedy:
            return weights.argmax(axis=1)
        assert choice is not None
        return choice.draw(weights, seed=derived(seed, number)).options

    def read(rows: np.ndarray, slot: int) -> None:
        logits[slot, rows], halting[slot, rows] = _reading(
            model, clues[slot, rows], steps, _noise(noise, slot, restarts), derived(seed, 1 << 20, slot)
        )
        scores[slot, rows] = halting[slot, rows]
        answers[slot, rows] = logits[slot, rows].argmax(-1)
        if energy is not None:
            broken = energy(given[rows], answers[slot, rows])
            right[slot, rows], scores[slot, rows] = broken == 0, -broken

    rows = np.arange(batch)
    read(rows, 0)
    answers[1:] = answers[0]
    for b in rows:
        trace[b].append(Node(0, -1, (), float(halting[0, b])))
    for slot in range(1, rollouts):
        open_ = (clues[:slot] == 0).any(axis=(0, 2))
        rows = np.flatnonzero(open_ & ~right.any(axis=0))
        if not len(rows):
            break
        q = scores[:slot, rows].T / score_temperature
        parent = pick(np.exp(q - q.max(axis=1, keepdims=True)), 3 * slot)
        clues[slot, rows] = clues[parent, rows]
        guessed: list[tuple[np.ndarray, np.ndarray]] = []
        restart = restarts and slot % 2 == 1
        if restart:
            parent, clues[slot, rows] = np.zeros(len(rows), dtype=np.int64), given[rows]
        for number in range(0 if restart else guesses):
            written = clues[slot, rows]
            p = _softmax(logits[parent, rows] / temperature)
            p = np.where(tried[rows] | (written > 0)[..., None], 0, p)
            p /= np.maximum(p.sum(-1, keepdims=True), 1e-30)
            entropy = -(p * np.log(np.maximum(p, 1e-30))).sum(-1)
            weight = (written == 0) * (entropy + 1e-9) ** focus
            full = (written > 0).all(axis=1)  # a position is drawn there too, and left as it is
            position = pick(weight + full[:, None], 3 * slot + 1 + (number << 16))
            token = pick(p[here := np.arange(len(rows)), position] + 1e-12, 3 * slot + 2 + (number << 16))
            tried[rows, position, token] |= guesses == 1
            clues[slot, rows, position] = np.where(full, written[here, position], token + 1)
            guessed.append((position, token))
        read(rows, slot)
        readings[rows] += 1
        for k, b in enumerate(rows):
            written_here = tuple((int(position[k]), int(token[k])) for position, token in guessed)
            trace[b].append(Node(slot, int(parent[k]), written_here, float(halting[slot, b])))
    best, every = scores.argmax(axis=0), np.arange(batch)
    return BackTracked(answers[best, every], halting[best, every], readings, answers, tuple(map(tuple, trace)))


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


def _noise(noise: float, slot: int, restarts: bool) -> float:
    return noise if slot and (not restarts or slot % 2 == 1) else 0.0


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
