"""What a router answers."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from thermofab.hw.spec import SpecError


class Alternative(NamedTuple):
    """A model that was permitted, by id, and its score: higher is better, in units of ``quality_weight``."""

    model: str
    score: float


@dataclass(frozen=True)
class RoutingDecision:
    """The choice.

    Attributes:
        provider, model: whom to ask; ``id`` joins them.
        confidence: calibrated probability that the chosen model's answer is right.
        alternatives: permitted models and their scores, best first, the chosen one included.
        propensity: probability with which this choice was made, in (0, 1]; what learning off-policy divides by.
        metadata: what else is known: steps, trace, attention, latency, qualities.

    Raises:
        SpecError: a confidence or propensity outside its range.
    """

    provider: str
    model: str
    confidence: float
    alternatives: tuple[Alternative, ...] = ()
    propensity: float = 1.0
    metadata: dict[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise SpecError(f"a confidence is in [0, 1], got {self.confidence}.")
        if not 0 < self.propensity <= 1:
            raise SpecError(f"a propensity is in (0, 1], got {self.propensity}.")

    @property
    def id(self) -> str:
        """provider/model, as in the catalogue."""
        return f"{self.provider}/{self.model}"
