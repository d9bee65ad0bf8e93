"""The JAX simulator as a device."""

import time
from typing import Any

import jax
import numpy as np

from thermofab.hw.spec import DeviceInfo, FabricSpec, Image, RunPlan, Samples, check_image, ledger_of, plan_run
from thermofab.sim.functional.kernel import Parameters, kernel_of

# Replicas that run together: enough to fill vector registers, few enough that their sites stay in a core's cache.
BATCH_SITES = 2**19
BATCH_RANGE = (128, 4096)
# Bytes of states recorded before they are copied to the host.
BUFFER_BYTES = 2**25


class JaxDevice:
    """Runs images with JAX on its default platform.

    Replicas run in batches of at most ``batch`` (by default as the fabric's size suggests), a power of two; replica r
    has the same bits whatever the batch.
    """

    def __init__(self, fabric: FabricSpec, *, batch: int | None = None) -> None:
        self._fabric = fabric
        self._image: Image | None = None
        low, high = BATCH_RANGE
        self._batch = batch or min(max(1 << (BATCH_SITES // fabric.n_sites).bit_length() >> 1, low), high)

    def info(self) -> DeviceInfo:
        kernel = kernel_of(self._fabric)
        form = type(kernel.layout).__name__.lower()
        platform = jax.default_backend()
        return DeviceInfo("jax", self._fabric, True, f"JAX on {platform}, {form} form")

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric)

    def run(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Samples:
        started = time.perf_counter()
        plan = plan_run(self._image, schedule, replicas, init, clamp, seed)
        sites = np.empty((plan.replicas, plan.schedule.n_samples, self._fabric.n_sites), dtype=bool)
        batch = min(self._batch, 1 << (plan.replicas - 1).bit_length())
        parameters = kernel_of(self._fabric).parameters(plan.image, plan.clamped)
        for first in range(0, plan.replicas, batch):
            self._run_batch(plan, parameters, first, batch, sites)
        ledger = ledger_of(plan, time.perf_counter() - started)
        return Samples(sites, plan.image, plan.schedule, "jax", ledger)

    def _run_batch(self, plan: RunPlan, parameters: Parameters, first: int, batch: int, sites: np.ndarray) -> None:
        """Run replicas ``first …`` and write their states into ``sites``; surplus chains of a batch are dropped."""
        kernel, schedule = kernel_of(self._fabric), plan.schedule
        real = min(batch, plan.replicas - first)
        rows = np.minimum(np.arange(first, first + batch), plan.replicas - 1)
        carry = kernel.start(plan.init[rows], plan.keys[rows])
        for sweeps, level in schedule.phases:
            carry = kernel.advance(parameters, carry, sweeps, level)
        per_sample = batch * sum(group.sites.size for group in kernel.layout.groups)
        size = max(1, min(1 << (schedule.n_samples - 1).bit_length(), BUFFER_BYTES // per_sample, 256))
        done = 0
        while done < schedule.n_samples:
            # The first sample is the state as it is: no sweeps before it.
            count, steps = (min(size, schedule.n_samples - done), schedule.steps_per_sample) if done else (1, 0)
            carry, parts = kernel.record(parameters, carry, size, count, steps, schedule.level)
            kept = [np.asarray(part)[:count, ..., :real] for part in parts]
            sites[first : first + real, done : done + count] = kernel.layout.gather(kept) != 0
            done += count
