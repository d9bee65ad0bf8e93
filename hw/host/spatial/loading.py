"""How the host lays out what it loads into a spatial fabric, and reads what comes out."""

from collections.abc import Iterator

import numpy as np

from thermofab.hw.host.bits import pack_bits
from thermofab.hw.host.loading import Registers, SiteLoading, Write
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.spec import DeviceError, FabricSpec, Image


class SpatialLoading(SiteLoading):
    """The loading of :class:`thermofab.hw.rtl.spatial.top.SpatialTop`; with an image, of one that has it built in."""

    def __init__(self, spec: FabricSpec, built_in: Image | None) -> None:
        super().__init__(spec, spatial_register_map(spec, built_in))
        self._built_in, self._plan = built_in, plan_lanes(spec)
        self.sweep_clocks = self._plan.sweep_clocks

    def image(self, image: Image) -> Iterator[Write]:
        for name, values in self._arrays(image):
            yield self._row(name, values)

    def check(self, fabric: Registers, image: Image) -> None:
        spec = self._spec
        widths = {"WEIGHTS": spec.weight_bits, "BIASES": spec.bias_bits, "FACTORS": spec.weight_bits + 1}
        for name, values in self._arrays(image):
            mask = (1 << widths.get(name, spec.threshold_bits)) - 1
            for k, value in enumerate(values.tolist()):
                found = fabric.read(name, k)
                if (found ^ value) & mask:
                    raise DeviceError(
                        f"entry {k} of {name} reads {found & mask:#x} where {value & mask:#x} was loaded; load again, "
                        "and look at the link or the part if it stays so."
                    )

    def _arrays(self, image: Image) -> Iterator[tuple[str, np.ndarray]]:
        """What is loaded, by register."""
        if self._built_in is None:
            if "WEIGHTS" in self.map.names:
                yield "WEIGHTS", image.weights
            yield "BIASES", image.biases
            if "FACTORS" in self.map.names:
                width = self._plan.code_bits
                rows = [self._plan.factor_words(image, m, width) for _, _, m in self._plan.factor_rows]
                yield "FACTORS", np.array(rows, dtype=np.int64).reshape(-1)
        yield "TABLES", image.tables.reshape(-1)

    def states(self, bits: np.ndarray) -> Write:
        return self._row("STATES", pack_bits(bits))

    def clamps(self, mask: int, bits: np.ndarray) -> Write:
        return self._row("CLAMPS", pack_bits(bits), mask * self.sample_words)

    def seeds(self, words: np.ndarray) -> Write:
        """They form chains behind one address."""
        data = self._plan.seed_words(words)
        return np.full(len(data), self.map["SEED"].base), data
