"""What simulators have in common as devices: runs, counts and observations, made of running chains."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from thermofab.hw.spec import Counts, FabricSpec, Image, RunPlan, Samples, Schedule, check_image, ledger_of, plan_run
from thermofab.sim.chains import Chains, Chunk, Request, Tally


class SimulatedDevice(ABC):
    """A device that runs images in this process."""

    name = "simulated"

    def __init__(self, fabric: FabricSpec) -> None:
        self._fabric = fabric
        self._image: Image | None = None

    @abstractmethod
    def _chains(self, plan: RunPlan) -> Chains:
        """Chains at the start of a run."""

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric)

    def plan(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> RunPlan:
        """The checked arguments of a run of the loaded image."""
        return plan_run(self._image, schedule, replicas, init, clamp, seed)

    def start(self, *, replicas=1, init=None, clamp=None, seed=None) -> Chains:
        """Chains of the loaded image that have not swept yet; arguments as in :meth:`Device.run`."""
        return self._chains(self.plan(Schedule(0, 1), replicas=replicas, init=init, clamp=clamp, seed=seed))

    def run(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Samples:
        started = time.perf_counter()
        plan = self.plan(schedule, replicas=replicas, init=init, clamp=clamp, seed=seed)
        todo = request_of(plan.schedule, sites=True)
        sites = finish(self._chains(plan), todo, None, plan.schedule.phases).states
        assert sites is not None
        return Samples(sites, plan.image, plan.schedule, self.name, ledger_of(plan, time.perf_counter() - started))

    def accumulate(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Counts:
        """Run as :meth:`run` does, and return what was counted of the samples; none of them is kept."""
        started = time.perf_counter()
        plan = self.plan(schedule, replicas=replicas, init=init, clamp=clamp, seed=seed)
        top = self._fabric.topology
        tally = Tally.empty(plan.replicas, top.n_sites, top.n_edges)
        finish(self._chains(plan), request_of(plan.schedule), tally, plan.schedule.phases)
        ledger = replace(ledger_of(plan, time.perf_counter() - started), sites_read=0)
        return Counts(tally.ones, tally.both, plan.schedule.n_samples, plan.image, self.name, ledger)


def request_of(schedule: Schedule, **kept: Any) -> Request:
    """All samples of a schedule: the first is the state after its phases."""
    return Request(schedule.n_samples, 0, schedule.steps_per_sample, schedule.level, **kept)


def finish(chains: Chains, request: Request, tally: Tally | None, phases: Any) -> Chunk:
    """Take samples of chains that are not needed afterwards."""
    return getattr(chains, "whole", chains.sample)(request, tally, phases)


def pieces(request: Request, most: int) -> Iterator[Request]:
    """A request in parts of at most ``most`` samples, the same samples in the same order."""
    for done in range(0, request.samples, most):
        part = replace(request, samples=min(most, request.samples - done))
        yield part if done == 0 else replace(part, lead=request.steps)


def site_count(sites: np.ndarray | bool | None, n_sites: int) -> int:
    """States kept a sample."""
    return 0 if sites is None or sites is False else n_sites if sites is True else len(sites)
