"""What a run would cost on chips of the literature and on FPGAs: named models, each with its source and standing.

``measured`` figures come from an instrument or a counter, ``modelled`` ones from a formula somebody fitted or derived
(static timing of a placed netlist included), ``quoted`` ones are a maker's own. No energy here is measured: they say
what order of magnitude to expect, no more.
"""

from dataclasses import dataclass, field

STANDINGS = ("measured", "modelled", "quoted")


@dataclass(frozen=True)
class CostModel:
    """Energies in joules.

    Attributes:
        name: short, for tables.
        per_update: one update of one site: random bits, field, comparison, clock and neighbours' wires.
        per_read: reading one site's state out; ``None`` where the source gives no figure.
        per_write: loading one site; ``None`` likewise.
        standing: one of :data:`STANDINGS`.
        source: where the figures are from.
        parts: what ``per_update`` is made of, ``(name, joules)``, as far as the source tells.
    """

    name: str
    per_update: float
    per_read: float | None
    per_write: float | None
    standing: str
    source: str
    parts: tuple[tuple[str, float], ...] = field(default=())

    def joules(self, site_updates: int, sites_read: int = 0, sites_written: int = 0) -> float:
        """Energy of so many operations; those the model has no figure for count nothing."""
        return (
            site_updates * self.per_update
            + sites_read * (self.per_read or 0.0)
            + sites_written * (self.per_write or 0.0)
        )


@dataclass(frozen=True)
class ClockModel:
    """Time of a fabric's cycles at a stated clock.

    Attributes:
        name: short, for tables.
        hertz: the clock.
        standing: one of :data:`STANDINGS`.
        source: where the clock is from.
    """

    name: str
    hertz: float
    standing: str
    source: str

    def seconds(self, cycles: int) -> float:
        return cycles / self.hertz


@dataclass(frozen=True)
class PowerModel:
    """Energy of a fabric's cycles at a stated clock and a stated power.

    Attributes:
        clock: how long the cycles take.
        watts: drawn all the while.
        standing: one of :data:`STANDINGS`, of the power.
        source: where the power is from.
    """

    clock: ClockModel
    watts: float
    standing: str
    source: str

    def joules(self, cycles: int) -> float:
        return self.watts * self.clock.seconds(cycles)


@dataclass(frozen=True)
class AreaModel:
    """LUT4 of an FPGA and the clock that an architecture reaches on it, host and read-out included.

    Attributes:
        architecture: as in ``FabricSpec``.
        fixed, per_site, per_neighbour: LUT4 of a fabric, of each of its sites, and of each neighbour of a site.
        megahertz: the clock.
        largest: sites of the largest fabric that fits the part.
        source: where the figures are from.
        per_pair: LUT4 per pair of sites, where every site has a weight for every other.
    """

    architecture: str
    fixed: float
    per_site: float
    per_neighbour: float
    megahertz: float
    largest: int
    source: str
    per_pair: float = 0.0

    def lut4(self, sites: int, degree: int) -> float:
        """LUT4 of so many sites of that degree."""
        return self.fixed + sites * (self.per_site + degree * self.per_neighbour + sites * self.per_pair)

    def rate(self, sites: int, degree: int, clocks: int) -> float:
        """Sweeps per second and thousand LUT4."""
        return self.megahertz * 1e6 / clocks / (self.lut4(sites, degree) / 1000)


@dataclass(frozen=True)
class Figure:
    """One number of a ledger, with what it is worth."""

    name: str
    value: float
    unit: str
    standing: str
    source: str

    def __str__(self) -> str:
        return f"{self.name}: {self.value:.4g} {self.unit} ({self.standing}; {self.source})"


# E = T·K·N·E_cell with E_cell = E_rng + E_bias + E_clock + E_nb, about 2 fJ in the paper's second version; of the four
# terms only the random bit's, about 350 aJ, is known here, so the others stand together as the rest.
_CELL, _RANDOM_BIT = 2e-15, 350e-18
DTCA = CostModel(
    "DTCA",
    _CELL,
    None,
    None,
    "modelled",
    "Jelinčič et al., arXiv:2510.23972, cell energy model",
    (("E_rng", _RANDOM_BIT), ("E_bias + E_clock + E_nb", _CELL - _RANDOM_BIT)),
)
Z1 = CostModel("Z1", 7.09e-15, 1.692e-12, 153.6e-12, "quoted", "arXiv:2608.01615, SPICE figures")

COST_MODELS = (DTCA, Z1)

_PLACED = "static timing of benchmarks/area.py, ECP5-85F"
ECP5_SPATIAL = ClockModel("ECP5 spatial", 80e6, "modelled", f"{_PLACED}, g4-8x8-torus, rounded down")
ECP5_SYSTOLIC = ClockModel("ECP5 systolic", 105e6, "modelled", f"{_PLACED}, g12-70x70-torus, rounded down")

_AREA = "docs/results/relays_area.json, ECP5-85F"
AREA_MODELS = {
    "spatial": AreaModel("spatial", 0.0, 122.0, 2.4, 77.0, 590, _AREA),
    "relay": AreaModel("relay", 1500.0, 0.0, 4.8, 115.0, 1200, _AREA),
    "dense": AreaModel("dense", 1240.0, 1.7, 0.0, 97.0, 512, _AREA, 0.0614),
}

CLOCK_MODELS = (ECP5_SPATIAL, ECP5_SYSTOLIC)
# No board was measured: a round figure for a small FPGA board that is busy, regulators and oscillator included.
_STATED = "1 W stated, not measured"
POWER_MODELS = (
    PowerModel(ECP5_SPATIAL, 1.0, "modelled", f"{_STATED}; {ECP5_SPATIAL.source}"),
    PowerModel(ECP5_SYSTOLIC, 1.0, "modelled", f"{_STATED}; {ECP5_SYSTOLIC.source}"),
)
