"""What simulators have in common as devices: runs, counts and observations, made of running chains."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from thermofab.hw.spec import (
    Counts,
    DeviceInfo,
    FabricSpec,
    Image,
    RunPlan,
    Samples,
    Schedule,
    SpecError,
    check_image,
    ledger_of,
    plan_run,
)
from thermofab.hw.spec.device import RunArguments
from thermofab.hw.spec.schedule import LikeSchedule
from thermofab.sim.chains import Chains, Chunk, EndingChains, Phases, Request, Tally, pieces
from thermofab.sim.merged import MergedChains
from thermofab.sim.observers import Observed, Observer, SiteMoments

# Bytes of states and energies held at a time while observers look on.
PIECE_BYTES = 2**25


class SimulatedDevice(ABC):
    """A device that runs images in this process.

    One whose chains know nothing of an image's order gives :meth:`like`, and gets images of their roots alone.
    """

    name = "simulated"

    def __init__(self, fabric: FabricSpec) -> None:
        self._fabric = fabric
        self._image: Image | None = None
        self._roots: SimulatedDevice | None = None

    @abstractmethod
    def info(self) -> DeviceInfo:
        """What the device says of itself."""

    @abstractmethod
    def _chains(self, plan: RunPlan) -> Chains:
        """Chains at the start of a run."""

    def like(self, fabric: FabricSpec) -> "SimulatedDevice | None":
        """This device for another fabric; ``None`` where :meth:`_chains` takes images with an order as they are."""
        return None

    def _begun(self, plan: RunPlan) -> Chains:
        """Chains at the start of a run of any image."""
        if plan.image.order is None or (roots := self._for_roots(plan.image.merged.image.fabric)) is None:
            return self._chains(plan)
        return MergedChains(roots._chains, plan)

    def _for_roots(self, fabric: FabricSpec) -> "SimulatedDevice | None":
        """The device for the merged images of an order, kept while their fabric is the same."""
        if self._roots is None or self._roots._fabric != fabric:
            self._roots = self.like(fabric)
        return self._roots

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric, self.info())

    def plan(
        self,
        schedule: LikeSchedule,
        **arguments: Unpack[RunArguments],
    ) -> RunPlan:
        """The checked arguments of a run of the loaded image."""
        return plan_run(self._image, schedule, **arguments)

    def start(
        self,
        **arguments: Unpack[RunArguments],
    ) -> Chains:
        """Chains of the loaded image that have not swept yet; arguments as in :meth:`Device.run`."""
        return self._begun(self.plan(Schedule(0, 1), **arguments))

    def run(
        self,
        schedule: LikeSchedule,
        **arguments: Unpack[RunArguments],
    ) -> Samples:
        started = time.perf_counter()
        plan = self.plan(schedule, **arguments)
        todo = request_of(plan.schedule, sites=True)
        sites = finish(self._begun(plan), todo, None, plan.schedule.phases).states
        assert sites is not None
        return Samples(sites, plan.image, plan.schedule, self.name, ledger_of(plan, time.perf_counter() - started))

    def accumulate(
        self,
        schedule: LikeSchedule,
        **arguments: Unpack[RunArguments],
    ) -> Counts:
        """Run as :meth:`run` does, and return what was counted of the samples; none of them is kept."""
        started = time.perf_counter()
        plan = self.plan(schedule, **arguments)
        top = self._fabric.topology
        tally = Tally.empty(plan.replicas, top.n_sites, top.n_edges)
        finish(self._begun(plan), request_of(plan.schedule), tally, plan.schedule.phases)
        ledger = ledger_of(plan, time.perf_counter() - started, sites_read=0)
        return Counts(tally.ones, tally.both, plan.schedule.n_samples, plan.image, self.name, ledger)

    def observe(
        self,
        schedule: LikeSchedule,
        observers: Sequence[Observer],
        **arguments: Unpack[RunArguments],
    ) -> Observed:
        """Run as :meth:`run` does, and return what ``observers`` made of the samples, of which a bounded piece is
        held at a time."""
        started = time.perf_counter()
        plan = self.plan(schedule, **arguments)
        top, device = self._fabric.topology, self.name
        wanted = _union([o.sites for o in observers], top.n_sites)
        request = request_of(plan.schedule, sites=wanted, energies=any(o.energies for o in observers))
        counting = any(isinstance(o, SiteMoments) for o in observers)
        tally = Tally.empty(plan.replicas, top.n_sites, top.n_edges) if counting else None
        kept = plan.replicas * (site_count(wanted, top.n_sites) + 8 * request.energies)
        chains = self._begun(plan)
        chains.advance(plan.schedule.phases)
        carries = [o.start(plan.replicas, top.n_sites) for o in observers]
        for part in pieces(request, max(1, PIECE_BYTES // kept) if kept else request.samples):
            chunk = chains.sample(part, tally)
            carries = [
                o.fold(carry, _columns(chunk.states, wanted, o.sites), chunk.energies)
                for o, carry in zip(observers, carries)
            ]
        read = plan.replicas * request.samples * site_count(wanted, top.n_sites)
        ledger = ledger_of(plan, time.perf_counter() - started, sites_read=read)
        results = [o.result(carry) for o, carry in zip(observers, carries)]
        if tally is not None:
            counts = Counts(tally.ones, tally.both, tally.samples, plan.image, device, ledger)
            results = [counts if isinstance(o, SiteMoments) else r for o, r in zip(observers, results)]
        return Observed(tuple(results), ledger)


def _union(wanted: Sequence[Any], n_sites: int) -> np.ndarray | bool | None:
    """The sites that any of several observers looks at."""
    if any(sites is True for sites in wanted):
        return True
    named = [np.asarray(sites, dtype=np.int64).reshape(-1) for sites in wanted if sites is not None]
    if not named:
        return None
    sites = np.unique(np.concatenate(named))
    if sites[0] < 0 or sites[-1] >= n_sites:
        bad = sites[0] if sites[0] < 0 else sites[-1]
        raise SpecError(f"an observer looks at site {bad}, but this fabric has sites 0…{n_sites - 1}.")
    return sites


def _columns(states: np.ndarray | None, have: np.ndarray | bool | None, sites: Any) -> np.ndarray | None:
    """The states of ``sites`` out of those of the sites ``have``."""
    if states is None or sites is None or sites is True:
        return states if sites is not None else None
    if not isinstance(have, np.ndarray):
        return states[:, :, np.asarray(sites)]
    return states[:, :, np.searchsorted(have, np.asarray(sites))]


def request_of(schedule: Schedule, **kept: Any) -> Request:
    """All samples of a schedule: the first is the state after its phases."""
    return Request(schedule.n_samples, 0, schedule.steps_per_sample, schedule.level, **kept)


def finish(chains: Chains, request: Request, tally: Tally | None, phases: Phases) -> Chunk:
    """Take samples of chains that are not needed afterwards."""
    take = chains.whole if isinstance(chains, EndingChains) else chains.sample
    return take(request, tally, phases)


def site_count(sites: np.ndarray | bool | None, n_sites: int) -> int:
    """States kept a sample."""
    return 0 if sites is None or sites is False else n_sites if sites is True else len(sites)
