"""Architectures whose fabrics always load their weights: nothing of an image can be built in."""

from collections.abc import Callable
from dataclasses import dataclass

from thermofab.hw.host.loading import Loading
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError


@dataclass(frozen=True)
class LoadedArchitecture:
    """A :class:`thermofab.hw.host.architectures.HostArchitecture` with nothing built in.

    Attributes:
        says: what such a fabric does with its weights, as the refusal of an image says it.
        map_of, loading_for: the registers and the loading of a fabric.
    """

    says: str
    map_of: Callable[[FabricSpec], RegisterMap]
    loading_for: Callable[[FabricSpec], Loading]

    def register_map(self, spec: FabricSpec, image: Image | None) -> RegisterMap:
        self.refuse_built_in(image)
        return self.map_of(spec)

    def loading(self, spec: FabricSpec, image: Image | None) -> Loading:
        self.refuse_built_in(image)
        return self.loading_for(spec)

    def refuse_built_in(self, image: Image | None) -> None:
        """Raise ``UnsupportedError`` if there is an image to build in."""
        if image is not None:
            raise UnsupportedError(
                f"{self.says}; leave the image out, or use architecture='spatial' or 'systolic' for built-in weights."
            )
