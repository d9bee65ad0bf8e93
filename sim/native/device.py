"""The native kernel as a device."""

import os
import time
from typing import Any

from thermofab.hw.spec import (
    DeviceError,
    DeviceInfo,
    FabricSpec,
    Image,
    Samples,
    check_image,
    ledger_of,
    plan_run,
)
from thermofab.sim.native.build import build_library
from thermofab.sim.native.library import run_plan


class NativeDevice:
    """Runs images in C++ compiled for this machine's processor.

    Args:
        fabric: the fabric. Its arithmetic is compiled here, once a generator and width, and kept under
            ``$THERMOFAB_CACHE`` or ``~/.cache/thermofab``.
        threads: most threads to use, by default one a processor. Bits do not depend on it.
        plain: leave out the parts written for AVX-512, as on other processors. Bits do not depend on it.

    Raises:
        ToolMissingError: there is no g++; the message says how to get it.
        DeviceError: the fabric's generator has no native form, or ``threads`` is below 1.
    """

    def __init__(self, fabric: FabricSpec, *, threads: int | None = None, plain: bool = False) -> None:
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise DeviceError(f"threads must be an integer of at least 1, got {threads!r}.")
        self._fabric = fabric
        self._threads = threads or os.cpu_count() or 1
        self._library = build_library(fabric, plain)
        self._image: Image | None = None

    def info(self) -> DeviceInfo:
        return DeviceInfo("native", self._fabric, True, f"C++ for this processor, at most {self._threads} threads")

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric)

    def run(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Samples:
        started = time.perf_counter()
        plan = plan_run(self._image, schedule, replicas, init, clamp, seed)
        sites = run_plan(self._library, plan, self._threads)
        ledger = ledger_of(plan, time.perf_counter() - started)
        return Samples(sites, plan.image, plan.schedule, "native", ledger)
