"""The JAX simulator as a device: the native kernel where the platform has it, XLA elsewhere."""

import os
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from thermofab.hw.spec import DeviceError, DeviceInfo, FabricSpec, Image, RunPlan, Schedule
from thermofab.hw.spec.contract import KNOWN_CONTRACTS
from thermofab.hw.spec.device import check_image, plan_run
from thermofab.hw.spec.traced import TracedRun
from thermofab.sim.chains import Chains
from thermofab.sim.functional.chains import XlaChains
from thermofab.sim.functional.kernel import kernel_of
from thermofab.sim.functional.lowerings import LOWERINGS, fastest_lowering
from thermofab.sim.functional.noise import NoiseModel, NoisyKernel
from thermofab.sim.functional.placement import ArrayPlacement
from thermofab.sim.functional.pure import PureSampler
from thermofab.sim.functional.traced import traced_run
from thermofab.sim.native.build import build_library
from thermofab.sim.native.library import NativeChains, Prepared
from thermofab.sim.simulated import SimulatedDevice

# Replicas that run together: enough to fill vector registers, few enough that their sites stay in a core's cache.
BATCH_SITES = 2**19
BATCH_RANGE = (256, 4096)
SMALLEST_BATCH = 32


class JaxDevice(SimulatedDevice):
    """Runs images on JAX's default platform, by the fastest exact lowering it has.

    Args:
        fabric: the fabric.
        lowering: ``"native"``, the C++ kernel on JAX's CPU platform; ``"xla"``, JAX alone; by default native where
            the platform is a CPU, a compiler is there and the fabric's generator has a native form. Bits do not
            depend on it.
        batch: replicas that XLA runs together, by default as the fabric's size suggests. Bits do not depend on it.
        shard: ``"replicas"`` or ``"rows"`` of the lattice, shared by JAX's devices, those of other processes included
            (``jax.distributed``); this is XLA's. Bits do not depend on it.
        noise: deviations of an imperfect fabric, simulated by XLA; ``None`` is the contract, bit for bit.

    Raises:
        DeviceError: an unknown lowering, or a fabric that cannot be shared so.
        ToolMissingError: ``lowering="native"`` without a compiler.
    """

    name = "jax"

    def __init__(
        self,
        fabric: FabricSpec,
        *,
        lowering: str | None = None,
        batch: int | None = None,
        shard: str | None = None,
        noise: NoiseModel | None = None,
    ) -> None:
        super().__init__(fabric)
        if lowering is not None and lowering not in LOWERINGS:
            raise DeviceError(f"lowering must be 'native', 'xla' or None, got {lowering!r}.")
        if lowering == "native" and (shard is not None or noise is not None):
            raise DeviceError("shard and noise are for XLA; leave lowering out, or use lowering='xla'.")
        if fabric.programmed and (noise is not None or shard == "rows"):
            raise DeviceError(
                f"a {fabric.architecture} fabric is simulated by the roots of its images, which have no noise of sites "
                "and no rows of a lattice; leave noise and shard='rows' out."
            )
        self._options = {"batch": batch, "shard": shard, "noise": noise}
        self._noise = noise
        if noise is not None:
            self.name = f"{self.name}+{noise}"
        if lowering is None:
            lowering = "xla" if shard or batch or noise is not None else fastest_lowering(fabric)
        self.lowering = lowering
        self._threads = os.cpu_count() or 1
        if fabric.programmed:
            return  # images run on the fabric of their roots: `like`
        self._kernel = kernel_of(fabric) if noise is None else noisy_kernel_of(fabric, noise)
        self._placement = ArrayPlacement.of(shard, self._kernel.layout)
        self._library = build_library(fabric) if lowering == "native" else None
        self._prepared = Prepared()
        low, high = BATCH_RANGE
        self._batch = batch or min(max(1 << (BATCH_SITES // fabric.n_sites).bit_length() >> 1, low), high)

    def info(self) -> DeviceInfo:
        if self.lowering == "native":
            said = "the native kernel for JAX on cpu"
        elif self._fabric.programmed:
            said = f"JAX on {jax.default_backend()}"
        else:
            said = f"JAX on {jax.default_backend()}, {type(self._kernel.layout).__name__.lower()} form"
            if self._placement.count > 1:
                said += f", {self._placement.over} shared by {self._placement.count} devices"
        if self._noise is not None:
            said += f", {self._noise}"
        return DeviceInfo(self.name, self._fabric, self._noise is None, said, KNOWN_CONTRACTS)

    def like(self, fabric: FabricSpec) -> "JaxDevice":
        return JaxDevice(fabric, lowering=self.lowering, **self._options)

    def traced(self, image: Image, schedule: Schedule, clamped: np.ndarray, sites: np.ndarray) -> TracedRun | None:
        """See :class:`thermofab.hw.spec.traced.TracingDevice`. The native kernel has none: it is faster called once for
        all samples, from a callback, than once per sample inside XLA.
        """
        plain = not (self._fabric.programmed or self._fabric.topology.factors)
        if self.lowering == "native" or not plain or self._noise is not None or self._options["shard"] is not None:
            return None
        plan = plan_run(check_image(image, self._fabric, self.info()), schedule)
        return traced_run(PureSampler(self._fabric, self.lowering), plan.image, plan.schedule, clamped, sites)

    def _chains(self, plan: RunPlan) -> Chains:
        if self._library is not None:
            return NativeChains(self._library, plan, self._threads, prepared=self._prepared)
        batch = min(self._batch, 1 << (plan.replicas - 1).bit_length())
        if self._placement.mesh is None and jax.default_backend() == "cpu":
            # A batch a processor, where that leaves each enough to fill vectors.
            share = -(-plan.replicas // (os.cpu_count() or 1))
            batch = min(batch, max(SMALLEST_BATCH, 1 << (share - 1).bit_length()))
        if self._placement.over == "replicas":
            batch = -(-batch // self._placement.count) * self._placement.count
        plan = plan if self._noise is None else self._noise.applied(plan)
        return XlaChains(self._kernel, plan, batch, self._placement)


@lru_cache(maxsize=16)
def noisy_kernel_of(fabric: FabricSpec, noise: NoiseModel) -> NoisyKernel:
    return NoisyKernel(fabric, noise)


class XlaDevice(JaxDevice):
    """The JAX simulator without the native kernel, wherever it runs."""

    name = "jax-xla"

    def __init__(self, fabric: FabricSpec, **options: Any) -> None:
        super().__init__(fabric, **{"lowering": "xla", **options})
