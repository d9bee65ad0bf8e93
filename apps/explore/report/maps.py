"""Fabric maps: where a program sits on a fabric, as places and lines that page and picture draw alike.

A map is of the region around the sites that are used, of small fabrics of all there is. On a torus the region may cross
the seam: the fabric is cut where no site is used, and a line that would still run across the picture becomes a stub at
either end.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from thermofab.apps.explore.workloads import Workload
from thermofab.hw.spec import IsingModel, Topology

GRAIN = 20  # units of a map per distance between neighbouring sites
_WHOLE = 160  # sites up to which a fabric is shown as a whole
_MOST_IDLE, _MOST_COUPLINGS = 900, 700
_MARGIN = 1.2  # neighbouring distances around the used sites
_DEPTH = 0.4  # of a third axis, along both others


def fabric_map(topology: Topology, on: Workload, copies: Sequence[Sequence[int]]) -> dict[str, Any]:
    """A fabric's region that carries a workload.

    Args:
        topology: the fabric's.
        on: the workload.
        copies: the sites of every node; of a workload whose nodes are several spins, of every spin.

    Returns:
        ``sites``, ``[x, y, node, site]`` each, node -1 where it is idle; ``joins``, ``couplings`` and ``stubs``: lines
        ``[x, y, x, y]`` between sites of one node, between sites of coupled nodes, and where either crosses the seam;
        ``size``, width and height; ``of``, all sites of the fabric; ``unlisted``, idle sites and couplings left out
        because there are too many to be told apart; ``what``, whether numbers are of ``"nodes"`` or ``"spins"``: of
        these it is not known which are coupled, and ``couplings`` is empty.
    """
    node_of = np.full(topology.n_sites, -1)
    for node, sites in enumerate(copies):
        node_of[list(sites)] = node
    full, period = _places(topology, node_of >= 0)
    places = _flat(full)
    used = np.flatnonzero(node_of >= 0)
    low, high = places[used].min(axis=0) - _MARGIN, places[used].max(axis=0) + _MARGIN
    near = np.all((places >= low) & (places <= high), axis=1) | (topology.n_sites <= _WHOLE)
    idle = np.flatnonzero((node_of < 0) & near)
    left_out = max(0, len(idle) - _MOST_IDLE)
    idle = np.zeros(0, dtype=int) if left_out else idle
    shown = np.concatenate([idle, used])
    corner = places[shown].min(axis=0) - 0.7
    at = np.rint((places - corner) * GRAIN).astype(int)
    joins, couplings = _lines(topology, node_of, _coupled(on) if len(copies) == on.model.n_nodes else set())
    dropped = max(0, len(couplings) - _MOST_COUPLINGS)
    couplings = couplings[:0] if dropped else couplings
    straight, stubs = _drawn(joins, full, period)
    thin, more = _drawn(couplings, full, period)
    ends = np.rint((np.array(stubs + more).reshape(-1, 2, 2) - corner) * GRAIN).astype(int)
    return {
        "sites": [[*map(int, at[k]), int(node_of[k]), int(k)] for k in shown],
        "joins": [[*map(int, at[i]), *map(int, at[j])] for i, j in straight],
        "couplings": [[*map(int, at[i]), *map(int, at[j])] for i, j in thin],
        "stubs": ends.reshape(-1, 4).tolist(),
        "size": [int(extent) for extent in at[shown].max(axis=0) + round(0.7 * GRAIN)],
        "of": topology.n_sites,
        "unlisted": [left_out, dropped],
        "what": "nodes" if len(copies) == on.model.n_nodes else "spins",
    }


def _places(topology: Topology, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def _flat(places: np.ndarray) -> np.ndarray:
    """On paper: a third axis goes up and to the right."""
    return places[..., :2] + _DEPTH * places[..., 2:].sum(axis=-1, keepdims=True)


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


def _lines(topology: Topology, node_of: np.ndarray, coupled: set[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Edges within a node, and edges between sites of coupled nodes, int ``[K, 2]`` each."""
    edges = np.concatenate([topology.edges, *(_pairs(factor) for factor in topology.factors)]).astype(int)
    a, b = node_of[edges].T
    both = (a >= 0) & (b >= 0)
    across = np.array([(min(i, j), max(i, j)) in coupled for i, j in zip(a.tolist(), b.tolist())], dtype=bool)
    return edges[both & (a == b)], np.unique(edges[both & (a != b) & across], axis=0)


def _pairs(sites: Sequence[int]) -> np.ndarray:
    i, j = np.triu_indices(len(sites), 1)
    return np.array(sites)[np.stack([i, j], axis=1)]


def _coupled(on: Workload) -> set[tuple[int, int]]:
    """Pairs of nodes, smaller first, that share a term of the energy."""
    if isinstance(on.model, IsingModel):
        return {(min(i, j), max(i, j)) for i, j in on.model.edges.tolist()}
    members = [
        [*spins, *categories]
        for factor in on.model.factors
        for spins, categories in zip(factor.spins.tolist(), factor.categories.tolist())
    ]
    return {(int(min(i, j)), int(max(i, j))) for row in members for i, j in _pairs(row)}


def _drawn(
    lines: np.ndarray, places: np.ndarray, period: np.ndarray
) -> tuple[list[tuple[int, int]], list[tuple[np.ndarray, np.ndarray]]]:
    """Lines that stay within the picture, and two stubs for each that crosses the seam."""
    straight, stubs = [], []
    for i, j in lines.tolist():
        step = places[j] - places[i]
        wrapped = np.abs(step) > period / 2
        if not wrapped.any():
            straight.append((i, j))
            continue
        short = step - np.sign(step) * np.where(wrapped, period, 0)
        short = 0.45 * short / max(float(np.linalg.norm(short)), 1e-9)
        stubs += [(_flat(places[i]), _flat(places[i] + short)), (_flat(places[j]), _flat(places[j] - short))]
    return straight, stubs


def node_colours(count: int) -> list[str]:
    """Colours of nodes, ``"#rrggbb"``, alike in lightness so that white figures can be read on all: neighbours in
    number are far apart in hue."""
    hue = np.radians(137.508 * np.arange(count) + 250)
    light = np.where(np.arange(count) % 2, 0.58, 0.47)
    a, b = 0.12 * np.cos(hue), 0.12 * np.sin(hue)
    # From OKLab to linear sRGB: Björn Ottosson's matrices.
    cone = np.stack(
        [
            light + 0.3963377774 * a + 0.2158037573 * b,
            light - 0.1055613458 * a - 0.0638541728 * b,
            light - 0.0894841775 * a - 1.2914855480 * b,
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(to_rgb @ cone**3, 0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return ["#" + "".join(f"{value:02x}" for value in row) for row in np.rint(255 * shown.T).astype(int)]
