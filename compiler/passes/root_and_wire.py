"""Root and wire: read one copy per node, carry every model edge by a wire, and certify the result."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cache
from numbers import Real
from typing import ClassVar

import numpy as np

from thermofab.compiler.distributions.enumeration import log_weights, normalised
from thermofab.compiler.distributions.trunks import conditional_tv, log_ratio_range, root_distribution, tv_bound
from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.stages import Paired, Placed, Quantised, Wired
from thermofab.compiler.passes.base import AnyPass
from thermofab.compiler.passes.discard import DiscardBroken
from thermofab.compiler.placement.remember import remembered
from thermofab.compiler.placement.routing import route
from thermofab.compiler.placement.shorten import copied_clamps, roots_and_paths, shortened
from thermofab.compiler.placement.subdivision import disjoint_wires, subdivision_layout
from thermofab.hw.spec.certificate import Bounded, Certificate, Exact
from thermofab.hw.spec.errors import CompileError, RefusedError

# Jc - G of the trunks, weakest first. Each unit divides the error by e² and lengthens the time copies take to turn over
# by as much; beyond 4 the rounding of the other weights outweighs what is won. G is the worst case: where the error
# is enumerated, copies weaker than G often do.
MARGINS = tuple(k / 2 for k in range(-6, 9))
_WEAKEST = 0.5
# How far apart the roots of an embedding are drawn to make room for wires. Wires much longer than copies would be mix
# more slowly than discarded copies do, so they are not drawn further.
SPREADS = (1.0, 1.5)
# Placements that are routed anew, those of fewest sites.
_ROUTED = 3
# Counts up when the searches change.
_SEARCH = 1


@dataclass(frozen=True)
class RootAndWire:
    """Of the candidate placements, the exact one of fewest sites; without an exact one, that of smallest bound if that
    is within the tolerance, else that of fewest sites, whose broken copies are discarded.

    Where every placement needs trunks, its roots are kept, or drawn apart, and the edges routed anew along disjoint
    wires (:mod:`~thermofab.compiler.placement.subdivision`), through free sites too. A layout of wires is then
    shortened (:mod:`~thermofab.compiler.placement.shorten`), in ``moves`` moves. Both are remembered by content.

    Wires are exact, so a layout without trunks has the program's distribution over its roots: ``Exact``. Trunks make it
    ``Bounded``: by R (:mod:`~thermofab.compiler.distributions.trunks`), or by the TV itself where nodes and trunk ends
    together are at most ``enumerate_up_to``. Their strength is the smallest of :data:`MARGINS` within half the
    tolerance, else within it: stronger trunks mix more slowly and coarsen the other weights. Without a tolerance, or
    beyond it, ``discard`` makes the program ``Rejecting``.

    Raises:
        RefusedError: there are trunks, no tolerance or one that no margin meets, and ``discard`` is ``None`` or
            refuses; the sentence says the smallest error or yield found.
    """

    tolerance: float | None = None
    discard: DiscardBroken | None = DiscardBroken()
    moves: int | None = None
    enumerate_up_to: int = 20
    name: ClassVar[str] = "root-and-wire"

    def __post_init__(self) -> None:
        if self.tolerance is not None and not (isinstance(self.tolerance, Real) and 0 < self.tolerance <= 1):
            raise CompileError(f"tolerance is a total variation distance in 0…1, above 0, got {self.tolerance!r}.")

    def __call__(self, stage: Placed) -> Wired:
        magnitudes, clamped = np.abs(stage.couplings), stage.clamped
        layouts = [
            route(stage.edges, magnitudes, clamped, p.copies, stage.fabric.topology, p.method) for p in stage.placements
        ]
        layout = self._exact(stage, layouts)
        if layout is not None:
            longest = int(layout.wire_lengths.max(initial=1))
            trees = stage.hosting is not None and stage.hosting.order.heights.any()
            how = "one p-bit per node, its copies relays" if trees else "one site per node"
            how = how if longest == 1 else f"wires of up to {longest} couplings, read at the roots"
            did = f"{layout.n_sites} sites, {len(stage.edges)} wires, no trunks"
            return stage.to(Wired, self.name, did, layout=layout, certificate=Exact(how))
        if self.tolerance is not None or self.discard is None:
            layout = min(layouts, key=lambda x: (_error(_strengthened(x, MARGINS[-1])), x.n_sites))
            found = self._margin(stage, layout)
            if found is not None:
                chosen, certificate = found
                did = (
                    f"{chosen.n_sites} sites, {len(stage.edges)} wires, {chosen.n_trunks} trunks of coupling up to "
                    f"{chosen.trunk_couplings.max():.3g}"
                )
                return stage.to(Wired, self.name, did, layout=chosen, certificate=certificate)
        assert self.discard is not None
        layout = min(layouts, key=_size)
        did = f"{layout.n_sites} sites, {len(stage.edges)} wires, {layout.n_trunks} trunks"
        routed = Bounded(tv_bound(_error(layout)), "bounded")
        return self.discard(stage.to(Wired, self.name, did, layout=layout, certificate=routed))

    def keeping(self, known: Quantised) -> AnyPass:
        """The wires of ``known`` where it has no trunks. The strengths of trunks depend on the weights, and so may the
        choice among its placements.
        """
        if isinstance(known.certificate, Exact):
            return KeepWires(known.layout, known.certificate)
        return self

    def _exact(self, stage: Placed, layouts: list[Layout]) -> Layout | None:
        """The smallest layout without trunks: one of ``layouts``, or routed anew, and shortened."""
        edges, clamped, topology = stage.edges, stage.clamped, stage.fabric.topology
        exact = [layout for layout in layouts if not layout.n_trunks]
        best = min(exact, key=_size, default=None)
        if best is not None and (best.n_sites == stage.n or copied_clamps(best, clamped)):
            return best

        def search() -> list | None:
            found = best
            if found is None:
                routed = (
                    disjoint_wires(edges, clamped, p.copies, topology, p.method, spread)
                    for spread in SPREADS
                    for p in stage.placements[:_ROUTED]
                )
                found = next((layout for layout in routed if layout is not None), None)
            if found is None:
                return None
            return [
                found.method,
                *roots_and_paths(shortened(found, edges, clamped, topology, self.moves), edges, topology),
            ]

        copies = [p.copies for p in stage.placements]
        rows = remembered("wires", (_SEARCH, topology.digest, edges, clamped, copies, self.moves), search)
        return None if rows is None else subdivision_layout(edges, clamped, rows[1], rows[2], topology, rows[0])

    def _margin(self, stage: Placed, layout: Layout) -> tuple[Layout, Certificate] | None:
        """The weakest trunks within the tolerance; ``None`` if none are and copies may be discarded instead."""

        @cache
        def at(k: int) -> tuple[Layout, Bounded]:
            candidate = _strengthened(layout, MARGINS[k])
            return candidate, certify(stage, candidate, self.enumerate_up_to)

        least = at(len(MARGINS) - 1)[1]
        if self.tolerance is not None and least.tv <= self.tolerance:
            target = self.tolerance / 2 if least.tv <= self.tolerance / 2 else self.tolerance
            # The error falls with the margin, so the weakest that will do is found by bisection.
            return at(bisect_left(range(len(MARGINS)), True, key=lambda k: at(k)[1].tv <= target))
        if self.discard is not None:
            return None
        asked = "" if self.tolerance is None else f" and not within tolerance={self.tolerance:g}"
        # Rounded up in the third digit, so that the number as printed is a tolerance that passes.
        unit = 10.0 ** (np.floor(np.log10(least.tv)) - 2)
        raise RefusedError(
            f"the program compiles onto {stage.fabric.topology.name} only approximately{asked}: {layout.n_trunks} "
            f"couplings between copies carry several edges, TV ≤ {np.ceil(least.tv / unit) * unit:.3g} "
            f"({least.how}). Pass a tolerance of at least that, or take a fabric that holds the program's graph "
            "directly, or with more sites and more neighbours a site than the program's nodes have edges."
        )


@dataclass(frozen=True, eq=False)
class KeepWires:
    """A known layout without trunks, which is exact whatever the weights."""

    layout: Layout
    certificate: Exact
    name: ClassVar[str] = RootAndWire.name

    def __call__(self, stage: Placed) -> Wired:
        did = "the wires of the program before"
        return stage.to(Wired, self.name, did, layout=self.layout, certificate=self.certificate)


def _size(layout: Layout) -> tuple[int, int, int]:
    """Sites, then what mixes slowest: copies that turn over together, and the longest wire."""
    return layout.n_sites, layout.n_trunks, int(layout.wire_lengths.max(initial=1))


def certify(stage: Paired, layout: Layout, enumerate_up_to: int) -> Bounded:
    """The smaller of the bound and, where small enough to enumerate, the total variation itself."""
    bound = tv_bound(log_ratio_range(layout.trunk_couplings, layout.trunk_loads))
    n = len(layout.copies)
    if n + layout.n_trunks > enumerate_up_to:
        return Bounded(bound, "bounded")
    distribution = root_distribution(layout, stage.edges, stage.couplings, stage.biases)
    wanted = normalised(log_weights(n, stage.biases, stage.edges, stage.couplings))[0]
    exact = conditional_tv(wanted, distribution, stage.clamped)
    return Bounded(exact, "enumerated") if exact <= bound else Bounded(bound, "bounded")


def _strengthened(layout: Layout, margin: float) -> Layout:
    return replace(layout, trunk_couplings=np.maximum(layout.trunk_loads + margin, _WEAKEST))


def _error(layout: Layout) -> float:
    return log_ratio_range(layout.trunk_couplings, layout.trunk_loads)
