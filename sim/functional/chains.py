"""Chains in XLA: batches of replicas whose states and generators stay on JAX's devices between calls."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import jax
import numpy as np

from thermofab.hw.spec import RunPlan
from thermofab.sim.chains import Chunk, Phases, Request, Tally, pieces
from thermofab.sim.functional.kernel import Carry, Keeping, Kernel, Pace
from thermofab.sim.functional.placement import ArrayPlacement
from thermofab.sim.simulated import site_count

Result = TypeVar("Result")

# Bytes of states recorded before they are copied to the host, and samples that a byte counts.
BUFFER_BYTES = 2**25
BYTE_COUNTS = 127
# Samples from which on compiling a form of their own for those a sweep apart is worth it.
MANY = 64


def stretches(request: Request) -> list[Request]:
    """The request, or where many samples come a sweep apart but for the first of them, the first and the rest."""
    if request.steps != 1 or request.lead == 1 or request.samples < MANY:
        return [request]
    return [replace(request, samples=1), replace(request, samples=request.samples - 1, lead=1)]


class XlaChains:
    """See :class:`thermofab.sim.chains.Chains`. ``batch`` replicas run together."""

    def __init__(self, kernel: Kernel, plan: RunPlan, batch: int, placement: ArrayPlacement) -> None:
        self._kernel, self._plan, self._placement = kernel, plan, placement
        self._parameters = placement.parameters(kernel.parameters(plan.image, plan.clamped))
        self._rows = [
            np.minimum(np.arange(first, first + batch), plan.replicas - 1) for first in range(0, plan.replicas, batch)
        ]
        self._carries: list[Carry | None] = [None] * len(self._rows)  # None: not started yet

    def advance(self, phases: Phases) -> None:
        self._each(lambda n: self._advance_batch(n, phases))

    def _each(self, work: Callable[[int], Result]) -> list[Result]:
        """``work`` of every batch: in turn, or where none is shared by devices, one per processor at a time: XLA leaves
        small loops to one thread, and calls of one thread to one another's end."""
        batches = range(len(self._rows))
        if self._placement.mesh is not None or len(batches) == 1:
            return [work(n) for n in batches]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return list(threads.map(work, batches))

    def _carry(self, n: int) -> Carry:
        """The chains of a batch; started when first asked for, by the thread that goes on with them."""
        carry = self._carries[n]
        if carry is None:
            rows = self._rows[n]
            carry = self._placement.carry(self._kernel.start(self._plan.init[rows], self._plan.keys[rows]))
            self._carries[n] = carry
        return carry

    def _advance_batch(self, n: int, phases: Phases) -> None:
        carry = self._carry(n)
        for sweeps, level in phases:
            carry = self._kernel.advance(self._parameters, carry, sweeps, level)
        self._carries[n] = jax.block_until_ready(carry)

    def sample(self, request: Request, tally: Tally | None = None, phases: Phases = ()) -> Chunk:
        replicas, kept = self._plan.replicas, site_count(request.sites, self._plan.image.fabric.n_sites)
        states = np.empty((replicas, request.samples, kept), dtype=bool) if kept else None
        energies = np.empty((replicas, request.samples), dtype=np.int64) if request.energies else None

        def sample(n: int) -> None:
            first = int(self._rows[n][0])
            mine = slice(first, min(first + len(self._rows[n]), replicas))
            self._advance_batch(n, phases)
            self._sample_batch(n, mine, request, tally, states, energies)

        self._each(sample)
        if tally is not None:
            tally.samples += request.samples
        return Chunk(states, energies)

    def _sample_batch(
        self,
        n: int,
        mine: slice,
        request: Request,
        tally: Tally | None,
        states: np.ndarray | None,
        energies: np.ndarray | None,
    ) -> None:
        kernel, carry, placement = self._kernel, self._carry(n), self._placement
        layout, real, batch = kernel.layout, mine.stop - mine.start, len(self._rows[n])
        chosen = None
        every = states is not None and request.sites is True
        if states is not None and not every:
            chosen = np.asarray(layout.places[np.asarray(request.sites)], dtype=np.int32)
        counts = None if tally is None else placement.counters(kernel.counters(carry))
        done = 0
        most = self._most(request, tally is not None, states, energies, batch)
        for part in (piece for stretch in stretches(request) for piece in pieces(stretch, most)):
            size = 1 << (min(part.samples, BYTE_COUNTS if tally is not None else 256) - 1).bit_length()
            blocks, rest = [(part.samples, 1)], 0
            if states is None and energies is None:
                # Nothing is kept but counts: whole blocks in one call, then what is left.
                whole, rest = divmod(part.samples, BYTE_COUNTS)
                blocks = [(BYTE_COUNTS, whole)] * bool(whole) + [(rest, 1)] * bool(rest)
                size = 1
            keeping = Keeping(size, every, energies is not None, single=part.lead == part.steps == 1)
            lead = part.lead
            for count, times in blocks:
                carry, counts, kept = kernel.sample(
                    self._parameters, carry, counts, chosen, Pace(times, count, lead, part.steps, part.level), keeping
                )
                lead = part.steps
            here = slice(done, done + part.samples)
            if states is not None:
                if every:
                    parts = [placement.fetch(b)[: part.samples, ..., :real] for b in kept.states]
                    states[mine, here] = layout.gather(parts) != 0
                else:
                    states[mine, here] = placement.fetch(kept.some)[: part.samples, :, :real].transpose(2, 0, 1) != 0
            if energies is not None:
                twice = placement.fetch(kept.energies)[: part.samples, :, :real].sum(axis=1, dtype=np.int64)
                energies[mine, here] = (-twice // 2).T
            done += part.samples
        self._carries[n] = carry
        if tally is not None and counts is not None:
            self._add_counts(counts, tally, mine, real)

    def _most(self, request: Request, counting: bool, states, energies, batch: int) -> int:
        """Samples of a call: what a buffer holds, and a byte counts."""
        if states is None and energies is None:
            return request.samples
        kept = states.shape[-1] if states is not None else 0
        most = max(1, min(256, BUFFER_BYTES // max(1, batch * kept)))
        return min(most, BYTE_COUNTS) if counting else most

    def _add_counts(self, counts, tally: Tally, mine: slice, real: int) -> None:
        fetch, layout = self._placement.fetch, self._kernel.layout
        ones = np.concatenate([fetch(c)[..., :real].reshape(-1, real) for c in counts.ones])
        tally.ones[mine] += ones[layout.places].T
        both = np.zeros((tally.both.shape[1], real), dtype=np.int64)
        for group, slots, counted in zip(layout.groups, self._kernel.pairs, counts.both):
            for slot, values in zip(slots, counted):
                edges = group.edges[slot]
                both[edges[edges >= 0]] = fetch(values)[..., :real][edges >= 0]
        tally.both[mine] += both.T

    def states(self) -> np.ndarray:
        parts = []
        for n, rows in enumerate(self._rows):
            masks = [self._placement.fetch(m)[None] for m in self._carry(n).masks]
            parts.append(self._kernel.layout.gather(masks)[: len(np.unique(rows)), 0] != 0)
        return np.concatenate(parts)

    def set_states(self, states: np.ndarray) -> None:
        for n, rows in enumerate(self._rows):
            masks = self._kernel.masks(np.asarray(states, dtype=bool)[rows])
            self._carries[n] = self._placement.carry(self._carry(n)._replace(masks=masks))
