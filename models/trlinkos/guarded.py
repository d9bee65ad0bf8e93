"""Guarded: a model behind limits, with counters, a fallback and a goal; what running one unattended takes.

Rows whose features are not finite or outside the limits, and rows whose outputs are not finite, get the fallback's
answer; the call never raises for them. What happened is counted, and the goal is watched over a window of outcomes.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from thermofab.hw.spec import SpecError


@dataclass
class Guarded:
    """A guarded model.

    Attributes:
        model: rows ``[B, F]`` to outputs ``[B, K]``.
        fallback: likewise, for rows that cannot be trusted (their features with NaN put to 0 and cut to the limits).
        limit: largest absolute value of a feature.
        goal: mean quality wanted, of outcomes reported to :meth:`outcome`.
        window: outcomes looked at.
        counts: calls, rows, rows refused by the input check, rows whose output was not finite, and failures of the
        model.
    """

    model: Callable[[Tensor], Tensor]
    fallback: Callable[[Tensor], Tensor]
    limit: float = 1e3
    goal: float = 0.5
    window: int = 100
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("calls", "rows", "bad_input", "bad_output", "failures"), 0)
    )

    def __post_init__(self) -> None:
        if self.limit <= 0 or self.window < 1:
            raise SpecError("a guard needs a positive limit and a window of at least 1.")
        self._outcomes: deque[float] = deque(maxlen=self.window)

    def __call__(self, features: Tensor) -> Tensor:
        """Outputs ``[B, K]``, all finite."""
        self.counts["calls"] += 1
        self.counts["rows"] += len(features)
        good = (torch.isfinite(features) & (features.abs() <= self.limit)).all(dim=1)
        self.counts["bad_input"] += int((~good).sum())
        outputs = self.fallback(torch.nan_to_num(features, 0.0).clamp(-self.limit, self.limit)).clone()
        if bool(good.any()):
            try:
                answered = self.model(features[good])
            except (RuntimeError, ValueError):
                self.counts["failures"] += 1
                return outputs
            fine = torch.isfinite(answered).all(dim=1)
            self.counts["bad_output"] += int((~fine).sum())
            outputs[good.nonzero().squeeze(1)[fine]] = answered[fine]
        return outputs

    def outcome(self, quality: float) -> None:
        """Report how an answer turned out, 0…1."""
        if not 0 <= quality <= 1:
            raise SpecError(f"quality must be in [0, 1], got {quality}.")
        self._outcomes.append(quality)

    @property
    def on_goal(self) -> bool | None:
        """Whether the window's mean quality reaches the goal; ``None`` before the window is full."""
        if len(self._outcomes) < self.window:
            return None
        return sum(self._outcomes) / self.window >= self.goal
