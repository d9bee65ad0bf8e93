"""The kernel as a Python function: one call a run, no work per sweep or per sample in Python."""

import ctypes
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.hw.spec import DeviceError, RunPlan
from thermofab.sim.native.build import is_narrow
from thermofab.sim.native.sites import FEW_ON_A_LATTICE, Layout, site_layout


class Run(ctypes.Structure):
    """``struct Run`` of kernel.h, which says what the fields are."""

    _fields_ = [
        *((n, ctypes.c_int64) for n in ("sites", "free", "colours", "replicas", "samples", "steps", "level", "phases")),
        *((name, ctypes.c_void_p) for name in ("bounds", "order", "first", "near", "weights", "offsets", "tables")),
        *((name, ctypes.c_int64) for name in ("levels", "size", "shift")),
        *((name, ctypes.c_void_p) for name in ("schedule", "keys", "init", "out", "layout")),
    ]


@cache
def _load(path: Path) -> Any:
    library = ctypes.CDLL(str(path))
    library.thermofab_run.restype = ctypes.c_int
    library.thermofab_run.argtypes = [ctypes.POINTER(Run), ctypes.c_int64, ctypes.POINTER(ctypes.c_int32)]
    return library


def run_plan(path: Path, plan: RunPlan, threads: int) -> np.ndarray:
    """States bool ``[R, S, N]`` of a run on at most ``threads`` threads; an interrupt ends it within a sweep.

    Raises:
        DeviceError: there is not enough memory.
    """
    spec, schedule = plan.image.fabric, plan.schedule
    sites = np.empty((plan.replicas, schedule.n_samples, spec.n_sites), dtype=bool)
    arrays = {
        **coupling_arrays(plan),
        "tables": (plan.image.tables << (spec.word_bits - spec.threshold_bits)).astype(f"u{spec.word_bits // 8}"),
        "schedule": np.array(schedule.phases, dtype=np.int64).reshape(-1, 2),
        "keys": np.ascontiguousarray(plan.keys),
        "init": np.ascontiguousarray(plan.init),
        "out": sites,
    }
    flat = site_layout(spec.topology) if plan.replicas <= FEW_ON_A_LATTICE else None
    if flat is not None and plan.replicas > flat.most_replicas:
        flat = None
    run = Run(
        sites=spec.n_sites,
        free=len(arrays["order"]),
        colours=spec.topology.n_colours,
        replicas=plan.replicas,
        samples=schedule.n_samples,
        steps=schedule.steps_per_sample,
        level=schedule.level,
        phases=len(schedule.phases),
        levels=spec.levels,
        size=spec.table_size,
        shift=plan.image.shift,
        **{name: array.ctypes.data for name, array in arrays.items()},
    )
    if flat is not None:
        placed = flat.arrays(plan, np.int16 if is_narrow(spec) else np.int32)
        layout = Layout(
            groups=len(flat.sites),
            chunks=flat.chunks,
            margin=flat.margin,
            **{name: array.ctypes.data for name, array in placed.items()},
        )
        run.layout = ctypes.addressof(layout)
    if not _call_interruptibly(_load(path), run, threads):
        raise DeviceError(
            f"{plan.replicas} replicas of {spec.n_sites} sites do not fit in memory; run fewer at a time."
        )
    return sites


def coupling_arrays(plan: RunPlan) -> dict[str, np.ndarray]:
    """Free sites by colour and their couplings in compressed rows; couplings of weight zero are left out."""
    image, topology = plan.image, plan.image.fabric.topology
    classes = [sites[~plan.clamped[sites]] for sites in topology.colour_classes]
    order = np.concatenate(classes)
    near, edges = (table[order] for table in topology.neighbour_table)
    weights = np.append(image.weights, 0)[edges]
    real = weights != 0
    return {
        "bounds": np.concatenate([[0], np.cumsum([len(sites) for sites in classes])]).astype(np.int64),
        "order": order.astype(np.int32),
        "first": np.concatenate([[0], np.cumsum(real.sum(axis=1))]).astype(np.int64),
        "near": near[real].astype(np.int32),
        "weights": (2 * weights[real]).astype(np.int32),
        "offsets": (image.biases[order] - weights.sum(axis=1)).astype(np.int32),
    }


def _call_interruptibly(library: Any, run: Run, threads: int) -> bool:
    """The call, in a thread of its own: the caller's stays in Python, where signal handlers can run."""
    stop, done, enough = ctypes.c_int32(0), threading.Event(), []

    def call() -> None:
        try:
            enough.append(library.thermofab_run(ctypes.byref(run), threads, ctypes.byref(stop)))
        finally:
            done.set()

    threading.Thread(target=call).start()
    raised = None
    while not done.is_set():
        # The arrays must outlive the call, so an interrupt waits for it to end. An event, not Thread.join: that takes
        # an interrupted wait for the thread's end.
        try:
            done.wait()
        except BaseException as interrupt:
            raised, stop.value = interrupt, 1
    if raised is not None:
        raise raised
    return bool(enough[0])
