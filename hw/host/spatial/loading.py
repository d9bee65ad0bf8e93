"""How the host lays out what it loads into a spatial fabric, and reads what comes out."""

from collections.abc import Iterator

import numpy as np

from thermofab.hw.host.bits import pack_bits
from thermofab.hw.host.loading import SiteLoading, Write
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.spec import FabricSpec, Image


class SpatialLoading(SiteLoading):
    """The loading of :class:`thermofab.hw.rtl.spatial.top.SpatialTop`; with an image, of one that has it built in."""

    def __init__(self, spec: FabricSpec, built_in: Image | None) -> None:
        super().__init__(spec, spatial_register_map(spec, built_in))
        self._built_in, self._plan = built_in, plan_lanes(spec)
        self.sweep_clocks = self._plan.sweep_clocks

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
