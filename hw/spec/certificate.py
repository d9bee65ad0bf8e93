"""Certificates: how far a compiled program's distribution is from the one the user wrote.

``Exact``, ``Bounded`` and the distribution of ``Rejecting`` are proofs about the real-valued compiled model;
``Estimated`` and a yield are measurements. What integers and tables add stands in the report
(:mod:`thermofab.hw.spec.report`).
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Exact:
    """The compiled model's marginal over the program's nodes equals the program's distribution."""

    how: str

    @property
    def tv(self) -> float:
        return 0.0

    def __str__(self) -> str:
        return f"exact ({self.how})"


@dataclass(frozen=True)
class Bounded:
    """The total variation distance is at most ``tv``."""

    tv: float
    how: str

    def __str__(self) -> str:
        return f"TV ≤ {self.tv:.3g} ({self.how})"


@dataclass(frozen=True)
class Estimated:
    """The total variation distance is about ``tv``; nothing is proved."""

    tv: float
    how: str

    def __str__(self) -> str:
        return f"TV ≈ {self.tv:.3g} ({self.how})"


@dataclass(frozen=True)
class Rejecting:
    """The samples whose copies agree have the program's distribution; about a share ``yield_`` of all samples do."""

    yield_: float
    how: str

    @property
    def tv(self) -> float:
        return 0.0

    def __str__(self) -> str:
        return f"exact over samples whose copies agree, yield {self.yield_:.3g} ({self.how})"


Certificate = Exact | Bounded | Rejecting | Estimated


def certificate_to_json(certificate: Certificate) -> dict[str, Any]:
    return {"kind": type(certificate).__name__, **asdict(certificate)}


def certificate_from_json(data: dict[str, Any]) -> Certificate:
    kinds = {kind.__name__: kind for kind in (Exact, Bounded, Rejecting, Estimated)}
    return kinds[data["kind"]](**{key: value for key, value in data.items() if key != "kind"})
