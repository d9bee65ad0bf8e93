"""Report: how far a compiled program's samples are from what was asked, how that is known, and what the parts are.

The headline is one number: the total variation distance of what integers and tables sample, over the program's nodes,
from the distribution that the user wrote. Three parts add up to a bound on it, by the triangle inequality: *compile*
(copies, wires, codes in real numbers), *rounding* (to integers, with an ideal activation) and *table* (the activation
table of the fabric instead of the ideal one). The fourth, *mixing*, is what a run of finite length adds.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from thermofab.hw.spec.certificate import Bounded, Certificate, Estimated, certificate_from_json, certificate_to_json
from thermofab.hw.spec.costs import COST_MODELS
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.mixing import Mixing

Standing = Literal["enumerated", "bounded", "measured", "predicted", "unknown"]


@dataclass(frozen=True)
class Distance:
    """A total variation distance and how it is known.

    Attributes:
        tv: in 0…1; ``None`` where it is unknown.
        standing: ``"enumerated"`` (all states, solved), ``"bounded"`` (at most ``tv``, proved), ``"measured"`` (a run
            beside a trusted one: at least this much was seen), ``"predicted"`` (an estimate; nothing is proved or
            measured) or ``"unknown"``.
        how: the method, in a few words.
    """

    tv: float | None
    standing: Standing
    how: str = ""

    def __post_init__(self) -> None:
        if self.standing not in get_args(Standing):
            raise SpecError(f"standing must be one of {', '.join(get_args(Standing))}, got {self.standing!r}.")
        if (self.tv is None) != (self.standing == "unknown"):
            raise SpecError("a distance has a total variation unless it is unknown.")

    def __str__(self) -> str:
        sign = {"bounded": "≤", "predicted": "≈", "measured": "≈"}.get(self.standing, "=")
        value = "TV unknown" if self.tv is None else f"TV {sign} {self.tv:.3g}, {self.standing}"
        return value + (f" ({self.how})" if self.how else "")


NOT_ASSESSED = Distance(None, "unknown", "not assessed")


@dataclass(frozen=True)
class Quantisation:
    """What rounding weights, biases and the activation to integers did.

    Attributes:
        step: energy (times β) that one unit of an integer weight stands for.
        shift: table address shift of the image.
        saturated: weights and biases cut at the end of their range.
        max_error: largest |rounding error| of a coupling or bias, in units of βE.
        predicted_kl: ½ Var_p(ΔE), the second-order estimate of KL(user's distribution ‖ rounded distribution), in
            nats; the activation table is not in it.
        leak: unlikely values beyond the table's end that should not come up, per sweep of all sites; predicted.
        balance: total variation that wells joined by updates beyond the table's end may lose; predicted, with caution.
        tv, kl: exact distance of the integer program's stationary distribution from the compiled real-valued
            distribution, over the program's nodes, dithered table included; ``None`` where it was not enumerated.
    """

    step: float
    shift: int
    saturated: int
    max_error: float
    predicted_kl: float | None = None
    leak: float = 0.0
    balance: float = 0.0
    tv: float | None = None
    kl: float | None = None


@dataclass(frozen=True)
class Check:
    """A run of the program compared with trusted ones (:meth:`thermofab.Program.check`).

    Attributes:
        passed: whether no difference was found, of chains that have met.
        tv: total variation found in a direction chosen on one half of the runs and measured on the other; it is at most
            the distance of the joint distributions. 0 where the difference is within its error.
        error: standard error of it.
        detectable: the smallest total variation, in the direction chosen, that would have failed the check with a
            probability of 0.9.
        table_tv: the same against the program's own integers on a table of 24-bit thresholds.
        energy, energy_error: mean energy of the run and its standard error, in the user's units.
        reference_energy, reference_error: of the trusted run.
        effective: effective samples of the run, all replicas together.
        r_hat: largest split R-hat over the energy and the spins, rank-free; above 1.05 the chains have not met.
        false_alarm: probability that a program without error fails.
        how: what was run.
    """

    passed: bool
    tv: float
    error: float
    detectable: float
    table_tv: float
    energy: float
    energy_error: float
    reference_energy: float
    reference_error: float
    effective: float
    r_hat: float
    false_alarm: float
    how: str

    def __str__(self) -> str:
        verdict = "no difference found" if self.passed else "differs"
        if self.r_hat > 1.05:
            verdict = "no verdict, the chains have not mixed"
        return (
            f"{verdict}: TV {self.tv:.3g} ± {self.error:.2g} (table alone {self.table_tv:.3g}), {self.detectable:.2g} "
            f"would have been seen; energy {self.energy:.5g} ± {self.energy_error:.2g}, trusted "
            f"{self.reference_energy:.5g} ± {self.reference_error:.2g}; {self.effective:.3g} effective samples, "
            f"R-hat {self.r_hat:.3g}; false alarms {self.false_alarm:.0e} ({self.how})"
        )


@dataclass(frozen=True)
class Report:
    """What the compiler did, in numbers.

    Attributes:
        nodes, sites: nodes of the program, sites that carry them.
        longest_copy: most sites standing for one node.
        placement: the method that placed it.
        certificate: distance of the compiled real-valued model from the program, by construction.
        quantisation: step, shift, saturations and errors of the integers.
        cycles_per_sweep: clock cycles of one sweep on the fabric.
        fabric_sites: sites of the fabric, all of which a sweep updates.
        passes: ``(pass, what it did)`` in order.
        end_to_end: distance of what integers and tables sample from the user's distribution.
        rounding: distance of the integers' distribution, with an ideal activation, from the compiled real-valued one.
        table: distance of what the fabric's table samples from the integers' distribution.
        mixing: how fast samples become independent: of small programs by enumeration, else where it was measured
            (:meth:`thermofab.Program.with_mixing`).
        checked: a run compared with trusted ones, where there was one.
        suits: the architecture that would suit the program better, and why; empty where none is known to.
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
    end_to_end: Distance = NOT_ASSESSED
    rounding: Distance = NOT_ASSESSED
    table: Distance = NOT_ASSESSED
    mixing: Mixing | None = None
    checked: Check | None = None
    suits: str = ""

    @property
    def end_to_end_tv(self) -> float | None:
        """The end-to-end distance where it was enumerated, else ``None``."""
        return self.end_to_end.tv if self.end_to_end.standing == "enumerated" else None

    @property
    def compiling(self) -> Distance:
        """The part of the construction: copies, wires, codes and gadgets in real numbers."""
        if isinstance(self.certificate, (Bounded, Estimated)):
            standing: Standing = "predicted" if isinstance(self.certificate, Estimated) else "bounded"
            if self.certificate.how == "enumerated":
                standing = "enumerated"
            return Distance(self.certificate.tv, standing, self.certificate.how)
        return Distance(0.0, "bounded", str(self.certificate))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary; ``parts`` holds the four parts of the error by name."""
        rest = {name: value for name, value in asdict(self).items() if name not in _PARTS}
        parts = {
            "compile": asdict(self.compiling),
            "rounding": asdict(self.rounding),
            "table": asdict(self.table),
            "mixing": None if self.mixing is None else asdict(self.mixing),
        }
        return {
            **rest,
            "certificate": certificate_to_json(self.certificate),
            "end_to_end_tv": self.end_to_end_tv,
            "parts": parts,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Report":
        rest = {name: value for name, value in data.items() if name not in ("parts", "end_to_end_tv")}
        parts = data.get("parts", {})
        enumerated = data.get("end_to_end_tv")

        def distance(stored: dict[str, Any] | None) -> Distance:
            return NOT_ASSESSED if stored is None else Distance(**stored)

        if "end_to_end" in data:
            rest["end_to_end"] = distance(data["end_to_end"])
        elif enumerated is not None:
            rest["end_to_end"] = Distance(enumerated, "enumerated")
        mixing = parts.get("mixing") or data.get("mixing")
        return Report(
            **{
                **rest,
                "certificate": certificate_from_json(data["certificate"]),
                "quantisation": Quantisation(**data["quantisation"]),
                "passes": tuple((name, did) for name, did in data["passes"]),
                "rounding": distance(parts.get("rounding")),
                "table": distance(parts.get("table")),
                "mixing": Mixing(**mixing) if mixing else None,
                "checked": Check(**data["checked"]) if data.get("checked") else None,
            }
        )

    def __str__(self) -> str:
        q = self.quantisation
        lines = [
            f"end to end       {self.end_to_end}",
            f"  compile        {self.certificate if self.certificate.tv == 0.0 else self.compiling}",
            f"  rounding       {self.rounding}; step {q.step:.4g}, {q.saturated} saturated, "
            f"largest error {q.max_error:.3g}",
            f"  table          {self.table}; shift {q.shift}",
            f"  mixing         {self.mixing or 'not measured'}",
            f"checked          {self.checked or 'not checked'}",
            f"nodes            {self.nodes} on {self.sites} sites, at most {self.longest_copy} per node",
            f"placement        {self.placement}",
            f"cycles           {self.cycles_per_sweep} per sweep",
            *([f"suits better     {self.suits}"] if self.suits else []),
            "energy           "
            + ", ".join(
                f"{model.joules(self.fabric_sites):.2g} J on {model.name} ({model.standing})" for model in COST_MODELS
            )
            + " per sweep",
        ]
        return "\n".join(lines + [f"pass             {name}: {did}" for name, did in self.passes])


_PARTS = ("rounding", "table", "mixing")
