"""Devices whose runs can be part of a computation that JAX traces, instead of a callback from it."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from thermofab.hw.spec.image import Image
from thermofab.hw.spec.schedule import Schedule

TracedArray = Any  # a jax.Array, traced or not: this folder does not import JAX


class TracedRun(Protocol):
    """One chain of a run; under ``vmap`` the chains of a batch are replicas of one run."""

    def __call__(self, seed: TracedArray, values: TracedArray, init: TracedArray | None) -> TracedArray:
        """Samples bool ``[S, k]`` of the sites that were asked for.

        Args:
            seed: uint32 ``[2]``, the high half first.
            values: bool ``[N]``, those of clamped sites; the others are ignored.
            init: bool ``[N]``; ``None`` draws the start from the seed.
        """
        ...


@runtime_checkable
class TracingDevice(Protocol):
    """A device that has its runs as functions of JAX arrays."""

    def traced(self, image: Image, schedule: Schedule, clamped: np.ndarray, sites: np.ndarray) -> TracedRun | None:
        """A run with the bits of :meth:`Device.run`; ``None`` where this image has none.

        Args:
            clamped: bool ``[N]``, the sites that are clamped, instead of the image's.
            sites: int ``[k]``, those whose states are wanted.
        """
        ...
