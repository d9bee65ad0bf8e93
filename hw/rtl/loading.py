"""How the host lays out what it loads into a spatial fabric, and reads what comes out: the driver's half of the map.

A loading turns arrays by site and edge into addresses and data; :class:`thermofab.hw.rtl.driver.FabricDriver` writes
them. There is one an architecture.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from thermofab.hw.rtl.lanes import plan_lanes
from thermofab.hw.rtl.registers import RegisterMap, register_map
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError

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


class SpatialLoading:
    """The loading of :class:`thermofab.hw.rtl.top.SpatialTop`; with an image, of one that has it built in."""

    def __init__(self, spec: FabricSpec, built_in: Image | None) -> None:
        self._spec, self._built_in, self._plan = spec, built_in, plan_lanes(spec)
        self.map = register_map(spec, built_in)
        self.sweep_clocks = self._plan.sweep_clocks
        self.sample_words = self.map["STATES"].count

    def image(self, image: Image) -> Iterator[Write]:
        if self._built_in is None:
            if "WEIGHTS" in self.map.names:
                yield self._row("WEIGHTS", image.weights)
            yield self._row("BIASES", image.biases)
            if "FACTORS" in self.map.names:
                width = self._plan.code_bits
                rows = [self._plan.factor_words(image, m, width) for _, _, m in self._plan.factor_rows]
                yield self._row("FACTORS", np.array(rows, dtype=np.int64).reshape(-1))
        yield self._row("TABLES", image.tables.reshape(-1))

    def states(self, bits: np.ndarray) -> Write:
        return self._row("STATES", pack_bits(bits))

    def clamps(self, mask: int, bits: np.ndarray) -> Write:
        return self._row("CLAMPS", pack_bits(bits), mask * self.sample_words)

    def seeds(self, words: np.ndarray) -> Write:
        """They form chains behind one address."""
        data = self._plan.seed_words(words)
        return np.full(len(data), self.map["SEED"].base), data

    def samples(self, words: np.ndarray) -> np.ndarray:
        return unpack_bits(words, self._spec.n_sites)

    def counters(self, driver: Any) -> tuple[np.ndarray, np.ndarray]:
        top = self._spec.topology
        ones = [driver.read("MOMENTS_SITES", k) for k in range(top.n_sites)]
        both = [driver.read("MOMENTS_EDGES", k) for k in range(top.n_edges)]
        return np.array(ones, dtype=np.int64), np.array(both, dtype=np.int64)

    def _row(self, name: str, data: np.ndarray, first: int = 0) -> Write:
        return self.map[name].base + first + np.arange(len(data), dtype=np.int64), data


def loading_of(spec: FabricSpec, built_in: Image | None = None) -> Loading:
    """The loading of a fabric of ``spec``, with the weights and biases of ``built_in`` fixed in it if that is given.

    Raises:
        UnsupportedError: the architecture has no variant with built-in weights.
    """
    if spec.architecture == "spatial":
        return SpatialLoading(spec, built_in)
    if built_in is not None:
        raise UnsupportedError(
            "a systolic fabric keeps its weights in block RAM and always loads them; leave the image out, or use "
            "architecture='spatial' for built-in weights."
        )
    from thermofab.hw.rtl.systolic.loading import SystolicLoading

    return SystolicLoading(spec)


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """bool ``[N]`` as uint32 ``[ceil(N/32)]``, site 0 in bit 0 of word 0."""
    padded = np.zeros(-(-len(bits) // 32) * 32, dtype=np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view("<u4").astype(np.uint32)


def unpack_bits(words: np.ndarray, count: int) -> np.ndarray:
    """uint32 ``[S, ceil(count/32)]`` as bool ``[S, count]``."""
    octets = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little")[:, :count].astype(bool)
