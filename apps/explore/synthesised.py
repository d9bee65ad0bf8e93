"""Fabrics that were placed and routed on an ECP5-85F, out of context: points for the area model.

Yosys and nextpnr as ``benchmarks/explore/area.py`` calls them; the wrapper is taken off. Moments are left out
throughout. Small fabrics and odd widths are here because a model of widths, generators and factors needs them.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from thermofab.hw.spec import FabricSpec, fabric, grid


@dataclass(frozen=True)
class Point:
    """A placed fabric.

    Attributes:
        topology: a name that :func:`thermofab.topology` knows, a grid's with its rules, or ``own:`` and a workload
            whose own graph it is.
        architecture, tile: as in ``FabricSpec``.
        elements: of a systolic fabric, as built; 0 elsewhere.
        lut4, flip_flops, block_ram: places taken.
        megahertz: the clock that static timing allows.
        settings: widths and generator, as :func:`thermofab.fabric` takes them, where they are not the defaults.
        digest: of the fabric, where its graph has no name.
    """

    topology: str
    architecture: str
    elements: int
    tile: int
    lut4: int
    flip_flops: int
    block_ram: int
    megahertz: float
    settings: tuple[tuple[str, int | str], ...] = ()
    digest: str = ""


@lru_cache(maxsize=256)
def point_spec(point: Point) -> FabricSpec:
    """The fabric of a point whose graph has a name.

    Raises:
        SpecError: it has none.
    """
    settings = dict(point.settings)
    rules = re.fullmatch(r"grid((?:\(\d+,\d+\))+)-(\d+)x(\d+)-torus", point.topology)
    source = point.topology
    if rules:
        pairs = [(int(a), int(b)) for a, b in re.findall(r"\((\d+),(\d+)\)", rules[1])]
        made = grid(pairs, int(rules[2]), int(rules[3]), torus=True)
        return fabric(made, architecture=point.architecture, elements=point.elements, tile=point.tile, **settings)
    return fabric(source, architecture=point.architecture, elements=point.elements, tile=point.tile, **settings)


def built(spec: FabricSpec) -> FabricSpec:
    """The same with the number of elements that is built, where the spec leaves that open."""
    if spec.architecture != "systolic":
        return spec
    from thermofab.hw.host.systolic.timing import layout_of

    return replace(spec, elements=layout_of(spec).n_elements)


POINTS = (
    Point("g4-8x8-torus", "spatial", 0, 0, 7690, 5492, 17, 81.9),
    Point("g8-8x8-torus", "spatial", 0, 0, 9034, 5577, 18, 77.8),
    Point("grid(0,1)(4,1)(2,3)-10x10-torus", "spatial", 0, 0, 15087, 9335, 28, 75.5),
    Point("pdit4-2x2", "spatial", 0, 0, 2131, 1137, 2, 93.1),
    Point("king-4x4", "spatial", 0, 0, 2750, 1828, 5, 87.1, (("profile", "fine"),)),
    Point("king-4x4", "spatial", 0, 0, 2325, 1794, 3, 86.9, (("weight_bits", 4),)),
    Point("pdit8-2x2", "spatial", 0, 0, 3314, 1516, 3, 80.1),
    Point("king-4x4", "spatial", 0, 0, 3206, 3088, 3, 91.3, (("rng", "xoshiro128+"),)),
    Point("pdit4-3x3", "spatial", 0, 0, 3197, 2154, 5, 90.2),
    Point("g8-8x8-torus", "relay", 0, 0, 4111, 2503, 15, 124.0),
    Point("grid(0,1)(4,1)(2,3)-10x10-torus", "relay", 0, 0, 7133, 3904, 25, 114.0),
    Point("g8-16x16-torus", "relay", 0, 0, 12291, 7741, 60, 109.3),
    Point("g4-6x6", "relay", 0, 0, 2375, 1568, 10, 129.5, (("weight_bits", 4),)),
    Point("king-4x4", "relay", 0, 0, 2042, 1258, 7, 123.9, (("profile", "fine"),)),
    Point("complete-16", "dense", 0, 0, 1137, 840, 9, 107.3),
    Point("complete-64", "dense", 0, 0, 1605, 1136, 18, 97.1),
    Point("complete-128", "dense", 0, 0, 2470, 1636, 39, 98.8),
    Point("complete-256", "dense", 0, 0, 5710, 4119, 71, 91.8),
    Point("complete-64", "dense", 0, 0, 1506, 1084, 18, 98.1, (("weight_bits", 4),)),
    Point("complete-64", "dense", 0, 0, 1689, 1192, 18, 94.2, (("weight_bits", 12),)),
    Point("complete-48", "dense", 0, 0, 1523, 1123, 16, 102.6, (("profile", "fine"),)),
    Point("complete-40", "dense", 0, 0, 1655, 1080, 16, 97.9, (("rng", "xoshiro128+"),)),
    Point("g8-16x16-torus", "systolic", 4, 0, 3739, 3222, 23, 116.2),
    Point("g12-16x16-torus", "systolic", 4, 0, 4148, 3611, 24, 104.9),
    Point("g12-16x16-torus", "systolic", 8, 0, 5766, 5807, 45, 122.9),
    Point("g12-70x70-torus", "systolic", 35, 0, 20544, 25568, 197, 114.4),
    Point("g4-8x8-torus", "systolic", 4, 0, 4325, 2921, 3, 116.1),
    Point("g8-12x12-torus", "systolic", 6, 0, 3609, 3687, 28, 110.6, (("weight_bits", 4),)),
)

# Placed too, and kept out of the fit: what its error is measured on (benchmarks/explore/area.py).
HELD_OUT = (
    Point("g4-4x4", "spatial", 0, 0, 2661, 1783, 5, 93.1),
    Point("king-4x4", "spatial", 0, 0, 2396, 1806, 3, 95.6),
    Point(
        "own:portfolio",
        "spatial",
        0,
        0,
        2675,
        1176,
        3,
        70.5,
        digest="3180d51dbbc3019e4e198541c46a1f5c1b7f50fc264f66c66c69eac086ac4e1a",
    ),
    Point(
        "own:potts",
        "spatial",
        0,
        0,
        3074,
        2110,
        5,
        88.3,
        digest="16108394dc8d85526644507d7448b49498dcf9ecdbc33281855de5f3217f0e1c",
    ),
    Point(
        "own:market",
        "spatial",
        0,
        0,
        7053,
        3581,
        6,
        74.1,
        digest="32e70d2586c02a6f66b927de2c493bb7d766e9010cf769841948bcaeb9285a4f",
    ),
    Point("g8-5x5", "spatial", 0, 0, 3736, 2551, 8, 88.7, (("weight_bits", 5),)),
    Point("pdit4-2x3", "spatial", 0, 0, 2220, 1497, 4, 84.4, (("weight_bits", 5),)),
    Point("king-4x4", "relay", 0, 0, 1950, 1150, 5, 125.3),
    Point("g4-6x6", "relay", 0, 0, 2382, 1568, 10, 126.4),
    Point("g8-8x8", "relay", 0, 0, 3675, 2322, 15, 127.8),
    Point("g8-5x5", "relay", 0, 0, 2196, 1453, 9, 128.1, (("weight_bits", 6),)),
    Point("complete-24", "dense", 0, 0, 1214, 899, 10, 103.6),
    Point("complete-32", "dense", 0, 0, 1272, 943, 11, 109.5),
    Point("complete-96", "dense", 0, 0, 2102, 1441, 31, 104.0),
    Point("complete-32", "dense", 0, 0, 1285, 931, 11, 108.1, (("weight_bits", 6),)),
    Point("complete-96", "dense", 0, 0, 1988, 1350, 31, 103.0, (("weight_bits", 5),)),
    Point("g4-16x16-torus", "systolic", 8, 0, 3872, 4246, 37, 113.8),
)
