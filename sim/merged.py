"""Chains of an image with an order, run as the merged image of its roots: fewer sites, and the same bits."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from thermofab.hw.spec import RunPlan
from thermofab.sim.chains import Chains, Chunk, Phases, Request, Tally, pieces

# Bytes of states held at a time while products of sites that no weight joins are counted.
PIECE_BYTES = 2**25


def merged_plan(plan: RunPlan) -> RunPlan:
    """The run of the merged image that has the bits of ``plan``: each root with the generator of its site."""
    merged = plan.image.merged
    return replace(
        plan,
        image=merged.image,
        clamped=plan.clamped[merged.roots],
        values=plan.values[:, merged.roots],
        streams=plan.streams.of_sites(merged.roots),
        roots=None,
        start=plan.init[:, merged.roots],
    )


class MergedChains:
    """Chains of all sites, made of those of the roots; see :class:`thermofab.sim.chains.Chains`.

    Args:
        make: makes chains of a plan.
        plan: a run of an image with an order.
    """

    def __init__(self, make: Callable[[RunPlan], Chains], plan: RunPlan) -> None:
        merged, top = plan.image.merged, plan.image.fabric.topology
        self._chains, self._merged, self._replicas = make(merged_plan(plan)), merged, plan.replicas
        self._idle_states, self._edges = plan.init.copy(), top.edges.astype(np.int64)
        ends = merged.places[self._edges]
        self._same = (ends[:, 0] == ends[:, 1]) & (ends[:, 0] >= 0)
        self._resting = np.any(ends < 0, axis=1)
        self._uncounted = np.flatnonzero((merged.weights_of < 0) & ~self._same & ~self._resting)

    def advance(self, phases: Phases) -> None:
        self._chains.advance(phases)

    def sample(self, request: Request, tally: Tally | None = None, phases: Phases = ()) -> Chunk:
        self._chains.advance(phases)
        if tally is None:
            return self._sampled(request)
        if not len(self._uncounted):
            roots = self._merged.image.fabric
            inner = Tally.empty(self._replicas, roots.n_sites, roots.topology.n_edges)
            chunk = self._sampled(request, inner)
            self._add(tally, inner, np.zeros((self._replicas, 0), dtype=np.int64))
            return chunk
        return self._counted(request, tally)

    def states(self) -> np.ndarray:
        return self._spread(self._chains.states()[:, None])[:, 0]

    def set_states(self, states: np.ndarray) -> None:
        self._idle_states = np.asarray(states, dtype=bool).copy()
        self._chains.set_states(self._idle_states[:, self._merged.roots])

    def _sampled(self, request: Request, inner: Tally | None = None) -> Chunk:
        """The samples asked for; ``inner`` counts those of the roots."""
        if request.sites is None or request.sites is False:
            return self._chains.sample(request, inner)
        chunk = self._chains.sample(replace(request, sites=True), inner)
        assert chunk.states is not None
        states = self._spread(chunk.states)
        kept = states if request.sites is True else states[:, :, np.asarray(request.sites)]
        return Chunk(kept, chunk.energies)

    def _spread(self, states: np.ndarray) -> np.ndarray:
        """States bool ``[R, S, N]`` of all sites from those ``[R, S, M]`` of the roots."""
        idle = self._merged.places < 0
        spread = states[:, :, np.where(idle, 0, self._merged.places)]
        spread[:, :, idle] = self._idle_states[:, None, idle]
        return spread

    def _counted(self, request: Request, tally: Tally) -> Chunk:
        """Samples in pieces whose states are kept until the products that no coupling counts have been added up."""
        roots = self._merged.image.fabric
        ends = self._merged.places[self._edges[self._uncounted]]
        states, energies = [], []
        for part in pieces(request, max(1, PIECE_BYTES // (self._replicas * roots.n_sites))):
            inner = Tally.empty(self._replicas, roots.n_sites, roots.topology.n_edges)
            chunk = self._chains.sample(replace(part, sites=True), inner)
            assert chunk.states is not None
            products = np.array([(chunk.states[:, :, i] & chunk.states[:, :, j]).sum(axis=1) for i, j in ends.tolist()])
            self._add(tally, inner, products.T)
            if request.sites is not None and request.sites is not False:
                spread = self._spread(chunk.states)
                states.append(spread if request.sites is True else spread[:, :, np.asarray(request.sites)])
            energies.append(chunk.energies)
        return Chunk(
            np.concatenate(states, axis=1) if states else None,
            np.concatenate(energies, axis=1) if request.energies else None,
        )

    def _add(self, tally: Tally, inner: Tally, products: np.ndarray) -> None:
        """Add the counts of the roots' samples to those of all sites; ``products`` are of the uncounted edges."""
        idle = self._merged.places < 0
        ones = inner.ones[:, np.where(idle, 0, self._merged.places)]
        ones[:, idle] = self._idle_states[:, idle] * inner.samples
        near, far = self._edges.T
        # An idle site's state is constant: its product with another's is that other's count, or 0.
        steady = np.where(idle[near], near, far)
        moving = np.where(idle[near], far, near)
        both = np.where(self._same, ones[:, near], self._idle_states[:, steady] * ones[:, moving])
        known = self._merged.weights_of >= 0
        both[:, known] = inner.both[:, self._merged.weights_of[known]]
        both[:, self._uncounted] = products
        tally.ones += ones
        tally.both += both
        tally.samples += inner.samples
