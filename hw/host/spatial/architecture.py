"""The spatial architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.host.spatial.loading import SpatialLoading
from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.spec import FabricSpec, Image


class Spatial:
    def register_map(self, spec: FabricSpec, image: Image | None) -> RegisterMap:
        return spatial_register_map(spec, image)

    def loading(self, spec: FabricSpec, image: Image | None) -> SpatialLoading:
        return SpatialLoading(spec, image)


SPATIAL = Spatial()
