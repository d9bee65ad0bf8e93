"""LogPartition: an estimate of ln Z with its error, and what speaks for it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from thermofab.hw.spec.device import Device
    from thermofab.hw.spec.program import Program

Method = Literal["ais", "bar", "ti", "population"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class Weights:
    """Annealed importance sampling: how unequal the chains' weights are.

    Attributes:
        deviation: standard deviation of ln w over the chains, in nats.
    """

    deviation: float

    def __str__(self) -> str:
        return f"deviation of ln w {self.deviation:.3g}"


@dataclass(frozen=True)
class Overlaps:
    """Bennett's acceptance ratio: how much neighbouring levels have in common.

    Attributes:
        least: smallest overlap of two neighbours, 0 (none) to 1 (the same distribution).
        asymptotic: Bennett's error of the differences, in nats, by the effective samples of every level.
        drift: change of ln Z, by the mean energies, from the first half of every level's samples to the second, in
            standard errors over the chains.
    """

    least: float
    asymptotic: float
    drift: float

    def __str__(self) -> str:
        return f"least overlap {self.least:.3g}, asymptotic error {self.asymptotic:.3g}, drift {self.drift:.2g} σ"


@dataclass(frozen=True)
class Quadrature:
    """Thermodynamic integration: how far the rule is from the integral.

    Attributes:
        error: of the rule, in nats, from the same rule on every second level; it is part of the estimate's error.
        drift: as in :class:`Overlaps`.
    """

    error: float
    drift: float

    def __str__(self) -> str:
        return f"quadrature error {self.error:.3g}, drift {self.drift:.2g} σ"


@dataclass(frozen=True)
class Families:
    """Population annealing: how many of the first members have descendants.

    Attributes:
        groups: populations that were annealed apart, whose spread is the error.
        members: chains of a population.
        survivors: members of all populations with a descendant at the end.
        rho_t: mean square family size over the members, ``members · Σ n_k²`` of families' shares n_k, worst population:
            1 where nothing was resampled, ``members`` where all descend from one.
    """

    groups: int
    members: int
    survivors: int
    rho_t: float

    def __str__(self) -> str:
        return f"{self.survivors} families left of {self.groups} populations of {self.members}, ρ_t {self.rho_t:.3g}"


@dataclass(frozen=True)
class LogPartition:
    """ln Z of a program's model, see :meth:`thermofab.hw.spec.program.Program.log_partition`.

    Attributes:
        value: ln Z, in nats.
        error: one standard deviation. It comes from the spread of independent chains (and the quadrature rule's error),
            so it says nothing of states that no chain has found.
        method: how it was found.
        levels: factors on β, from 1 down to 0.
        effective: independent chains (``ais``), populations (``population``) or samples of the worst level (``bar``,
            ``ti``) that the estimate is worth.
        correction: ln of Z over that of the integers, in nats: what rounding, copies and codes come to. It is part of
            ``value``.
        kept: share of the samples at β that the correction's weights are worth, 0 to 1.
        tables: what the rounding of activation tables may come to, in nats, to first order; not part of ``value`` or
            ``error``.
        evidence: of the method.
        sweeps: spent, summed over chains, pilots included.
    """

    value: float
    error: float
    method: Method
    levels: tuple[float, ...]
    effective: float
    correction: float
    kept: float
    tables: float
    evidence: Weights | Overlaps | Quadrature | Families
    sweeps: int

    def __str__(self) -> str:
        return (
            f"ln Z = {self.value:.6g} ± {self.error:.2g} ({self.method}, {len(self.levels)} levels, {self.sweeps} "
            f"sweeps): {self.effective:.3g} effective, {self.kept:.3g} kept by the correction, tables "
            f"{self.tables:.2g}; {self.evidence}"
        )


class PartitionEstimator(Protocol):
    """What estimates ln Z; arguments as those of :meth:`thermofab.hw.spec.program.Program.log_partition`."""

    def __call__(
        self,
        program: "Program",
        method: Method = ...,
        *,
        levels: int | Sequence[float] | None = ...,
        replicas: int | None = ...,
        sweeps: int | None = ...,
        clamp: Mapping[Hashable, ArrayLike] | None = ...,
        seed: int = ...,
        device: "Device | str" = ...,
    ) -> LogPartition: ...
