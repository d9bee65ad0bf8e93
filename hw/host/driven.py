"""What devices that drive a fabric's registers have in common: compiled RTL, and a board behind a serial line."""

import time
from abc import ABC, abstractmethod
from typing import Any, Unpack

import numpy as np

from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.spec import (
    Counts,
    DeviceError,
    DeviceInfo,
    FabricSpec,
    Image,
    RunPlan,
    Samples,
    Schedule,
    check_image,
    ledger_of,
    plan_run,
)
from thermofab.hw.spec.device import RunArguments
from thermofab.hw.spec.schedule import LikeSchedule


class DrivenDevice(ABC):
    """Loads and runs images through a :class:`FabricDriver`, one replica after another; cycles are measured."""

    name = "driven"

    def __init__(self, fabric: FabricSpec, driver: FabricDriver) -> None:
        self._fabric, self._driver = fabric, driver
        self._image: Image | None = None

    def _clear(self) -> None:
        """End a run that was broken off."""
        self._driver.abort()

    @abstractmethod
    def info(self) -> DeviceInfo:
        """What the device says of itself; the contract is the one that its fabric names."""

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric, self.info())
        self._driver.load(self._image)

    def verify(self) -> None:
        """Read back what :meth:`load` has written.

        Raises:
            DeviceError: something else stands in the fabric, or no image was loaded.
            UnsupportedError: the fabric's architecture does not show it.
        """
        if self._image is None:
            raise DeviceError("nothing was loaded that could be verified; load an image first.")
        self._driver.verify(self._image)

    def plan(
        self,
        schedule: LikeSchedule,
        **arguments: Unpack[RunArguments],
    ) -> RunPlan:
        """The checked arguments of a run of the loaded image."""
        return plan_run(self._image, schedule, **arguments)

    def run(
        self,
        schedule: LikeSchedule,
        **arguments: Unpack[RunArguments],
    ) -> Samples:
        started = time.perf_counter()
        plan = self.plan(schedule, **arguments)
        (sites,), cycles = self._replicas(plan, self._driver.run)
        ledger = ledger_of(plan, time.perf_counter() - started, measured_cycles=cycles)
        return Samples(sites, plan.image, plan.schedule, self.name, ledger)

    def accumulate(
        self,
        schedule: LikeSchedule,
        **arguments: Unpack[RunArguments],
    ) -> Counts:
        """Run as :meth:`run` does, and return what the fabric has counted of the samples; none of them is read.

        Raises:
            UnsupportedError: the fabric has no counters (``FabricSpec.moment_bits`` is 0).
        """
        started = time.perf_counter()
        plan = self.plan(schedule, **arguments)
        (ones, both), cycles = self._replicas(plan, self._driver.accumulate)
        ledger = ledger_of(plan, time.perf_counter() - started, measured_cycles=cycles, sites_read=0)
        return Counts(ones, both, plan.schedule.n_samples, plan.image, self.name, ledger)

    def run_from(self, schedule: Schedule, clamped: np.ndarray, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Samples bool ``[R, S, N]`` of chains that go on from ``states`` bool ``[R, N]`` and generators uint32
        ``[R, N, words]``; the first sample is the state after the schedule's phases, as in :meth:`run`."""
        self._clear()
        samples = []
        for start, seeds in zip(states, words):
            self._driver.place(clamped, start, seeds)
            samples.append(self._driver.run(schedule)[0])
        return np.stack(samples)

    def begin(self, clamped: np.ndarray, states: np.ndarray, words: np.ndarray) -> None:
        """One chain at its start, for :meth:`go_on`: clamps and states bool ``[N]``, generators uint32
        ``[N, words]``."""
        self._clear()
        self._driver.place(clamped, states, words)

    def go_on(self, schedule: Schedule, clamped: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Samples bool ``[S, N]`` of the chain, from these clamps and states on; its generators go on in the fabric."""
        self._driver.write_clamps(clamped)
        self._driver.write_states(states)
        return self._driver.run(schedule)[0]

    def _replicas(self, plan: RunPlan, run: Any) -> tuple[list[np.ndarray], int]:
        """What ``run(schedule)`` returns for every replica, stacked, and the clocks in all."""
        self._clear()
        results = []
        for replica in range(plan.replicas):
            self._driver.prepare(plan, replica)
            results.append(run(plan.schedule))
        *parts, clocks = zip(*results)
        return [np.stack(part) for part in parts], sum(clocks)
