"""Where the sites of a fabric stand on paper, and which of the lines between them can be drawn.

On a torus the fabric is cut where no site is used, and a line that would still run across the picture becomes a stub at
either end.
"""

import numpy as np

from thermofab.hw.spec import Topology

_DEPTH = 0.4  # of a third axis, along both others


def site_places(topology: Topology, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of all sites in neighbouring distances, float ``[N, ≥2]``, and the extents of a torus, infinite else."""
    places, lattice = np.array(topology.coordinates), topology.lattice
    period = np.full(places.shape[1], np.inf)
    if lattice is not None and lattice.torus:
        period[: len(lattice.size)] = lattice.size[::-1]
        for axis, extent in enumerate(period):
            if np.isfinite(extent):
                places[:, axis] = (places[:, axis] - _cut(places[used, axis], extent)) % extent
    spacing = _spacing(places)
    return places / spacing, period / spacing


def on_paper(places: np.ndarray) -> np.ndarray:
    """On paper: a third axis goes up and to the right."""
    return places[..., :2] + _DEPTH * places[..., 2:].sum(axis=-1, keepdims=True)


def within_picture(
    lines: np.ndarray, places: np.ndarray, period: np.ndarray
) -> tuple[list[int], list[tuple[int, np.ndarray, np.ndarray]]]:
    """Rows of ``lines``, int ``[k, 2]``, that stay within the picture; and two stubs for each that crosses the seam:
    its row, and where the stub begins and ends on paper."""
    straight, stubs = [], []
    for row, (i, j) in enumerate(lines.tolist()):
        step = places[j] - places[i]
        wrapped = np.abs(step) > period / 2
        if not wrapped.any():
            straight.append(row)
            continue
        short = step - np.sign(step) * np.where(wrapped, period, 0)
        short = 0.45 * short / max(float(np.linalg.norm(short)), 1e-9)
        stubs.append((row, on_paper(places[i]), on_paper(places[i] + short)))
        stubs.append((row, on_paper(places[j]), on_paper(places[j] - short)))
    return straight, stubs


def _cut(values: np.ndarray, extent: float) -> float:
    """Where a ring is cut: half a step before the site behind the widest gap."""
    ring = np.unique(values % extent)
    gaps = np.diff(np.append(ring, ring[0] + extent))
    return float(ring[(int(np.argmax(gaps)) + 1) % len(ring)] - min(0.5, gaps.max() / 2))


def _spacing(places: np.ndarray) -> float:
    """The distance to the nearest other site, in the middle of all sites or of the first 400."""
    some = places[:400]
    if len(places) < 2:
        return 1.0
    apart = np.linalg.norm(some[:, None] - places[None], axis=2)
    apart[np.arange(len(some)), np.arange(len(some))] = np.inf
    return float(np.median(apart.min(axis=1))) or 1.0
