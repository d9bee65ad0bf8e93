"""The systolic architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.host.systolic.loading import SystolicLoading
from thermofab.hw.host.systolic.registers import systolic_register_map
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError


class Systolic:
    def register_map(self, spec: FabricSpec, image: Image | None) -> RegisterMap:
        refuse_built_in(image)
        return systolic_register_map(spec)

    def loading(self, spec: FabricSpec, image: Image | None) -> SystolicLoading:
        refuse_built_in(image)
        return SystolicLoading(spec)


SYSTOLIC = Systolic()


def refuse_built_in(image: Image | None) -> None:
    """Raise ``UnsupportedError`` if there is an image to build in."""
    if image is not None:
        raise UnsupportedError(
            "a systolic fabric keeps its weights in block RAM and always loads them; leave the image out, or use "
            "architecture='spatial' for built-in weights."
        )
