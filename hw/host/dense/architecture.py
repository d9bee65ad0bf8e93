"""The dense architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.dense.loading import DenseLoading
from thermofab.hw.host.dense.registers import dense_register_map
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError


class Dense:
    def register_map(self, spec: FabricSpec, image: Image | None) -> RegisterMap:
        refuse_built_in(image)
        return dense_register_map(spec)

    def loading(self, spec: FabricSpec, image: Image | None) -> DenseLoading:
        refuse_built_in(image)
        return DenseLoading(spec)


DENSE = Dense()


def refuse_built_in(image: Image | None) -> None:
    """Raise ``UnsupportedError`` if there is an image to build in."""
    if image is not None:
        raise UnsupportedError(
            "a dense fabric keeps its weights in block RAM and always loads them; leave the image out, or use "
            "architecture='spatial' for built-in weights."
        )
