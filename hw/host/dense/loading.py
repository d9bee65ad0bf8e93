"""How the host lays out what it loads into a dense fabric, and reads what comes out."""

from collections.abc import Iterator

import numpy as np

from thermofab.hw.host.dense.format import bases, order_words, row_words
from thermofab.hw.host.dense.registers import dense_register_map, padded
from thermofab.hw.host.loading import SiteLoading, Write
from thermofab.hw.spec import FabricSpec, Image
from thermofab.hw.spec.clocks import dense_clocks


class DenseLoading(SiteLoading):
    """Addresses and data for a fabric of ``spec``."""

    def __init__(self, spec: FabricSpec) -> None:
        super().__init__(spec, dense_register_map(spec))
        self.sweep_clocks = dense_clocks(spec)

    def image(self, image: Image) -> Iterator[Write]:
        """Weights, bases, tables and the order."""
        where, words = row_words(image)
        yield self.map["WEIGHTS"].base + where, words
        order = order_words(image)
        for name, data in (("BASES", bases(image)), ("TABLES", image.tables.reshape(-1)), ("ORDER", order)):
            yield self._row(name, data)
        yield self._row("LAST", np.array([len(order) - 1]))

    def states(self, bits: np.ndarray) -> Write:
        return self._row("STATES", bits)

    def clamps(self, mask: int, bits: np.ndarray) -> Write:
        return self._row("CLAMPS", bits, mask * padded(self._spec.n_sites))

    def seeds(self, words: np.ndarray) -> Write:
        n, count = words.shape
        where = np.arange(n)[:, None] * padded(count) + np.arange(count)
        return self.map["SEED"].base + where.reshape(-1), words.reshape(-1).astype(np.int64)
