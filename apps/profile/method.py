"""Method: one way to sample a problem, as the profiler calls it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec import Schedule, SpecError

Runner = Callable[[int], np.ndarray]  # seed → states uint8 [chains, samples, n]


@dataclass(frozen=True)
class Setting:
    """What every method is asked for.

    Attributes:
        chains: independent chains, at least 8: effective samples are measured by their spread.
        samples: a chain.
        warmup: sweeps before the first sample of a chain.
        steps: sweeps between samples.
    """

    chains: int = 64
    samples: int = 1000
    warmup: int = 100
    steps: int = 1

    def __post_init__(self) -> None:
        for name, low in (("chains", 8), ("samples", 20), ("warmup", 0), ("steps", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.warmup, self.samples, self.steps)

    def of(self, samples: int) -> "Setting":
        """The same with other samples per chain."""
        return replace(self, samples=samples)


@dataclass(frozen=True)
class Method:
    """A way to sample.

    Attributes:
        name: short, for tables.
        said: what it does, in words.
        prepare: everything before the first sample, compilation where it can be done ahead included.
        scales: whether a call costs next to nothing besides its samples, so that fewer of them are taken where one
            call would last too long.
    """

    name: str
    said: str
    prepare: Callable[[Problem, Setting], Runner]
    scales: bool = True
