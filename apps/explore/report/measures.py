"""Measures: how a report names them, which way is better, and how several workloads go together."""

from collections.abc import Iterable
from typing import Any

from thermofab.apps.explore.objectives import Objective

# Measures of the table, in order: what they are, and whether more or less of it is better.
MEASURES = {
    "sites": ("sites used", "min"),
    "fabric_sites": ("sites of the fabric", "min"),
    "degree": ("largest degree", "min"),
    "tv": ("distance (TV)", "min"),
    "reported_tv": ("distance (TV) by the compiler", "min"),
    "tau": ("autocorrelation time", "min"),
    "ess_per_sweep": ("effective samples per sweep", "max"),
    "clocks_per_sweep": ("clocks per sweep", "min"),
    "ess_per_cycle": ("effective samples per clock", "max"),
    "ess_per_second": ("effective samples per second", "max"),
    "ess_per_klut_second": ("effective samples per second and kLUT", "max"),
    "ess_per_joule_dtca": ("effective samples per joule, DTCA", "max"),
    "ess_per_joule_z1": ("effective samples per joule, Z1", "max"),
    "lut4": ("LUT4", "min"),
    "flip_flops": ("flip-flops", "min"),
    "block_ram": ("block RAM", "min"),
    "megahertz": ("clock", "max"),
    "fits_ecp5_85": ("fits an ECP5-85F", "max"),
}
COLUMNS = tuple(MEASURES)
_NOTHING = 1e-9  # floors below this only keep logarithms finite


def label_of(name: str) -> str:
    """What a measure is called."""
    return MEASURES[name][0] if name in MEASURES else name.replace("_", " ")


def measure_facts(objectives: Iterable[Objective], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By measure: ``label``, ``better`` (``"max"`` or ``"min"``), ``over`` (how workloads go together) and ``floor``,
    at or below which values cannot be told apart (0: none)."""
    asked = {one.measure: one for one in objectives}
    found = {}
    for name in dict.fromkeys([*COLUMNS, *asked, *names]):
        one = asked.get(name) or Objective(name, MEASURES[name][1] if name in MEASURES else "max")
        floor = one.floor if one.floor > _NOTHING else 0.0
        found[name] = {"label": label_of(name), "better": one.direction, "over": one.over, "floor": floor}
    return found
