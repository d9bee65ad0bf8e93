"""How the host lays out what it loads into a fabric, and reads what comes out: the driver's half of the map.

A loading turns arrays by site and edge into addresses and data; :class:`thermofab.hw.host.driver.FabricDriver` writes
them. There is one an architecture.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import Image

Write = tuple[np.ndarray, np.ndarray]  # addresses, data


class Loading(Protocol):
    """Attributes: ``map``; ``sweep_clocks``; ``sample_words``, words of the stream a sample takes."""

    map: RegisterMap
    sweep_clocks: int
    sample_words: int

    def image(self, image: Image) -> Iterator[Write]:
        """Weights and biases, where they are loaded, and tables."""
        ...

    def states(self, bits: np.ndarray) -> Write:
        """Initial states, bool ``[N]``."""
        ...

    def clamps(self, mask: int, bits: np.ndarray) -> Write:
        """Clamp mask number ``mask``, bool ``[N]``."""
        ...

    def seeds(self, words: np.ndarray) -> Write:
        """Generator states, uint32 ``[N, words]``."""
        ...

    def samples(self, words: np.ndarray) -> np.ndarray:
        """bool ``[S, N]`` from the stream's words, uint32 ``[S, sample_words]``."""
        ...

    def counters(self, driver: Any) -> tuple[np.ndarray, np.ndarray]:
        """``(ones, both)``, int64 ``[N]`` and ``[E]``, read from the fabric."""
        ...
