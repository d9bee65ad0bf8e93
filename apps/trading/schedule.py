"""SamplingSchedule: warm-up, steps, samples, block size and inverse temperature of one run, checked."""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import Schedule, SpecError


@dataclass(frozen=True)
class SamplingSchedule:
    """How long a run is.

    Attributes:
        warmup: sweeps before the first sample, ≥ 1.
        steps: sweeps over which the samples are taken, ≥ ``samples``.
        samples: taken evenly over ``steps``, ≥ 1.
        block_size: 1 only. A fabric updates the sites of one colour at once, each by its own conditional
            distribution; blocks of sites drawn jointly are a categorical node's bits, and set by the model.
        beta: inverse temperature, positive: P ∝ exp(-βE).
    """

    warmup: int = 100
    steps: int = 1000
    samples: int = 100
    block_size: int = 1
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name, low in (("warmup", 1), ("samples", 1), ("steps", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
        if self.steps < self.samples:
            raise SpecError(f"{self.steps} steps are too few for {self.samples} samples; a sample is a step at least.")
        if self.block_size != 1:
            raise SpecError(
                f"block_size is 1, got {self.block_size!r}: a fabric updates all sites of a colour at once, each by "
                "its own conditional distribution, and has no larger blocks. Leave it out."
            )
        if not (np.isfinite(self.beta) and self.beta > 0):
            raise SpecError(f"beta must be a positive number, got {self.beta!r}.")

    def of_fabric(self) -> Schedule:
        """The same run in a fabric's terms; ``beta`` scales the model's weights and is not in it."""
        return Schedule(self.warmup, self.samples, max(1, self.steps // self.samples))
