"""Certificates: how far a compiled program's distribution is from the one the user wrote.

``Exact``, ``Bounded`` and the distribution of ``Rejecting`` are proofs about the real-valued compiled model;
``Estimated`` and a yield are measurements. What rounding to integers adds stands apart, in :class:`Quantisation`.
"""

from dataclasses import asdict, dataclass
from typing import Any

from thermofab.hw.spec.costs import COST_MODELS
from thermofab.hw.spec.mixing import Mixing


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


@dataclass(frozen=True)
class Quantisation:
    """What rounding weights, biases and the activation to integers did.

    Attributes:
        step: energy (times β) that one unit of an integer weight stands for.
        shift: table address shift of the image.
        saturated: weights and biases cut at the end of their range.
        max_error: largest |rounding error| of a coupling or bias, in units of βE.
        predicted_kl: ½ Var_p(ΔE), the second-order estimate of KL(user's distribution ‖ quantised distribution), in
            nats.
        tv, kl: exact distance of the integer program's stationary distribution from the compiled real-valued
            distribution, over the program's nodes, dithered table included; ``None`` where the program was too large to
            enumerate.
    """

    step: float
    shift: int
    saturated: int
    max_error: float
    predicted_kl: float | None = None
    tv: float | None = None
    kl: float | None = None


@dataclass(frozen=True)
class Report:
    """What the compiler did, in numbers.

    Attributes:
        nodes, sites: nodes of the program, sites that carry them.
        longest_copy: most sites standing for one node.
        placement: the method that placed it.
        certificate: distance of the compiled real-valued model from the program, by construction.
        quantisation: what integers add.
        cycles_per_sweep: clock cycles of one sweep on the fabric.
        fabric_sites: sites of the fabric, all of which a sweep updates.
        passes: ``(pass, what it did)`` in order.
        mixing: how fast samples become independent: of small programs by enumeration, else where it was measured
            (:meth:`thermofab.Program.with_mixing`).
        end_to_end_tv: exact TV of the integer program's stationary distribution, over the program's nodes, from the
            user's distribution; ``None`` where it was too large to enumerate.
    """

    nodes: int
    sites: int
    longest_copy: int
    placement: str
    certificate: Certificate
    quantisation: Quantisation
    cycles_per_sweep: int
    fabric_sites: int
    passes: tuple[tuple[str, str], ...] = ()
    end_to_end_tv: float | None = None
    mixing: Mixing | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "certificate": certificate_to_json(self.certificate)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Report":
        return Report(
            **{
                **data,
                "certificate": certificate_from_json(data["certificate"]),
                "quantisation": Quantisation(**data["quantisation"]),
                "passes": tuple((name, did) for name, did in data["passes"]),
                "mixing": Mixing(**data["mixing"]) if data.get("mixing") else None,
            }
        )

    def __str__(self) -> str:
        q = self.quantisation

        def figure(value: float | None) -> str:
            return "not enumerated" if value is None else f"{value:.3g}"

        lines = [
            f"nodes            {self.nodes} on {self.sites} sites, at most {self.longest_copy} a node",
            f"placement        {self.placement}",
            f"certificate      {self.certificate}",
            f"quantisation     step {q.step:.4g}, shift {q.shift}, {q.saturated} saturated, "
            f"max error {q.max_error:.3g}",
            f"                 KL predicted {figure(q.predicted_kl)}, exact {figure(q.kl)}; TV {figure(q.tv)}",
            f"mixing           {self.mixing or 'not measured'}",
            f"end to end       TV {figure(self.end_to_end_tv)}",
            f"cycles           {self.cycles_per_sweep} a sweep",
            "energy a sweep   "
            + ", ".join(
                f"{model.joules(self.fabric_sites):.2g} J on {model.name} ({model.standing})" for model in COST_MODELS
            ),
        ]
        return "\n".join(lines + [f"pass             {name}: {did}" for name, did in self.passes])
