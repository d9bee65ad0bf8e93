"""The systolic architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.host.systolic.loading import SystolicLoading
from thermofab.hw.host.systolic.registers import systolic_register_map
from thermofab.hw.spec import FabricSpec, Image


class Systolic:
    def register_map(self, spec: FabricSpec, image: Image | None) -> RegisterMap:
        return systolic_register_map(spec, image)

    def loading(self, spec: FabricSpec, image: Image | None) -> SystolicLoading:
        return SystolicLoading(spec, image)


SYSTOLIC = Systolic()
