"""Fabrics that were placed and routed on an ECP5-85F, out of context: points for the area model.

Yosys and nextpnr as ``benchmarks/area.py`` and ``benchmarks/relays/area.py`` call them; the wrapper is taken off. The
rows are those of docs/results/relays_area.json, docs/systolic.md and docs/hardware.md. Moments are left out throughout.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A placed fabric.

    Attributes:
        topology, architecture: as in ``FabricSpec``; all other widths are the defaults.
        sites, degree: of the topology; the degree is the largest.
        elements: of a systolic fabric, as built; 0 elsewhere.
        tile: as in ``FabricSpec``.
        lut4, flip_flops, block_ram: places taken.
        megahertz: the clock that static timing allows.
    """

    topology: str
    architecture: str
    sites: int
    degree: int
    elements: int
    tile: int
    lut4: int
    flip_flops: int
    block_ram: int
    megahertz: float


POINTS = (
    Point("g4-8x8-torus", "spatial", 64, 4, 0, 0, 7690, 5492, 17, 81.9),
    Point("g8-8x8-torus", "spatial", 64, 8, 0, 0, 9034, 5577, 18, 77.8),
    Point("grid(0,1)(4,1)(2,3)-10x10-torus", "spatial", 100, 12, 0, 0, 15087, 9335, 28, 75.5),
    Point("g8-8x8-torus", "relay", 64, 8, 0, 0, 4111, 2503, 15, 124.0),
    Point("grid(0,1)(4,1)(2,3)-10x10-torus", "relay", 100, 12, 0, 0, 7133, 3904, 25, 114.0),
    Point("g8-16x16-torus", "relay", 256, 8, 0, 0, 12291, 7741, 60, 109.3),
    Point("complete-16", "dense", 16, 15, 0, 0, 1137, 840, 9, 107.3),
    Point("complete-64", "dense", 64, 63, 0, 0, 1605, 1136, 18, 97.1),
    Point("complete-128", "dense", 128, 127, 0, 0, 2470, 1636, 39, 98.8),
    Point("complete-256", "dense", 256, 255, 0, 0, 5710, 4119, 71, 91.8),
    Point("g8-16x16-torus", "systolic", 256, 8, 4, 0, 3739, 3222, 23, 116.2),
    Point("g12-16x16-torus", "systolic", 256, 12, 4, 0, 4148, 3611, 24, 104.9),
    Point("g12-16x16-torus", "systolic", 256, 12, 8, 0, 5766, 5807, 45, 122.9),
    Point("g12-70x70-torus", "systolic", 4900, 12, 35, 0, 20544, 25568, 197, 114.4),
)

# Placed too, by benchmarks/explore/area.py, and kept out of the fit: what its error is measured on.
HELD_OUT = (
    Point("complete-24", "dense", 24, 23, 0, 0, 1214, 899, 10, 103.6),
    Point("complete-32", "dense", 32, 31, 0, 0, 1272, 943, 11, 109.5),
    Point("complete-96", "dense", 96, 95, 0, 0, 2102, 1441, 31, 104.0),
    Point("king-4x4", "relay", 16, 8, 0, 0, 1950, 1150, 5, 125.3),
    Point("g4-6x6", "relay", 36, 4, 0, 0, 2382, 1568, 10, 126.4),
    Point("g4-4x4", "spatial", 16, 4, 0, 0, 2661, 1783, 5, 93.1),
    Point("king-4x4", "spatial", 16, 8, 0, 0, 2396, 1806, 3, 95.6),
    Point("g8-8x8", "relay", 64, 6, 0, 0, 3675, 2322, 15, 127.8),
    Point("g4-16x16-torus", "systolic", 256, 4, 8, 0, 3872, 4246, 37, 113.8),
)
