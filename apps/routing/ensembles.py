"""What several experts say together: votes weighted by their odds of being right, and how redundant experts are.

With answers a_i of the experts of a set S and probabilities q_i that each is right, the vote for answer a is

    V(a) = Σ_{i∈S: a_i = a} w_i,     w_i = ln(q_i (C - 1)/(1 - q_i)),

the log-likelihood ratio of independent experts whose wrong answers are spread evenly over the C - 1 others. Experts are
not independent, so the soft-max of V is too sure; :class:`VoteCalibration` maps its largest value to the share of votes
that were right on rows not trained on.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

from thermofab.hw.spec import SpecError

FLOOR = 0.02  # probabilities are kept within [FLOOR, 1 - FLOOR]: no expert's word is worth more than that


@dataclass(frozen=True, eq=False)
class Votes:
    """Answers int64 ``[N]``, and the soft-max of the winning answer's votes, float64 ``[N]``."""

    answers: np.ndarray
    confidence: np.ndarray


def vote(answers: np.ndarray, sets: np.ndarray, quality: np.ndarray, answers_possible: int) -> Votes:
    """The vote of every row's set.

    Args:
        answers: of every expert, int ``[N, K]`` in 0…C-1; those of experts outside the set are not looked at.
        sets: bool ``[N, K]``, at least one expert per row.
        quality: q, float ``[N, K]``.
        answers_possible: C ≥ 2.

    Raises:
        SpecError: a row without experts, or an answer outside its range.
    """
    if answers_possible < 2 or not sets.any(axis=1).all():
        raise SpecError("a vote needs at least two possible answers, and one expert in every row.")
    asked = np.where(sets, answers, 0)
    if asked.min() < 0 or asked.max() >= answers_possible:
        raise SpecError(f"answers are numbers 0…{answers_possible - 1}, got {asked.min()}…{asked.max()}.")
    q = np.clip(quality, FLOOR, 1 - FLOOR)
    weights = np.where(sets, np.log(q * (answers_possible - 1) / (1 - q)), 0.0)
    votes = np.zeros((len(answers), answers_possible))
    for expert in range(answers.shape[1]):
        votes[np.arange(len(answers)), asked[:, expert]] += weights[:, expert]
    # An answer that nobody gave may lead where every expert asked is likelier wrong than right.
    shares = np.exp(votes - votes.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return Votes(votes.argmax(axis=1), shares.max(axis=1))


def residual_pairs(predicted: np.ndarray, right: np.ndarray, strength: float) -> np.ndarray:
    """Pair terms P_ij = -strength·corr(r_i, r_j) of residuals r = right - predicted, float64 ``[K, K]``, diagonal 0.

    Experts that are right and wrong together beyond what the prompt explains add less to a vote, so they repel.

    Args:
        predicted: q̂ of rows not trained on, float ``[N, K]``.
        right: 0 or 1, ``[N, K]``.
        strength: ≥ 0, in the scores' units.
    """
    residuals = np.asarray(right, dtype=np.float64) - predicted
    residuals = residuals - residuals.mean(axis=0)
    deviations = residuals.std(axis=0)
    scaled = np.divide(residuals, deviations, out=np.zeros_like(residuals), where=deviations > 0)
    pairs = -strength * (scaled.T @ scaled) / len(scaled)
    np.fill_diagonal(pairs, 0.0)
    return (pairs + pairs.T) / 2


class VoteCalibration:
    """From the soft-max of a vote to the share of such votes that are right, by isotonic regression."""

    def __init__(self, confidence: np.ndarray, right: np.ndarray) -> None:
        """Fit on rows not trained on: confidence float ``[N]``, right bool ``[N]``."""
        self._curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        self._curve.fit(confidence, np.asarray(right, dtype=np.float64))

    def __call__(self, confidence: np.ndarray) -> np.ndarray:
        """Calibrated probabilities float64 ``[N]``."""
        return self._curve.predict(confidence)
