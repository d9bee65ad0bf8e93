"""Ladders of replicas in the kernel: the bits of :class:`thermofab.sim.tempering.opened.HeldLadders`."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from thermofab.hw.spec import DeviceError, RunPlan
from thermofab.hw.spec.seeding import stream_word
from thermofab.sim.native.library import (
    Prepared,
    Run,
    factors_of,
    interruptible,
    load_library,
    no_memory,
    run_of,
    start_arrays,
)
from thermofab.sim.tempering.clusters import Clusters
from thermofab.sim.tempering.decisions import START_INDEX, SWAP_INDEX
from thermofab.sim.tempering.ladder import Ladder
from thermofab.sim.tempering.opened import tempered
from thermofab.sim.tempering.result import Tempered


class ClusterSpec(ctypes.Structure):
    """``struct Clusters`` of clusters.h, which says what the fields are."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("group", "rungs", "fold")),
        *((name, ctypes.c_void_p) for name in ("first", "near")),
    ]


class LadderSpec(ctypes.Structure):
    """``struct LadderSpec`` of ladder.h."""

    _fields_ = [
        ("rungs", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("runs", "levels", "scales")),
        *((name, ctypes.c_uint64) for name in ("swaps", "starts")),
        ("exchange", ctypes.c_int64),
        ("clusters", ctypes.c_void_p),
    ]


class LadderWork(ctypes.Structure):
    """``struct LadderWork`` of ladder.h."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("rounds", "sweeps", "number", "warmup", "kept")),
        *((name, ctypes.c_void_p) for name in ("keep", "states", "energies", "walkers")),
        *((name, ctypes.c_void_p) for name in ("taken", "best_energies", "best_states")),
    ]


class NativeLadders:
    """See :class:`thermofab.sim.tempering.opened.Ladders`.

    Args:
        path: the shared library.
        plans: one per rung; images alike but for their seeds.
        threads: most threads to use.
        ladder, root, exchange, clusters: of the run.
    """

    def __init__(
        self,
        path: Path,
        plans: Sequence[RunPlan],
        threads: int,
        ladder: Ladder,
        root: np.ndarray,
        exchange: bool,
        clusters: Clusters | None,
    ) -> None:
        self._plans, self._threads, self._library = plans, threads, load_library(path)
        self._number = 0
        arrays, shared = run_of(plans[0], self._library, Prepared())
        if plans[0].image.fabric.topology.factors:
            factor_arrays, factors = factors_of(plans[0])
            shared.factors = ctypes.addressof(factors)
            self._factors = factor_arrays, factors
        own = [start_arrays(plan, self._library) for plan in plans]
        runs = (Run * len(plans))(*[shared] * len(plans))
        for run, its in zip(runs, own):
            run.keys, run.init = its["keys"].ctypes.data, its["init"].ctypes.data
        levels, scales = np.array(ladder.levels, dtype=np.int64), np.array(ladder.scales, dtype=np.float64)
        spec = LadderSpec(
            rungs=len(plans),
            runs=ctypes.addressof(runs),
            levels=levels.ctypes.data,
            scales=scales.ctypes.data,
            swaps=int(stream_word(root, SWAP_INDEX)[0]),
            starts=int(stream_word(root, START_INDEX)[0]),
            exchange=exchange,
        )
        if clusters is not None:
            turned = ClusterSpec(
                clusters.group, clusters.rungs, clusters.fold, clusters.first.ctypes.data, clusters.near.ctypes.data
            )
            spec.clusters = ctypes.addressof(turned)
            self._clusters = clusters, turned
        self._held = arrays, own, runs, levels, scales
        self._handle = self._library.thermofab_ladders_open(ctypes.byref(spec))
        if not self._handle:
            raise self._no_memory()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.thermofab_ladders_close(self._handle)

    def run(self, rounds: int, sweeps: int, warmup: int, keep: Sequence[int]) -> Tempered:
        if not self._handle:
            raise DeviceError("these ladders were interrupted in mid-run, so their state is lost; start new ones.")
        count, replicas, n_sites = len(self._plans), self._plans[0].replicas, self._plans[0].image.fabric.n_sites
        states = np.empty((len(keep), replicas, rounds, n_sites), dtype=bool)
        energies, walkers = np.empty((2, rounds, count, replicas), dtype=np.int64)
        taken, best = np.zeros(max(0, count - 1), dtype=np.int64), np.empty((count, replicas), dtype=np.int64)
        best_states, kept = np.empty((count, replicas, n_sites), dtype=bool), np.array(keep, dtype=np.int64)
        number = self._number
        updates = (warmup + rounds) * sweeps * replicas * count * n_sites
        work = LadderWork(
            warmup + rounds, sweeps, number, warmup, len(kept), kept.ctypes.data, states.ctypes.data,
            energies.ctypes.data, walkers.ctypes.data, taken.ctypes.data, best.ctypes.data, best_states.ctypes.data,
        )  # fmt: skip
        try:
            enough = interruptible(
                lambda stop: self._library.thermofab_ladders_work(
                    self._handle, ctypes.addressof(work), self._threads, stop
                ),
                updates,
            )
        except BaseException:
            handle, self._handle = self._handle, None
            self._library.thermofab_ladders_close(handle)
            raise
        if not enough:
            raise self._no_memory()
        self._number += warmup + rounds
        energies, walkers = np.moveaxis(energies, 0, -1), np.moveaxis(walkers, 0, -1)
        return tempered(states, energies, walkers, taken, (number, self._number), best, best_states, updates)

    def _no_memory(self) -> DeviceError:
        return no_memory(self._plans[0].replicas * len(self._plans), self._plans[0])
