"""The kernel from Python: chains opened for a run's plan, worked on and looked at, no work per sweep in Python."""

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from thermofab.hw.spec import DeviceError, Network, RunPlan, UnsupportedError
from thermofab.hw.spec.factors import LARGEST_FACTOR
from thermofab.sim.chains import Chunk, Request, Tally
from thermofab.sim.native.build import is_narrow
from thermofab.sim.native.links import links_of
from thermofab.sim.native.sites import FEW_ON_A_LATTICE, LayoutStruct, SiteLayout, any_site_layout, site_layout

# Lanes of a narrow block of replicas.
NARROW = 32
# Samples between two emptyings of the kernel's 32-bit counters.
MOST_COUNTED = 2**31
_FEW_UPDATES = 2_000_000  # a hundredth of a second at most


class Run(ctypes.Structure):
    """``struct Run`` of kernel.h, which says what the fields are."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("sites", "free", "colours", "replicas", "edges")),
        *((name, ctypes.c_void_p) for name in ("bounds", "order", "first", "near", "weights", "offsets", "tables")),
        *((name, ctypes.c_int64) for name in ("levels", "size", "shift")),
        *((name, ctypes.c_void_p) for name in ("keys", "rng", "init", "ends", "couplings", "biases", "layout")),
        ("factors", ctypes.c_void_p),
        ("links", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in ("held", "held_near", "held_weights")),
        ("singles", ctypes.c_int64),
    ]


class Factors(ctypes.Structure):
    """``struct Factors`` of factors.h."""

    _fields_ = [
        ("count", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("first", "others", "starts", "added", "sites", "tables", "entries")),
    ]


class Work(ctypes.Structure):
    """``struct Work`` of kernel.h."""

    _fields_ = [
        ("phases", ctypes.c_int64),
        ("schedule", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("samples", "lead", "steps", "level", "chosen_count")),
        *((name, ctypes.c_void_p) for name in ("chosen", "states", "energies", "ones", "both")),
        ("last", ctypes.c_int64),
    ]


@cache
def load_library(path: Path) -> Any:
    """The shared library, with the types of its functions."""
    library = ctypes.CDLL(str(path))
    stop = ctypes.POINTER(ctypes.c_int32)
    library.thermofab_open.restype = ctypes.c_void_p
    library.thermofab_open.argtypes = [ctypes.POINTER(Run), ctypes.c_int64]
    library.thermofab_work.argtypes = [ctypes.c_void_p, ctypes.POINTER(Work), ctypes.c_int64, stop]
    library.thermofab_load.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    library.thermofab_close.argtypes = [ctypes.c_void_p]
    library.thermofab_close.restype = None
    library.thermofab_hash.argtypes = [*[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 2]
    library.thermofab_hash.restype = None
    library.thermofab_ladders_open.restype = ctypes.c_void_p
    library.thermofab_ladders_open.argtypes = [ctypes.c_void_p]
    library.thermofab_ladders_work.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, stop]
    library.thermofab_ladders_close.argtypes = [ctypes.c_void_p]
    library.thermofab_ladders_close.restype = None
    return library


class Prepared:
    """Arrays made of an image and its clamped sites alone, kept from one run to the next: seeds, starting states and
    clamped values change with every run, these do not.
    """

    def __init__(self) -> None:
        self._kept: _Kept | None = None

    def of(self, plan: RunPlan, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """What ``make()`` gives, made once for each ``name`` while image and clamped sites stay the same."""
        kept, image = self._kept, plan.image
        # An image's arrays are read-only, so one that is the same array holds the same weights. Threads that share a
        # device may replace what is kept, but not change it.
        same = kept is not None and kept.weights is image.weights and kept.biases is image.biases
        if kept is None or not same or not np.array_equal(kept.clamped, plan.clamped):
            kept = self._kept = _Kept(image.weights, image.biases, plan.clamped, {})
        if name not in kept.made:
            kept.made[name] = make()
        return kept.made[name]


class _Kept(NamedTuple):
    weights: np.ndarray
    biases: np.ndarray
    clamped: np.ndarray
    made: dict[str, dict[str, np.ndarray]]


class NativeChains:
    """Chains in the kernel; see :class:`thermofab.sim.chains.Chains`.

    Args:
        path: the shared library.
        plan: the run.
        threads: most threads to use.
        network: the tiles of the fabric and a link between them, if any.
        prepared: what runs before this one have left.
    """

    def __init__(
        self,
        path: Path,
        plan: RunPlan,
        threads: int,
        network: Network | None = None,
        prepared: Prepared | None = None,
    ) -> None:
        prepared = prepared or Prepared()
        self._plan, self._threads, self._library = plan, threads, load_library(path)
        spec = plan.image.fabric
        self._arrays, run = run_of(plan, self._library, prepared)
        if spec.topology.factors:
            self._factor_arrays, self._factors = factors_of(plan)
            run.factors = ctypes.addressof(self._factors)
        flat, run.singles = self._one_by_one(network)
        if flat is not None:
            field = np.int16 if is_narrow(spec) else np.int32
            self._placed = prepared.of(plan, "layout", lambda: flat.arrays(plan, field))
            self._layout = LayoutStruct(
                groups=len(flat.sites),
                chunks=flat.chunks,
                margin=flat.margin,
                **{name: array.ctypes.data for name, array in self._placed.items()},
            )
            run.layout = ctypes.addressof(self._layout)
            if network is not None:
                self._link_arrays, self._links = links_of(network, plan, flat, self._placed["weights"].dtype)
                run.links = ctypes.addressof(self._links)
        self._handle = self._library.thermofab_open(ctypes.byref(run), threads)
        if not self._handle:
            self._no_memory()

    def _one_by_one(self, network: Network | None) -> tuple[SiteLayout | None, int]:
        """How many replicas, the last ones, run one by one, and the layout to run them with: few replicas, or few that
        are left over where the others share lanes. Tiles always run one by one.
        """
        topology, replicas = self._plan.image.fabric.topology, self._plan.replicas
        if network is not None:
            if topology.factors:
                raise UnsupportedError(
                    f"the native kernel's tiles couple pairs of sites only, and '{topology.name}' has factors; use "
                    "TiledReference."
                )
            return any_site_layout(topology), replicas
        left = replicas if replicas <= FEW_ON_A_LATTICE else replicas % NARROW
        if not 0 < left <= FEW_ON_A_LATTICE or topology.factors:
            return None, 0
        flat = site_layout(topology)
        return (flat, left) if flat is not None and left <= flat.most_replicas else (None, 0)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.thermofab_close(self._handle)

    def advance(self, phases: Sequence[tuple[int, int]]) -> None:
        self._work(phases, None)

    def sample(self, request: Request, tally: Tally | None = None, phases: Sequence[tuple[int, int]] = ()) -> Chunk:
        return self._work(phases, request, tally)

    def whole(self, request: Request, tally: Tally | None = None, phases: Sequence[tuple[int, int]] = ()) -> Chunk:
        """As :meth:`sample`, where the chains are not needed afterwards: blocks give their memory back as they end."""
        return self._work(phases, request, tally, last=True)

    def states(self) -> np.ndarray:
        states = self._work((), Request(samples=1, lead=0, steps=1, level=0, sites=True)).states
        assert states is not None
        return states[:, 0]

    def set_states(self, states: np.ndarray) -> None:
        rows = np.ascontiguousarray(states, dtype=np.uint8)
        if not self._library.thermofab_load(self._handle, rows.ctypes.data, self._threads):
            self._no_memory()

    def _work(
        self,
        phases: Sequence[tuple[int, int]],
        request: Request | None,
        tally: Tally | None = None,
        last: bool = False,
    ) -> Chunk:
        if not self._handle:
            raise DeviceError("these chains were interrupted in mid-run, so their state is lost; start new ones.")
        spec, replicas = self._plan.image.fabric, self._plan.replicas
        schedule = np.array(list(phases), dtype=np.int64).reshape(-1, 2)
        work = Work(phases=len(schedule), schedule=schedule.ctypes.data, last=last)
        sweeps = int(schedule[:, 0].sum())
        if request is None:
            self._call(work, sweeps)
            return Chunk(None, None)
        chosen, states, energies = None, None, None
        work.samples, work.lead, work.steps, work.level = request.samples, request.lead, request.steps, request.level
        if request.sites is not None and request.sites is not False:
            if request.sites is not True:
                chosen = np.ascontiguousarray(request.sites, dtype=np.int32)
                work.chosen = chosen.ctypes.data
            work.chosen_count = spec.n_sites if chosen is None else len(chosen)
            states = np.empty((replicas, request.samples, work.chosen_count), dtype=bool)
            work.states = states.ctypes.data
        if request.energies:
            energies = np.empty((replicas, request.samples), dtype=np.int64)
            work.energies = energies.ctypes.data
        if tally is not None:
            if request.samples > MOST_COUNTED:
                raise DeviceError(f"at most {MOST_COUNTED} samples are counted at a time, got {request.samples}.")
            work.ones, work.both = tally.ones.ctypes.data, tally.both.ctypes.data
        self._call(work, sweeps + request.lead + request.samples * request.steps)
        if tally is not None:
            tally.samples += request.samples
        return Chunk(states, energies)

    def _call(self, work: Work, sweeps: int) -> None:
        updates = sweeps * self._plan.replicas * self._plan.image.fabric.n_sites
        try:
            enough = interruptible(
                lambda stop: self._library.thermofab_work(self._handle, ctypes.byref(work), self._threads, stop),
                updates,
            )
        except BaseException:
            handle, self._handle = self._handle, None
            self._library.thermofab_close(handle)
            raise
        if not enough:
            self._no_memory()

    def _no_memory(self) -> None:
        raise no_memory(self._plan.replicas, self._plan)


def interruptible(call: Callable[[Any], int], updates: int) -> int:
    """What ``call(stop)`` returns, made in a thread of its own: the caller's stays in Python, where signal handlers can
    run. An interrupt sets ``*stop``, and is raised once the call has ended.

    A call of few site ``updates`` is made in the caller's thread: it ends before an interrupt is felt to be late, and
    starting a thread would take longer.
    """
    stop, done, results = ctypes.c_int32(0), threading.Event(), []
    if updates <= _FEW_UPDATES:
        return call(ctypes.byref(stop))

    def made() -> None:
        try:
            results.append(call(ctypes.byref(stop)))
        finally:
            done.set()

    threading.Thread(target=made).start()
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
    return results[0]


def no_memory(replicas: int, plan: RunPlan) -> DeviceError:
    return DeviceError(
        f"{replicas} replicas of {plan.image.fabric.n_sites} sites do not fit in memory; run fewer at a time."
    )


def start_arrays(plan: RunPlan, library: Any) -> dict[str, np.ndarray]:
    """``plan.keys`` and ``plan.init``, hashed by the kernel."""
    streams = plan.streams
    shape = len(streams.roots), len(streams.sites)
    keys, drawn = np.empty(shape, dtype=np.uint64), np.empty(shape, dtype=bool) if plan.start is None else None
    library.thermofab_hash(
        np.ascontiguousarray(streams.roots).ctypes.data, np.ascontiguousarray(streams.sites).ctypes.data, *shape,
        keys.ctypes.data, None if drawn is None else drawn.ctypes.data,
    )  # fmt: skip
    init = plan.init if drawn is None else plan.started(drawn)
    return {"keys": keys, "init": np.ascontiguousarray(init)}


def run_of(plan: RunPlan, library: Any, prepared: Prepared) -> tuple[dict[str, np.ndarray], Run]:
    """``struct Run`` of a plan without factors, layout and links, and the arrays that it points to."""
    spec = plan.image.fabric
    arrays = {
        **prepared.of(plan, "couplings", lambda: coupling_arrays(plan)),
        **start_arrays(plan, library),
        "tables": (plan.image.tables << (spec.word_bits - spec.threshold_bits)).astype(f"u{spec.word_bits // 8}"),
        "ends": np.ascontiguousarray(spec.topology.edges),
        "couplings": np.ascontiguousarray(plan.image.weights),
        "biases": np.ascontiguousarray(plan.image.biases),
    }
    run = Run(
        sites=spec.n_sites,
        free=len(arrays["order"]),
        colours=spec.topology.n_colours,
        replicas=plan.replicas,
        edges=spec.topology.n_edges,
        levels=spec.levels,
        size=spec.table_size,
        shift=plan.image.shift,
        **{name: array.ctypes.data for name, array in arrays.items()},
    )
    return arrays, run


def factors_of(plan: RunPlan) -> tuple[dict[str, np.ndarray], Factors]:
    """``struct Factors`` of a plan, and the arrays that it points to."""
    arrays = factor_arrays(plan)
    count = plan.image.fabric.topology.n_factors
    return arrays, Factors(count=count, **{name: array.ctypes.data for name, array in arrays.items()})


def free_classes(plan: RunPlan) -> list[np.ndarray]:
    """The free sites of every colour. Sites of a colour do not touch, so they come in any order: those of as many
    couplings to free sites stand together, and of these those with clamped neighbours, which the processor predicts.
    """
    topology = plan.image.fabric.topology
    coupled = topology.edges[plan.image.weights != 0]
    beside = plan.clamped[coupled]

    def count(sites: np.ndarray) -> np.ndarray:
        return np.bincount(sites, minlength=topology.n_sites)

    held = count(coupled[beside[:, ::-1]])
    degree = count(coupled.reshape(-1)) - held
    free = [sites[~plan.clamped[sites]] for sites in topology.colour_classes]
    return [sites[np.lexsort((held[sites] > 0, degree[sites]))] for sites in free]


def coupling_arrays(plan: RunPlan) -> dict[str, np.ndarray]:
    """Free sites by colour and their couplings in compressed rows, those to clamped sites apart; couplings of weight
    zero are left out.
    """
    image, topology = plan.image, plan.image.fabric.topology
    classes = free_classes(plan)
    order = np.concatenate(classes)
    near, edges = (table[order] for table in topology.neighbour_table)
    weights = np.append(image.weights, 0)[edges]
    real = weights != 0
    held = real & plan.clamped[near]
    free = real & ~held

    def starts(slots: np.ndarray) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(slots.sum(axis=1))]).astype(np.int64)

    return {
        "bounds": np.concatenate([[0], np.cumsum([len(sites) for sites in classes])]).astype(np.int64),
        "order": order.astype(np.int32),
        "first": starts(free),
        "near": near[free].astype(np.int32),
        "weights": (2 * weights[free]).astype(np.int32),
        "offsets": (image.biases[order] - weights.sum(axis=1)).astype(np.int32),
        "held": starts(held),
        "held_near": near[held].astype(np.int32),
        "held_weights": (2 * weights[held]).astype(np.int32),
    }


def factor_arrays(plan: RunPlan) -> dict[str, np.ndarray]:
    """The topology's factors as ``struct Factors`` wants them."""
    image, topology = plan.image, plan.image.fabric.topology
    inputs = topology.factor_inputs
    free = np.concatenate(free_classes(plan))
    of_site = [np.flatnonzero(inputs.sites == site) for site in free.tolist()]
    order = np.concatenate([*of_site, np.zeros(0, dtype=np.int64)])
    sites = np.full((topology.n_factors, LARGEST_FACTOR), -1, dtype=np.int32)
    for f, row in enumerate(topology.factors):
        sites[f, : len(row)] = row
    return {
        "first": np.cumsum([0, *(len(rows) for rows in of_site)]).astype(np.int64),
        "others": np.ascontiguousarray(inputs.others[order], dtype=np.int32),
        "starts": inputs.starts[order].astype(np.int64),
        "added": np.ascontiguousarray(image.differences, dtype=np.int32),
        "sites": sites,
        "tables": topology.factor_starts[:-1].astype(np.int64),
        "entries": np.ascontiguousarray(image.factors, dtype=np.int32),
    }
