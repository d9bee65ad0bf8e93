"""How the host lays out what it loads into a fabric, and reads what comes out: the driver's half of the map.

A loading turns arrays by site and edge into addresses and data; :class:`thermofab.hw.host.driver.FabricDriver` writes
them. There is one an architecture.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from thermofab.hw.host.bits import WORD, unpack_bits
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError

Write = tuple[np.ndarray, np.ndarray]  # addresses, data


class Registers(Protocol):
    """The fabric as a loading reads it, by its registers' names: a :class:`thermofab.hw.host.driver.FabricDriver`."""

    def read(self, name: str, index: int = 0) -> int: ...

    def write(self, name: str, values: int | np.ndarray, first: int = 0) -> None: ...

    def collect(self, words: int) -> np.ndarray: ...


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

    def counters(self, fabric: Registers) -> tuple[np.ndarray, np.ndarray]:
        """``(ones, both)``, int64 ``[N]`` and ``[E]``, read from the fabric."""
        ...

    def states_in(self, fabric: Registers) -> np.ndarray:
        """States of all sites, bool ``[N]``, read from the fabric between runs.

        Raises:
            UnsupportedError: the architecture does not show them.
        """
        ...

    def check(self, fabric: Registers, image: Image) -> None:
        """Read back what :meth:`image` has written.

        Raises:
            DeviceError: something else stands in the fabric; the message says where.
            UnsupportedError: the architecture does not show it.
        """
        ...


class SiteLoading:
    """What loadings have in common where samples come by site, and registers hold the counters of moments."""

    def __init__(self, spec: FabricSpec, map_: RegisterMap) -> None:
        self._spec, self.map = spec, map_
        self.sample_words = -(-spec.n_sites // WORD)

    def samples(self, words: np.ndarray) -> np.ndarray:
        return unpack_bits(words, self._spec.n_sites)

    def counters(self, fabric: Registers) -> tuple[np.ndarray, np.ndarray]:
        top = self._spec.topology
        ones = [fabric.read("MOMENTS_SITES", k) for k in range(top.n_sites)]
        both = [fabric.read("MOMENTS_EDGES", k) for k in range(top.n_edges)]
        return np.array(ones, dtype=np.int64), np.array(both, dtype=np.int64)

    def states_in(self, fabric: Registers) -> np.ndarray:
        if "R" not in self.map["STATES"].access:
            raise UnsupportedError(
                f"a {self._spec.architecture} fabric does not show its states; take a sample of them."
            )
        words = np.array([fabric.read("STATES", k) for k in range(self.sample_words)], dtype=np.uint32)
        return unpack_bits(words[None], self._spec.n_sites)[0]

    def check(self, fabric: Registers, image: Image) -> None:
        raise UnsupportedError(
            f"a {self._spec.architecture} fabric does not show what was loaded; spatial and systolic ones do."
        )

    def _row(self, name: str, data: Any, first: int = 0) -> Write:
        """``data`` for the entries of array ``name`` from ``first`` on."""
        values = np.asarray(data, dtype=np.int64)
        return self.map[name].base + first + np.arange(len(values), dtype=np.int64), values
