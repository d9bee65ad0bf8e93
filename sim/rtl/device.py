"""The emitted RTL as a device: compiled to native code, driven through its register bus and sample stream."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from thermofab.hw.rtl.driver import FabricDriver
from thermofab.hw.spec import Counts, DeviceInfo, FabricSpec, Image, Samples, check_image, ledger_of, plan_run
from thermofab.sim.rtl.build import OPTIMISE, build_library
from thermofab.sim.rtl.library import CompiledFabric


class RtlDevice:
    """A fabric's Verilog, compiled by Verilator; the cycles of its ledger are measured.

    Args:
        fabric: the fabric; it is built here, once, and kept under ``$THERMOFAB_CACHE`` or ``~/.cache/thermofab``.
        optimise: g++'s level: ``"-O0"`` builds fastest, ``"-O2"`` runs fastest.
        ready, stall_seed: the reader takes a sample word in this share of the clocks only, drawn from the seed.
            Bits do not depend on it, cycles do.
        image: build a fabric with the weights and biases of this image fixed in it; it loads images with the same
            ones only.

    Raises:
        ToolMissingError: a tool is missing; the message says how to get it.
        DeviceError: the fabric's architecture has no RTL generator.
    """

    name = "rtl"
    engine = "verilator"

    def __init__(
        self,
        fabric: FabricSpec,
        *,
        optimise: str = OPTIMISE,
        ready: float = 1.0,
        stall_seed: int = 1,
        image: Image | None = None,
    ) -> None:
        self._fabric = fabric
        built_in = None if image is None else check_image(image, fabric)
        library = build_library(fabric, self.engine, optimise, built_in)
        self._driver = FabricDriver(fabric, CompiledFabric(library, ready, stall_seed), built_in)
        self._driver.check_identity()
        self._image: Image | None = None

    def info(self) -> DeviceInfo:
        return DeviceInfo(self.name, self._fabric, True, f"the emitted RTL, compiled by {self.engine}")

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric)
        self._driver.load(self._image)

    def run(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Samples:
        started = time.perf_counter()
        plan = plan_run(self._image, schedule, replicas, init, clamp, seed)
        sites, cycles = [], 0
        self._driver.abort()
        for replica in range(plan.replicas):
            self._driver.prepare(plan, replica)
            samples, clocks = self._driver.run(plan.schedule)
            sites.append(samples)
            cycles += clocks
        ledger = ledger_of(plan, time.perf_counter() - started, measured_cycles=cycles)
        return Samples(np.stack(sites), plan.image, plan.schedule, self.name, ledger)

    def accumulate(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Counts:
        """Run as :meth:`run` does, and return what the fabric has counted of the samples; none of them is read.

        Raises:
            UnsupportedError: the fabric has no counters (``FabricSpec.moment_bits`` is 0).
        """
        started = time.perf_counter()
        plan = plan_run(self._image, schedule, replicas, init, clamp, seed)
        ones, both, cycles = [], [], 0
        self._driver.abort()
        for replica in range(plan.replicas):
            self._driver.prepare(plan, replica)
            of_sites, of_edges, clocks = self._driver.accumulate(plan.schedule)
            ones.append(of_sites)
            both.append(of_edges)
            cycles += clocks
        ledger = ledger_of(plan, time.perf_counter() - started, measured_cycles=cycles)
        ledger = replace(ledger, sites_read=0)
        return Counts(np.stack(ones), np.stack(both), plan.schedule.n_samples, plan.image, self.name, ledger)


class CxxrtlDevice(RtlDevice):
    """The same RTL, compiled by Yosys' CXXRTL back end: needs g++ only, and is the better engine for memories."""

    name = "rtl-cxxrtl"
    engine = "cxxrtl"


class SystolicRtlDevice(RtlDevice):
    """The systolic fabric that computes the same bits, whatever architecture the spec names."""

    name = "rtl-systolic"

    def __init__(self, fabric: FabricSpec, **options: Any) -> None:
        super().__init__(replace(fabric, architecture="systolic"), **options)
