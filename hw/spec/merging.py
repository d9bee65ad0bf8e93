"""What trees compute: the rules that an order must keep on its fabric, and the image of roots alone that it amounts to.

The field of a root is exact, F = Σ over the sites i of its tree of (b_i + Σ_j w_ij s_j), and every site of a tree holds
the root's state. So a tree is one p-bit whose bias is the sum of its sites' and whose weight to another tree the sum
over the edges between the two: the *merged* image, one site per root, has the same states and the same energies.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermofab.hw.spec.colouring import compact_colours, graph_colouring
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.order import IDLE, NO_PARENT, Order
from thermofab.hw.spec.topology import Topology

if TYPE_CHECKING:
    from thermofab.hw.spec.image import Image

# Width of the widest field, dither included, that a programmed order may make.
FIELD_BITS = 24
_MERGED_WEIGHT_BITS, _MERGED_BIAS_BITS = 16, 24


def default_order(spec: FabricSpec) -> Order:
    """Every site a root, by the topology's colours where no two roots of a colour share a draw unit, else by a
    colouring that keeps those apart too.
    """
    colours = spec.topology.colours
    if len(np.unique(np.stack([spec.draw_units, colours]), axis=1).T) < spec.n_sites:
        apart = np.unique(np.concatenate([spec.topology.edges, _pairs_within(spec.draw_units)]), axis=0)
        colours = compact_colours(graph_colouring(spec.n_sites, apart))
    return Order.of_roots(colours)


def _pairs_within(units: np.ndarray) -> np.ndarray:
    """int64 ``[P, 2]``: all pairs i < j of sites of one unit."""
    by_unit = np.argsort(units, kind="stable")
    groups = np.split(by_unit, np.flatnonzero(np.diff(units[by_unit])) + 1)
    pairs = [(i, j) for group in groups for i in group.tolist() for j in group.tolist() if i < j]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def check_order(image: "Image", order: Order) -> None:
    """Refuse an order that the fabric cannot keep, or integers that it gives no meaning to.

    Raises:
        SpecError: a size is wrong; a parent is no neighbour, or the fabric has no relays; two roots of one colour share
            a draw unit; two coupled sites have one colour (which edges inside a tree include); an idle site has a
            weight, a bias or a clamp, or a relay a clamp of its own.
    """
    spec, n = image.fabric, image.fabric.n_sites
    if order.n_sites != n:
        raise SpecError(f"the order is of {order.n_sites} sites, and this fabric has {n}.")
    relays = np.flatnonzero(order.parents != NO_PARENT)
    if len(relays) and not spec.has_relays:
        raise SpecError(
            f"site {relays[0]} has a parent, and a {spec.architecture} fabric has no relays; take one with "
            "architecture='relay'."
        )
    for site in relays.tolist():
        if (site, int(order.parents[site])) not in spec.topology.edge_index:
            raise SpecError(
                f"site {site} has the parent {order.parents[site]}, which is no neighbour of its on "
                f"{spec.topology.name}."
            )
    roots = np.flatnonzero(order.is_root)
    drawn = np.stack([spec.draw_units[roots], order.colours[roots]])
    _, first, counts = np.unique(drawn, axis=1, return_index=True, return_counts=True)
    if np.any(counts > 1):
        unit, colour = drawn[:, first[np.argmax(counts > 1)]]
        both = roots[(drawn[0] == unit) & (drawn[1] == colour)][:2]
        raise SpecError(
            f"roots {both[0]} and {both[1]} of colour {colour} share draw unit {unit}, which draws once a colour; give "
            "them different colours."
        )
    if not order.n_colours:
        raise SpecError("the order has no colour, so nothing would ever be updated; give at least one site per colour.")
    edges = spec.topology.edges
    ends = order.colours[edges]
    wrong = (image.weights != 0) & ((ends[:, 0] == ends[:, 1]) | np.any(ends == IDLE, axis=1))
    if np.any(wrong):
        i, j = edges[np.argmax(wrong)]
        what = "share a tree" if order.roots[i] == order.roots[j] else "have the same colour"
        what = "are not both in a tree" if IDLE in (order.colours[i], order.colours[j]) else what
        raise SpecError(
            f"sites {i} and {j} {what}, and the weight between them is {image.weights[np.argmax(wrong)]}; it must be 0."
        )
    idle = order.colours == IDLE
    if np.any(image.biases[idle]):
        raise SpecError(f"site {np.flatnonzero(idle & (image.biases != 0))[0]} is idle and has a bias; it must be 0.")
    follower = (image.clamps != -1) & (idle | (order.parents != NO_PARENT))
    if np.any(follower):
        raise SpecError(
            f"site {np.argmax(follower)} is {'idle' if idle[np.argmax(follower)] else 'a relay'} and clamped; clamp "
            "the root of its tree."
        )


@dataclass(frozen=True, eq=False)
class Merged:
    """An image of roots alone.

    Attributes:
        image: a site per root, by ascending site, on a graph of their couplings; no order of its own, its fabric's
            colours are the order's.
        roots: int64 ``[M]``: the fabric's site of every merged site; its generator is that site's.
        places: int64 ``[N]``: the merged site that a site holds the state of, -1 where it is idle.
        weights_of: int64 ``[E]``: the merged edge that an edge is part of, -1 where it is part of none.
        field_bits: signed width that holds ``F + (u mod 2^shift)`` of every root whatever the states are.
    """

    image: "Image"
    roots: np.ndarray
    places: np.ndarray
    weights_of: np.ndarray
    field_bits: int


def merged(image: "Image") -> Merged:
    """The merged image of one with an order.

    Raises:
        SpecError: the couplings between two trees add up to more than 16 bits, the biases of one to more than 24, or a
            field may need more than :data:`FIELD_BITS` bits.
    """
    order, spec = image.order, image.fabric
    assert order is not None
    roots = np.flatnonzero(order.is_root)
    index = np.full(spec.n_sites, -1, dtype=np.int64)
    index[roots] = np.arange(len(roots))
    places = np.where(order.colours == IDLE, -1, index[order.roots])
    busy = places >= 0
    biases = np.bincount(places[busy], image.biases[busy], len(roots)).astype(np.int64)
    ends = np.sort(places[spec.topology.edges.astype(np.int64)], axis=1)
    coupled = np.flatnonzero(image.weights)
    pairs, which = np.unique(ends[coupled], axis=0, return_inverse=True)
    weights = np.bincount(which.reshape(-1), image.weights[coupled], len(pairs)).astype(np.int64)
    codes = pairs[:, 0] * len(roots) + pairs[:, 1]
    wanted = ends[:, 0] * len(roots) + ends[:, 1]
    at = np.searchsorted(codes, wanted)
    found = (at < len(codes)) & (ends[:, 0] >= 0)
    found[found] = codes[at[found]] == wanted[found]
    weights_of = np.where(found, at, -1)
    largest = np.abs(biases)
    for side in (0, 1):
        largest = largest + np.bincount(pairs[:, side], np.abs(weights), len(roots)).astype(np.int64)
    too_wide = largest + 2**spec.dither_bits >= 2 ** (FIELD_BITS - 1)
    for what, values, bits in (("couplings", weights, _MERGED_WEIGHT_BITS), ("biases", biases, _MERGED_BIAS_BITS)):
        if len(values) and np.abs(values).max() >= 2 ** (bits - 1):
            raise SpecError(
                f"the {what} of a tree add up to {values[np.argmax(np.abs(values))]}, beyond the {bits} bits that a "
                "tree's may have; scale them down."
            )
    if np.any(too_wide):
        widest = np.argmax(largest)
        raise SpecError(
            f"the field of root {roots[widest]} may reach {largest[widest]}, beyond the {FIELD_BITS} bits that a field "
            "may have; scale weights and biases down."
        )
    own = FabricSpec(
        Topology.from_edges(
            f"roots of {spec.topology.name}",
            len(roots),
            pairs,
            coordinates=spec.topology.coordinates[roots],
            colours=order.colours[roots],
        ),
        weight_bits=max(spec.weight_bits, int(np.abs(weights).max(initial=0)).bit_length() + 1),
        bias_bits=max(spec.bias_bits, int(np.abs(biases).max(initial=0)).bit_length() + 1),
        **{name: getattr(spec, name) for name in _SHARED},
    )
    changes = {"weights": weights, "biases": biases, "clamps": image.clamps[roots]}
    plain = type(image)(own, tables=image.tables, shift=image.shift, seed=image.seed, **changes)
    widest = int(largest.max(initial=0)) + 2**image.shift
    return Merged(plain, roots, places, weights_of, widest.bit_length() + 1)


_SHARED = ("table_bits", "threshold_bits", "dither_bits", "min_shift", "word_bits", "levels", "rng")
