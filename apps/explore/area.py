"""Area and clock of a fabric on an ECP5-85F: placed, where it was placed, else a fitted model with its error.

The model is linear in what a fabric is made of (:mod:`thermofab.apps.explore.parts`): the amounts of logic for LUT4,
of registers for flip-flops, and for the clock's period the delays that grow with the fabric. Coefficients are of at
least 0 and fitted to relative errors, an architecture at a time, over the fabrics that were placed, whatever their
widths, generators and factors. Block RAMs are not fitted but counted. The error stated is the worst of leaving each
fitted point out in turn, for block RAM that of the count.
"""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

import numpy as np

from thermofab.apps.explore.parts import Parts, parts_of
from thermofab.apps.explore.reach import beyond_of
from thermofab.apps.explore.synthesised import HELD_OUT, POINTS, Point, built, point_spec
from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.cache import build_key, made_once
from thermofab.hw.spec import FabricSpec, SpecError

QUANTITIES = ("lut4", "flip_flops", "block_ram", "megahertz")


@dataclass(frozen=True)
class Area:
    """What a fabric takes, and how that is known.

    Attributes:
        lut4, flip_flops, block_ram: places of an ECP5-85F, host and read-out included.
        megahertz: the clock that static timing allows.
        standing: ``"measured"`` (this fabric was placed) or ``"modelled"``.
        errors: of the model, by quantity, as shares: the worst left-out point; empty where measured.
        beyond: in what the fabric lies outside the fabrics that the model was fitted to; empty where it does not.
    """

    lut4: float
    flip_flops: float
    block_ram: float
    megahertz: float
    standing: str
    errors: dict[str, float]
    beyond: str = ""

    @property
    def fits(self) -> bool:
        """Whether an ECP5-85F has room for it."""
        return self.lut4 <= ECP5_85.room["lut4"] and self.block_ram <= ECP5_85.room["block_ram"]

    def how(self, quantity: str) -> str:
        """Where a quantity is from, in a few words."""
        if self.standing == "measured":
            return (
                "placed by nextpnr on an ECP5-85F" if quantity != "megahertz" else "static timing of the placed netlist"
            )
        apart = f"; beyond what was fitted ({self.beyond}), so the error may be larger" if self.beyond else ""
        made = "memories counted; on placed fabrics" if quantity == "block_ram" else "fitted to placed fabrics,"
        left = "worst error" if quantity == "block_ram" else "worst left-out error"
        return f"{made} {left} {self.errors[quantity]:.0%}{apart}"


def area_of(spec: FabricSpec, *, synthesise: bool = False) -> Area:
    """Area and clock.

    Args:
        spec: the fabric.
        synthesise: place it if it was never placed, which takes minutes; results are kept by the fabric's digest.

    Raises:
        SpecError: the fabric cannot be laid out.
        DeviceError: with ``synthesise``, it does not fit the part.
    """
    known = _listed(spec) or (_placed(spec) if synthesise else None)
    if known is not None:
        return Area(known.lut4, known.flip_flops, known.block_ram, known.megahertz, "measured", {})
    fitted = model_of(spec.architecture)
    beyond = beyond_of(spec, tuple(point_spec(point) for point in POINTS if point.architecture == spec.architecture))
    return Area(**fitted.of(spec), standing="modelled", errors=fitted.errors, beyond=beyond)


@dataclass(frozen=True)
class AreaFit:
    """Coefficients by quantity, and the worst and the median relative error of leaving a point out."""

    architecture: str
    coefficients: dict[str, tuple[float, ...]]
    errors: dict[str, float]
    median_errors: dict[str, float]

    def of(self, spec: FabricSpec) -> dict[str, float]:
        """Every quantity of a fabric, by the model alone."""
        parts = parts_of(spec)
        return {name: _value(name, self.coefficients[name], parts) for name in QUANTITIES}


def _amounts(quantity: str, parts: Parts) -> tuple[float, ...]:
    if quantity == "block_ram":
        return (parts.block_ram,)
    return {"lut4": parts.logic, "flip_flops": parts.registers, "megahertz": parts.delays}[quantity]


