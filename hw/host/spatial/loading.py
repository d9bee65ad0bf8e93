"""How the host lays out what it loads into a spatial fabric, and reads what comes out."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from thermofab.hw.host.bits import pack_bits, unpack_bits
from thermofab.hw.host.loading import Write
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.spec import FabricSpec, Image


class SpatialLoading:
    """The loading of :class:`thermofab.hw.rtl.spatial.top.SpatialTop`; with an image, of one that has it built in."""

    def __init__(self, spec: FabricSpec, built_in: Image | None) -> None:
        self._spec, self._built_in, self._plan = spec, built_in, plan_lanes(spec)
        self.map = spatial_register_map(spec, built_in)
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
