"""The native kernel as a device."""

import os
from collections.abc import Sequence

import numpy as np

from thermofab.hw.spec import DeviceError, DeviceInfo, FabricSpec, RunPlan
from thermofab.hw.spec.contract import KNOWN_CONTRACTS
from thermofab.sim.chains import Chains
from thermofab.sim.native.build import build_library
from thermofab.sim.native.ladder import NativeLadders
from thermofab.sim.native.library import NativeChains, Prepared
from thermofab.sim.simulated import SimulatedDevice
from thermofab.sim.tempering.clusters import Clusters
from thermofab.sim.tempering.ladder import Ladder
from thermofab.sim.tempering.opened import Ladders


class NativeDevice(SimulatedDevice):
    """Runs images in C++ compiled for this machine's processor.

    Args:
        fabric: the fabric. Its arithmetic is compiled here, once a generator and width, and kept under
            ``$THERMOFAB_CACHE`` or ``~/.cache/thermofab``.
        threads: most threads to use, by default one a processor. Bits do not depend on it.
        plain: leave out the parts written for AVX-512, as on other processors. Bits do not depend on it.
        processor: what to compile for, by g++'s ``-march`` names: ``"x86-64-v3"`` is AVX2; by default this processor,
            with whatever vectors it has. Bits do not depend on it.

    Raises:
        ToolMissingError: there is no g++; the message says how to get it.
        DeviceError: the fabric's generator has no native form, or ``threads`` is below 1.
    """

    name = "native"

    def __init__(
        self, fabric: FabricSpec, *, threads: int | None = None, plain: bool = False, processor: str = "native"
    ) -> None:
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise DeviceError(f"threads must be an integer of at least 1, got {threads!r}.")
        super().__init__(fabric)
        self._threads = threads or os.cpu_count() or 1
        self._options = {"threads": threads, "plain": plain, "processor": processor}
        self._library = build_library(fabric, plain, march=processor)
        self._prepared = Prepared()

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            "native", self._fabric, True, f"C++ for this processor, at most {self._threads} threads", KNOWN_CONTRACTS
        )

    def like(self, fabric: FabricSpec) -> "NativeDevice":
        return NativeDevice(fabric, **self._options)

    def start_ladders(
        self, plans: Sequence[RunPlan], ladder: Ladder, root: np.ndarray, exchange: bool, clusters: Clusters | None
    ) -> Ladders | None:
        """Ladders in the kernel; ``None`` for images with an order, whose chains are merged ones."""
        if plans[0].image.order is not None:
            return None
        return NativeLadders(self._library, plans, self._threads, ladder, root, exchange, clusters)

    def _chains(self, plan: RunPlan) -> Chains:
        return NativeChains(self._library, plan, self._threads, prepared=self._prepared)
