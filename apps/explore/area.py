r"""Area and clock of a fabric on an ECP5-85F: placed, where it was placed, else a fitted model with its error.

The model is linear in what an architecture is made of, with coefficients of at least 0 fitted to relative errors:

    spatial   a·N + b·N·degree·weight_bits/8
    relay     a + b·N·degree
    dense     a + b·N + c·N²·weight_bits/8
    systolic  a + b·elements + c·elements·degree

for LUT4, flip-flops and block RAM alike. The clock is a + b·log₂ of the size (N; elements of a systolic fabric). The
error stated is the worst of leaving each fitted point out in turn. Weight widths other than 8 were not placed when it
was fitted: there the model rests on the adders' and memories' widths alone.
"""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

import numpy as np

from thermofab.apps.explore.synthesised import HELD_OUT, POINTS, Point
from thermofab.hw.cache import build_key, made_once
from thermofab.hw.spec import FabricSpec, SpecError

# What an ECP5-85F has: LUT4 (two a slice), and block RAM of 18 kbit.
ROOM = {"lut4": 83_640, "block_ram": 208}
QUANTITIES = ("lut4", "flip_flops", "block_ram", "megahertz")


@dataclass(frozen=True)
class Area:
    """What a fabric takes, and how that is known.

    Attributes:
        lut4, flip_flops, block_ram: places of an ECP5-85F, host and read-out included.
        megahertz: the clock that static timing allows.
        standing: ``"measured"`` (this fabric was placed) or ``"modelled"``.
        errors: of the model, by quantity, as shares: the worst left-out point; empty where measured.
        beyond: whether the fabric's widths are others than those that the model was fitted to.
    """

    lut4: float
    flip_flops: float
    block_ram: float
    megahertz: float
    standing: str
    errors: dict[str, float]
    beyond: bool = False

    @property
    def fits(self) -> bool:
        """Whether an ECP5-85F has room for it."""
        return self.lut4 <= ROOM["lut4"] and self.block_ram <= ROOM["block_ram"]

    def how(self, quantity: str) -> str:
        """Where a quantity is from, in a few words."""
        if self.standing == "measured":
            return (
                "placed by nextpnr on an ECP5-85F" if quantity != "megahertz" else "static timing of the placed netlist"
            )
        apart = "; widths other than the fitted ones, so the error may be larger" if self.beyond else ""
        return f"fitted to placed fabrics, worst left-out error {self.errors[quantity]:.0%}{apart}"


def area_of(spec: FabricSpec, *, synthesise: bool = False) -> Area:
    """Area and clock.

    Args:
        spec: the fabric.
        synthesise: place it if it was never placed, which takes minutes; results are kept by the fabric's digest.

    Raises:
        SpecError: no fabric of this kind was placed, so there is nothing to fit.
        DeviceError: with ``synthesise``, it does not fit the part.
    """
    if spec.topology.factors:
        raise SpecError("no fabric with factors was ever placed, so there is no area model of one.")
    known = _listed(spec) or (_placed(spec) if synthesise else None)
    if known is not None:
        return Area(known.lut4, known.flip_flops, known.block_ram, known.megahertz, "measured", {})
    fitted = model_of(spec.architecture)
    return Area(**fitted.of(spec), standing="modelled", errors=fitted.errors, beyond=not _is_plain(spec))


@dataclass(frozen=True)
class _Shape:
    sites: int
    degree: int
    elements: int
    width: float  # weight bits as a share of 8


def _shape_of(spec: FabricSpec) -> _Shape:
    elements = 0
    if spec.architecture == "systolic":
        from thermofab.hw.host.systolic.timing import layout_of

        elements = layout_of(spec).n_elements
    return _Shape(spec.n_sites, spec.topology.max_degree, elements, spec.weight_bits / 8)


def _features(architecture: str, shape: _Shape) -> list[float]:
    n, degree = shape.sites, shape.degree
    if architecture == "spatial":
        return [n, n * degree * shape.width]
    if architecture == "relay":
        return [1, n * degree]
    if architecture == "dense":
        return [1, n, n * n * shape.width]
    return [1, shape.elements, shape.elements * degree * shape.width]


