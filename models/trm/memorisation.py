"""Does a classifier memorise? Held-out rows, and rows moved a little, tell.

A model that has learnt a rule answers alike on neighbouring inputs and about as well on rows it has not seen. Reported:
*consistency*, the share of training rows whose class survives normal noise; the gap between training and held-out
accuracy with its standard error; and what always saying the training set's commonest class would get, because
market labels are uneven and a model can beat a coin with no knowledge.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from thermofab.models.trm.classifier import TinyRecursiveModel


@dataclass(frozen=True)
class MemorisationReport:
    """What was found; ``memorising`` says whether consistency is below ``least_consistency``, or training accuracy
    exceeds held-out accuracy by over ``largest_gap`` plus three standard errors."""

    consistency: float
    train_accuracy: float
    held_out_accuracy: float
    gap_error: float
    majority_accuracy: float
    least_consistency: float = 0.7
    largest_gap: float = 0.1

    @property
    def gap(self) -> float:
        return self.train_accuracy - self.held_out_accuracy

    @property
    def memorising(self) -> bool:
        return self.consistency < self.least_consistency or self.gap > self.largest_gap + 3 * self.gap_error

    @property
    def beats_majority(self) -> bool:
        """Held-out accuracy above the commonest class's, by two standard errors."""
        return self.held_out_accuracy > self.majority_accuracy + 2 * self.gap_error


def check_memorisation(
    model: TinyRecursiveModel,
    train: tuple[Tensor, Tensor],
    held_out: tuple[Tensor, Tensor],
    *,
    noise: float | Tensor = 0.1,
    draws: int = 8,
    seed: int = 0,
) -> MemorisationReport:
    """Check a model.

    Args:
        model: any classifier of this package.
        train: normalised features ``[N, F]`` and hard labels ``[N]`` it was trained on.
        held_out: others.
        noise: deviation of the noise, in deviations of a feature; or one a column, float ``[F]``.
        draws: of noise a row.
        seed: of the noise.
    """
    (x, y), (x2, y2) = train, held_out
    own = model.predict_strategy(x).strategy
    other = model.predict_strategy(x2).strategy
    generator = torch.Generator().manual_seed(seed)
    kept = [
        (model.predict_strategy(x + noise * torch.randn(x.shape, generator=generator)).strategy == own).float().mean()
        for _ in range(draws)
    ]
    a, b = float((own == y).float().mean()), float((other == y2).float().mean())
    error = (a * (1 - a) / len(y) + b * (1 - b) / len(y2)) ** 0.5
    commonest = torch.bincount(y).argmax()
    return MemorisationReport(float(torch.stack(kept).mean()), a, b, error, float((y2 == commonest).float().mean()))