def _value(quantity: str, coefficients: tuple[float, ...], parts: Parts) -> float:
    value = float(np.dot(_amounts(quantity, parts), coefficients))
    return 1000 / value if quantity == "megahertz" else value


def fit(points: tuple[Point, ...], architecture: str) -> AreaFit:
    """The model of an architecture from placed fabrics of it.

    Raises:
        SpecError: fewer than two.
    """
    mine = tuple(point for point in points if point.architecture == architecture)
    if len(mine) < 2:
        raise SpecError(f"an area model of {architecture} fabrics needs two placed ones at least, got {len(mine)}.")
    coefficients, errors, medians = {}, {}, {}
    for quantity in QUANTITIES:
        coefficients[quantity] = _solved(mine, quantity)
        left_out = []
        for k, point in enumerate(mine):
            without = _solved(mine[:k] + mine[k + 1 :], quantity)
            modelled = _value(quantity, without, parts_of(point_spec(point)))
            left_out.append(abs(modelled / getattr(point, quantity) - 1))
        errors[quantity], medians[quantity] = max(left_out), median(left_out)
    return AreaFit(architecture, coefficients, errors, medians)


def _solved(points: tuple[Point, ...], quantity: str) -> tuple[float, ...]:
    """Coefficients of at least 0 of the smallest relative errors; of the period, for the clock."""
    from scipy.optimize import nnls

    if quantity == "block_ram":
        return (1.0,)
    actual = np.array([float(getattr(point, quantity)) for point in points])
    if quantity == "megahertz":
        actual = 1000 / actual
    rows = np.array([_amounts(quantity, parts_of(point_spec(point))) for point in points])
    return tuple(nnls(rows / actual[:, None], np.ones(len(points)))[0].tolist())


@lru_cache(maxsize=8)
def model_of(architecture: str) -> AreaFit:
    """The model fitted to all of :data:`POINTS`."""
    return fit(POINTS, architecture)


def _listed(spec: FabricSpec) -> Point | None:
    """The fabric of the tables that is this one. What was placed here before is not looked at, so that a study's
    numbers do not depend on the machine's history."""
    name, digest = spec.topology.name, spec.digest
    for point in POINTS + HELD_OUT:
        if point.architecture != spec.architecture:
            continue
        # A program's own graph has no name to build it from, but a digest.
        if point.digest:
            if point.digest == digest and spec == built(spec):
                return point
        elif point.topology == name and point_spec(point) == built(spec):
            return point
    return None


def _cache_name(spec: FabricSpec) -> str:
    build = [str(getattr(spec, name)) for name in ("architecture", "elements", "moment_bits", "tile")]
    return build_key(["area 2", spec.digest, *build])


def _placed(spec: FabricSpec) -> Point:
    """Place and route it, or take what was placed before."""

    def make(folder: Path) -> None:
        (folder / "area.json").write_text(json.dumps(asdict(place(spec))))

    data = json.loads((made_once(_cache_name(spec), make, "area") / "area.json").read_text())
    return Point(**{**data, "settings": tuple(map(tuple, data["settings"]))})


def place(spec: FabricSpec) -> Point:
    """Synthesis, placement and routing on an ECP5-85F, the wrapper taken off.

    Raises:
        DeviceError: it does not fit, or the tools are missing.
    """
    from thermofab.hw.boards.out_of_context import measure_fabric
    from thermofab.hw.boards.part import ECP5_85

    report, wrapper = measure_fabric(spec, ECP5_85, 100.0)
    places = {one.kind: one.used for one in report.utilisation.places}
    return Point(
        spec.topology.name,
        spec.architecture,
        built(spec).elements,
        spec.tile,
        places["TRELLIS_COMB"] - wrapper.lut4,
        report.utilisation.flip_flops - wrapper.flip_flops,
        places.get("DP16KD", 0),
        min(clock.achieved_mhz for clock in report.clocks),
        digest=spec.digest,
    )