@dataclass(frozen=True)
class AreaFit:
    """Coefficients by quantity, and the worst relative error of leaving a point out."""

    architecture: str
    coefficients: dict[str, tuple[float, ...]]
    errors: dict[str, float]
    median_errors: dict[str, float]

    def of(self, spec: FabricSpec) -> dict[str, float]:
        """Every quantity of a fabric, by the model alone."""
        shape = _shape_of(spec)
        return {name: _value(self.architecture, name, self.coefficients[name], shape) for name in QUANTITIES}


def _row(architecture: str, quantity: str, shape: _Shape) -> list[float]:
    if quantity == "megahertz":
        sizes = [point.elements or point.sites for point in POINTS if point.architecture == architecture]
        return [1.0, float(np.log2(np.clip(shape.elements or shape.sites, min(sizes), max(sizes))))]
    return _features(architecture, shape)


def _value(architecture: str, quantity: str, coefficients: tuple[float, ...], shape: _Shape) -> float:
    return float(np.dot(_row(architecture, quantity, shape), coefficients))


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
        coefficients[quantity] = _solved(mine, architecture, quantity)
        left_out = []
        for k, point in enumerate(mine):
            without = _solved(mine[:k] + mine[k + 1 :], architecture, quantity)
            actual = getattr(point, quantity)
            left_out.append(abs(_value(architecture, quantity, without, _point_shape(point)) / actual - 1))
        errors[quantity], medians[quantity] = max(left_out), median(left_out)
    return AreaFit(architecture, coefficients, errors, medians)


def _solved(points: tuple[Point, ...], architecture: str, quantity: str) -> tuple[float, ...]:
    from scipy.optimize import nnls

    actual = np.array([float(getattr(point, quantity)) for point in points])
    rows = np.array([_row(architecture, quantity, _point_shape(point)) for point in points])
    if quantity == "megahertz":
        return tuple(np.linalg.lstsq(rows, actual, rcond=None)[0].tolist())
    return tuple(nnls(rows / actual[:, None], np.ones(len(points)))[0].tolist())


def _point_shape(point: Point) -> _Shape:
    return _Shape(point.sites, point.degree, point.elements, 1.0)


@lru_cache(maxsize=8)
def model_of(architecture: str) -> AreaFit:
    """The model fitted to all of :data:`POINTS`."""
    return fit(POINTS, architecture)


def _is_plain(spec: FabricSpec) -> bool:
    return spec == FabricSpec(spec.topology, architecture=spec.architecture, elements=spec.elements, tile=spec.tile)


def _listed(spec: FabricSpec) -> Point | None:
    """The fabric of the tables that is this one. What was placed here before is not looked at, so that a study's
    numbers do not depend on the machine's history."""
    if not _is_plain(spec):
        return None
    elements = _shape_of(spec).elements if spec.architecture == "systolic" else 0
    wanted = spec.topology.name, spec.architecture, elements, spec.tile
    for point in POINTS + HELD_OUT:
        if (point.topology, point.architecture, point.elements, point.tile) == wanted:
            return point
    return None


def _cache_name(spec: FabricSpec) -> str:
    build = [str(getattr(spec, name)) for name in ("architecture", "elements", "moment_bits", "tile")]
    return build_key(["area 1", spec.digest, *build])


def _placed(spec: FabricSpec) -> Point:
    """Place and route it, or take what was placed before."""

    def make(folder: Path) -> None:
        (folder / "area.json").write_text(json.dumps(asdict(place(spec))))

    return Point(**json.loads((made_once(_cache_name(spec), make, "area") / "area.json").read_text()))


def place(spec: FabricSpec) -> Point:
    """Synthesis, placement and routing on an ECP5-85F, the wrapper taken off.

    Raises:
        DeviceError: it does not fit, or the tools are missing.
    """
    from thermofab.hw.boards.out_of_context import measure_fabric
    from thermofab.hw.boards.part import ECP5_85

    report, wrapper = measure_fabric(spec, ECP5_85, 100.0)
    places = {one.kind: one.used for one in report.utilisation.places}
    shape = _shape_of(spec)
    return Point(
        spec.topology.name,
        spec.architecture,
        shape.sites,
        shape.degree,
        shape.elements,
        spec.tile,
        places["TRELLIS_COMB"] - wrapper.lut4,
        report.utilisation.flip_flops - wrapper.flip_flops,
        places.get("DP16KD", 0),
        min(clock.achieved_mhz for clock in report.clocks),
    )
