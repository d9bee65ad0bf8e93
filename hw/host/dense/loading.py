"""How the host lays out what it loads into a dense fabric, and reads what comes out."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from thermofab.hw.host.bits import unpack_bits
from thermofab.hw.host.dense.format import WORD, bases, order_words, row_words
from thermofab.hw.host.dense.registers import dense_register_map, padded
from thermofab.hw.host.loading import Write
from thermofab.hw.spec import FabricSpec, Image
from thermofab.hw.spec.clocks import dense_clocks


class DenseLoading:
    """Addresses and data for a fabric of ``spec``."""

    def __init__(self, spec: FabricSpec) -> None:
        self._spec, self.map = spec, dense_register_map(spec)
        self.sweep_clocks = dense_clocks(spec)
        self.sample_words = -(-spec.n_sites // WORD)

    def image(self, image: Image) -> Iterator[Write]:
        """Weights, bases, tables and the order."""
        where, words = row_words(image)
        yield self.map["WEIGHTS"].base + where, words
        order = order_words(image)
        for name, data in (("BASES", bases(image)), ("TABLES", image.tables.reshape(-1)), ("ORDER", order)):
            yield self._row(name, data)
        yield self._row("LAST", np.array([len(order) - 1]))

    def states(self, bits: np.ndarray) -> Write:
        return self._row("STATES", bits.astype(np.int64))

    def clamps(self, mask: int, bits: np.ndarray) -> Write:
        return self._row("CLAMPS", bits.astype(np.int64), mask * padded(self._spec.n_sites))

    def seeds(self, words: np.ndarray) -> Write:
        n, count = words.shape
        where = np.arange(n)[:, None] * padded(count) + np.arange(count)
        return self.map["SEED"].base + where.reshape(-1), words.reshape(-1).astype(np.int64)

    def samples(self, words: np.ndarray) -> np.ndarray:
        return unpack_bits(words, self._spec.n_sites)

    def counters(self, driver: Any) -> tuple[np.ndarray, np.ndarray]:
        top = self._spec.topology
        ones = [driver.read("MOMENTS_SITES", k) for k in range(top.n_sites)]
        both = [driver.read("MOMENTS_EDGES", k) for k in range(top.n_edges)]
        return np.array(ones, dtype=np.int64), np.array(both, dtype=np.int64)

    def _row(self, name: str, data: np.ndarray, first: int = 0) -> Write:
        return self.map[name].base + first + np.arange(len(data), dtype=np.int64), data
