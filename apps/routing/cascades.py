"""Cascades: experts are asked one stage after another, until their vote is sure enough.

At stage t the experts already asked are clamped to 1 on the fabric and a set of k_t experts is drawn given them. The
new ones are asked, and rows whose calibrated vote reaches ``sure`` stop. Who is asked next thus depends on who was
asked already through the pair terms: an expert redundant with those is repelled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermofab.apps.routing.ensembles import VoteCalibration, Votes, vote
from thermofab.apps.routing.ising import SetSampler
from thermofab.hw.spec import SpecError
from thermofab.models.seeds import derived

Ask = Callable[[np.ndarray, int], np.ndarray]  # (rows int64 [n], expert) -> answers int64 [n]


@dataclass(frozen=True)
class Cascade:
    """When to ask whom.

    Attributes:
        sizes: experts asked after every stage, increasing.
        sure: calibrated probability at which a row stops, in (0, 1].
        answers_possible: C, see :func:`~thermofab.apps.routing.ensembles.vote`.

    Raises:
        SpecError: sizes that do not increase from at least 1, or a probability outside its range.
    """

    sizes: tuple[int, ...]
    sure: float
    answers_possible: int

    def __post_init__(self) -> None:
        if not self.sizes or self.sizes[0] < 1 or list(self.sizes) != sorted(set(self.sizes)):
            raise SpecError(f"sizes of a cascade increase from at least 1, got {self.sizes}.")
        if not 0 < self.sure <= 1:
            raise SpecError(f"sure is a probability in (0, 1], got {self.sure}.")


@dataclass(frozen=True, eq=False)
class CascadeRun:
    """Answers int64 ``[N]``, calibrated confidence float64 ``[N]``, who was asked bool ``[N, K]``, and in how many
    stages int64 ``[N]``."""

    answers: np.ndarray
    confidence: np.ndarray
    asked: np.ndarray
    stages: np.ndarray


def run_cascade(
    cascade: Cascade,
    sampler: SetSampler,
    scores: np.ndarray,
    quality: np.ndarray,
    ask: Ask,
    calibrations: tuple[VoteCalibration, ...],
    *,
    seed: int,
) -> CascadeRun:
    """Run a cascade over N rows.

    Args:
        cascade: when to stop.
        sampler: of sets, with the pair terms.
        scores: g, float ``[N, K]``.
        quality: probabilities that experts are right, float ``[N, K]``, for the votes.
        ask: asks one expert about rows; called once for every (row, expert) asked.
        calibrations: of the votes after every stage, as many as ``cascade.sizes``.
        seed: of the draws.

    Raises:
        SpecError: not one calibration per stage.
    """
    if len(calibrations) != len(cascade.sizes):
        raise SpecError(
            f"a cascade of {len(cascade.sizes)} stages needs as many calibrations, got {len(calibrations)}."
        )
    count, experts = scores.shape
    asked = np.zeros((count, experts), dtype=bool)
    said = np.zeros((count, experts), dtype=np.int64)
    answers, confidence = np.zeros(count, dtype=np.int64), np.zeros(count)
    stages = np.zeros(count, dtype=np.int64)
    going = np.arange(count)
    for stage, (size, calibrated) in enumerate(zip(cascade.sizes, calibrations, strict=True)):
        drawn = sampler.sets(scores[going], size, asked=asked[going], seed=derived(seed, stage))
        for expert in range(experts):
            new = going[drawn[:, expert] & ~asked[going, expert]]
            if len(new):
                said[new, expert] = ask(new, expert)
        asked[going] = drawn
        votes: Votes = vote(said[going], drawn, quality[going], cascade.answers_possible)
        answers[going], confidence[going] = votes.answers, calibrated(votes.confidence)
        stages[going] = stage + 1
        going = going[confidence[going] < cascade.sure]
        if not len(going):
            break
    return CascadeRun(answers, confidence, asked, stages)
