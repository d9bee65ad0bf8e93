"""States of every site in use, from states of the program's spins.

Copies of a spin hold its value: a state in which they differ is a broken one. The hidden sites inside a wire are drawn
given its two ends, one after another: the site beyond a coupling K from s has P(s') ∝ e^{K s s'} (1 + s' s_end Π tanh),
the product over the couplings that are left.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.hw.spec.topology import Topology


@dataclass(frozen=True, eq=False)
class LayoutStates:
    """Weighted states of the sites that a layout uses.

    Attributes:
        sites: int64 ``[k]``, ascending.
        spins: ±1 float32 ``[M, k]``.
        weights: float64 ``[M]``, summing to 1.
    """

    sites: np.ndarray
    spins: np.ndarray
    weights: np.ndarray

    @staticmethod
    def of(
        layout: Layout, segments: np.ndarray, topology: Topology, spins: np.ndarray, weights: np.ndarray, seed: int = 0
    ) -> "LayoutStates":
        """From states ±1 ``[M, n]`` of the spins; ``segments`` float64 ``[k]`` are the couplings of the wires'."""
        copied = np.array([site for copies in layout.copies for site in copies], dtype=np.int64)
        owners = np.repeat(np.arange(len(layout.copies)), [len(copies) for copies in layout.copies])
        order = np.argsort(copied)
        sites = copied[order]
        made = spins[:, owners[order]].astype(np.float32)
        if len(layout.wire_of) > len(layout.wire_ends):
            # A stream of its own: the states may have been drawn with the same seed.
            draw = np.random.default_rng((seed, len(sites)))
            place = {site: k for k, site in enumerate(sites.tolist())}
            for path, couplings in _long_wires(layout, segments, topology):
                _fill(made, [place[site] for site in path], couplings, draw)
        return LayoutStates(sites, made, np.asarray(weights, dtype=np.float64))


def _long_wires(layout: Layout, segments: np.ndarray, topology: Topology) -> list[tuple[list[int], np.ndarray]]:
    """Sites of every wire of two couplings or more from end to end, and its couplings in that order."""
    made = []
    for wire in np.flatnonzero(layout.wire_lengths > 1).tolist():
        rows = np.flatnonzero(layout.wire_of == wire).tolist()
        length = len(rows)
        joined: dict[int, list[tuple[int, int]]] = {}
        for row in rows:
            a, b = topology.edges[layout.wire_sites[row]].tolist()
            joined.setdefault(a, []).append((b, row))
            joined.setdefault(b, []).append((a, row))
        path, order = [int(layout.wire_ends[wire, 0])], []
        while len(order) < length:
            step = next(((site, row) for site, row in joined.get(path[-1], []) if row not in order), None)
            if step is None:
                break  # a wire to copies of a clamped node, which are not joined: its ends are known
            path.append(step[0])
            order.append(step[1])
        if len(order) == length:
            made.append((path, segments[order]))
    return made


def _fill(made: np.ndarray, places: list[int], couplings: np.ndarray, draw: np.random.Generator) -> None:
    """Draw the inner sites of one wire in place."""
    slopes = np.tanh(couplings)
    end = made[:, places[-1]]
    for k in range(1, len(places) - 1):
        before = made[:, places[k - 1]]
        left = np.prod(slopes[k:])
        up = np.exp(couplings[k - 1] * before) * (1 + end * left)
        down = np.exp(-couplings[k - 1] * before) * (1 - end * left)
        made[:, places[k]] = np.where(draw.random(len(made)) * (up + down) < up, 1, -1)
