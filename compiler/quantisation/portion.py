"""A portion of a large program, by which its step is chosen: neighbourhoods of spins, on a fabric of their own.

Errors of rounding and of the activation table are sums over spins and couplings whose correlations are local. So a
portion, scaled by the number of spins or of couplings and biases, estimates the whole; what it misses is the
correlation across its rim.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from scipy.sparse import csr_matrix

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.stages import Wired
from thermofab.compiler.quantisation.model_error import pair_kl
from thermofab.hw.spec.colouring import compact_colours
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.topology import Topology

# Spins beyond which a program is judged by a portion, and spins of the portion.
LARGE = 2**17
_PORTION = 2**15
_NEIGHBOURHOODS = 4


@dataclass(frozen=True, eq=False)
class Portion:
    """Some neighbourhoods of a draft's spins, or the draft itself.

    Attributes:
        draft: what is judged.
        factor: how many times as many spins the program has.
        terms: how many times as many couplings and biases: more, for those across the rim are in no portion.
        couplings, biases: float64, those of the program outside the portion.
    """

    draft: Wired
    factor: float = 1.0
    terms: float = 1.0
    couplings: np.ndarray = field(default_factory=partial(np.zeros, 0))
    biases: np.ndarray = field(default_factory=partial(np.zeros, 0))

    @cached_property
    def _sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the values outside, ascending."""
        return np.sort(np.abs(self.couplings)), np.sort(np.abs(self.biases))

    def cut_outside(self, step: float, spec: FabricSpec, cut: float = np.inf) -> float:
        """KL in nats of the values outside the portion that ``step`` cuts, each taken alone, per portion."""
        total = 0.0
        limits = min(spec.weight_max, max(np.floor(cut / step), 1.0)), spec.bias_max
        for sizes, most in zip(self._sizes, limits):
            large = sizes[np.searchsorted(sizes, (most + 0.5) * step) :][::-1]
            some = large[:: -(-len(large) // _PORTION) or 1]  # in order, so that they stand for all
            if len(some):
                total += len(large) * float(np.mean(pair_kl(some, np.full_like(some, most * step))))
        return total / self.factor


def portion_of(draft: Wired) -> Portion:
    """The portion that a draft is judged by.

    It is the draft itself up to :data:`LARGE` spins, and where spins have copies, wires hidden sites or the fabric
    factors. One neighbourhood is that of the largest coupling, the others are drawn with a fixed seed.
    """
    layout = draft.layout
    if draft.n <= LARGE or layout.n_sites > draft.n or layout.n_trunks or len(draft.tables):
        return Portion(draft)
    roots = np.random.default_rng(0).choice(draft.n, size=_NEIGHBOURHOODS, replace=False)
    if len(draft.edges):
        roots[0] = draft.edges[np.argmax(np.abs(draft.couplings)), 0]
    spins = _neighbourhoods(draft.n, draft.edges, roots, _PORTION)
    place = np.full(draft.n, -1)
    place[spins] = np.arange(len(spins))
    within = np.all(place[draft.edges] >= 0, axis=1)
    inside, none = np.flatnonzero(within), np.zeros(0, dtype=np.int64)
    edges = place[draft.edges[inside]]
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, inside = edges[order], inside[order]
    fabric = draft.fabric
    colours = compact_colours(fabric.topology.colours[layout.roots[spins]])
    topology = Topology(f"a portion of {fabric.topology.name}", edges, colours, np.zeros((len(spins), 2)))
    every = np.arange(len(edges))
    part = replace(
        draft,
        fabric=replace(fabric, topology=topology, architecture="spatial", elements=0, tile=0),
        edges=edges,
        couplings=draft.couplings[inside],
        biases=draft.biases[spins],
        clamped=draft.clamped[spins],
        names=tuple(range(len(spins))),
        placements=(),
        layout=Layout(
            tuple((k,) for k in range(len(spins))), layout.method, every, every, edges, none, none.reshape(0, 2),
            np.zeros(0), np.zeros(0),
        ),
    )  # fmt: skip
    terms = (draft.n + len(draft.edges)) / (part.n + len(part.edges))
    return Portion(part, draft.n / part.n, terms, draft.couplings[~within], draft.biases[place < 0])


def _neighbourhoods(n: int, edges: np.ndarray, roots: np.ndarray, wanted: int) -> np.ndarray:
    """``wanted`` of ``n`` spins, int64 ascending: those nearest to the roots, and to further roots where fewer are
    joined to these.
    """
    ends = np.concatenate([edges, edges[:, ::-1]])
    graph = csr_matrix((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(n, n))
    draw = np.random.default_rng(1)
    chosen, left, front = np.zeros(n, dtype=bool), wanted, np.unique(roots)
    n_roots = len(front)
    while left:
        if not len(front):
            # As many as will take half of what is left, if as much is joined to them as to those before.
            further = max(left * n_roots // (wanted - left) // 2, 1)
            front = draw.choice(np.flatnonzero(~chosen), size=further, replace=False)
            n_roots += further
        front = front[:left]
        chosen[front] = True
        left -= len(front)
        near = graph[front].indices
        front = np.unique(near[~chosen[near]])
    return np.flatnonzero(chosen)
