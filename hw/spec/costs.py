"""What a run would cost in energy on chips of the literature: named models, each with its source and standing.

``measured`` figures come from an instrument, ``modelled`` ones from a formula fitted or derived by somebody, ``quoted``
ones are a maker's own. None of those here is measured: they say what order of magnitude to expect, no more.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class CostModel:
    """Energies in joules.

    Attributes:
        name: short, for tables.
        per_update: one update of one site: random bits, field, comparison, clock and neighbours' wires.
        per_read: reading one site's state out; ``None`` where the source gives no figure.
        per_write: loading one site; ``None`` likewise.
        standing: ``"measured"``, ``"modelled"`` or ``"quoted"``.
        source: where the figures are from.
    """

    name: str
    per_update: float
    per_read: float | None
    per_write: float | None
    standing: str
    source: str

    def joules(self, site_updates: int, sites_read: int = 0, sites_written: int = 0) -> float:
        """Energy of so many operations; those the model has no figure for count nothing."""
        return (
            site_updates * self.per_update
            + sites_read * (self.per_read or 0.0)
            + sites_written * (self.per_write or 0.0)
        )


# E = T·K·N·E_cell with E_cell = E_rng + E_bias + E_clock + E_nb, about 2 fJ in the paper's second version.
DTCA = CostModel("DTCA", 2e-15, None, None, "modelled", "Jelinčič et al., arXiv:2510.23972, cell energy model")
Z1 = CostModel("Z1", 7.09e-15, 1.692e-12, 153.6e-12, "quoted", "arXiv:2608.01615, SPICE figures")

COST_MODELS = (DTCA, Z1)
