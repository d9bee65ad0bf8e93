"""Tiles and their link as the kernel wants them: ghosts numbered through, and the couplings of every chunk to them."""

import ctypes

import numpy as np

from thermofab.hw.spec import Link, Network, RunPlan
from thermofab.sim.functional.layout import NONE
from thermofab.sim.native.sites import WIDTH, SiteLayout


class Links(ctypes.Structure):
    """``struct Links`` of links.h, which says what the fields are."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("boundaries", "colours", "period", "latency", "aligned", "hold")),
        *((name, ctypes.c_void_p) for name in ("bits", "first", "bounds", "source", "group_ends")),
        *((name, ctypes.c_void_p) for name in ("held", "crossings", "lane", "ghost", "weight")),
    ]


def links_of(
    network: Network, plan: RunPlan, layout: SiteLayout, field: np.dtype
) -> tuple[dict[str, np.ndarray], Links]:
    """``struct Links`` and the arrays that it points to. An exact network has a link that is never late."""
    link, boundaries, colours = network.link or Link(), network.tiling.boundaries, network.topology.n_colours
    sizes = np.array([boundary.size for boundary in boundaries], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    arrays = {
        "bits": np.array([link.carried(boundary) for boundary in boundaries], dtype=np.int64),
        "first": first,
        "bounds": np.array([boundary.bounds for boundary in boundaries], dtype=np.int64).reshape(-1),
        "source": _joined([layout.place[boundary.sites] for boundary in boundaries], np.int32),
        "group_ends": group_ends(network, layout),
        "held": np.packbits(
            (layout.sites != NONE) & network.tiling.on_boundary[layout.sites], axis=1, bitorder="little"
        )
        .view("<u8")
        .astype(np.uint64)
        .reshape(-1),
        **_crossings(network, plan, layout, field),
    }
    made = Links(
        boundaries=len(boundaries),
        colours=colours,
        period=link.period,
        latency=link.latency,
        aligned=link.aligned,
        hold=link.hold,
        **{name: array.ctypes.data for name, array in arrays.items()},
    )
    return arrays, made


def group_ends(network: Network, layout: SiteLayout) -> np.ndarray:
    """int64 ``[C]``: one more than the last group of every colour."""
    one_site = layout.sites.max(axis=1)
    return np.searchsorted(network.topology.colours[one_site], np.arange(network.topology.n_colours), side="right")


def _crossings(network: Network, plan: RunPlan, layout: SiteLayout, field: np.dtype) -> dict[str, np.ndarray]:
    """Couplings to ghosts, by the chunk of the site that sees them."""
    topology, tiles = network.topology, network.tiling.tile_of
    # A place among all groups' chunks, without the margins.
    places = np.zeros(topology.n_sites, dtype=np.int64)
    held = np.flatnonzero(layout.sites.reshape(-1) != NONE)
    places[layout.sites.reshape(-1)[held]] = held
    weights = 2 * plan.image.weights
    ends = np.concatenate([topology.edges, topology.edges[:, ::-1]]).astype(np.int64)
    values = np.concatenate([weights, weights])
    across = (tiles[ends[:, 0]] != tiles[ends[:, 1]]) & (values != 0)
    ends, values = ends[across], values[across]
    # The ghost of site j that a tile has: looked up by (target tile, site).
    keys = _joined(
        [b.target * topology.n_sites + b.sites.astype(np.int64) for b in network.tiling.boundaries], np.int64
    )
    order = np.argsort(keys)
    wanted = tiles[ends[:, 0]] * np.int64(topology.n_sites) + ends[:, 1]
    ghost = order[np.searchsorted(keys[order], wanted)] if len(wanted) else np.zeros(0, dtype=np.int64)
    seers = places[ends[:, 0]]
    by_place = np.argsort(seers, kind="stable")
    chunks = layout.sites.size // WIDTH
    return {
        "crossings": np.searchsorted(seers[by_place] // WIDTH, np.arange(chunks + 1)).astype(np.int64),
        "lane": (seers[by_place] % WIDTH).astype(np.int32),
        "ghost": ghost[by_place].astype(np.int32),
        "weight": values[by_place].astype(field),
    }


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([*parts, np.zeros(0, dtype=dtype)]).astype(dtype)
