"""Architectures by name, as gateware: what makes the top of a fabric."""

from typing import Protocol

from thermofab.hw.host.architectures import loaded
from thermofab.hw.rtl.common.bus import FabricTop
from thermofab.hw.rtl.common.hierarchy import Hierarchy
from thermofab.hw.spec import FabricSpec, Image

TOPS = {
    "spatial": "thermofab.hw.rtl.spatial.top:SpatialTop",
    "systolic": "thermofab.hw.rtl.systolic.top:systolic_top",
    "relay": "thermofab.hw.rtl.relay.top:relay_top",
    "dense": "thermofab.hw.rtl.dense.top:dense_top",
}


class MakesTop(Protocol):
    """What an architecture registers: a fabric of ``spec``, its modules in ``hierarchy`` (in place if None); with an
    image, its weights and biases are fixed at elaboration.

    Raises:
        UnsupportedError: there is an image, and the architecture has no variant with built-in weights.
    """

    def __call__(
        self, spec: FabricSpec, hierarchy: Hierarchy | None = None, image: Image | None = None
    ) -> FabricTop: ...


def fabric_top(spec: FabricSpec, hierarchy: Hierarchy | None = None, image: Image | None = None) -> FabricTop:
    """The top of a fabric of whatever architecture, see :class:`MakesTop`."""
    make: MakesTop = loaded(TOPS, spec.architecture)  # type: ignore[assignment]  (a name in a table has no type)
    return make(spec, hierarchy, image)
