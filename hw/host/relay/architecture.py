"""The relay architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.host.relay.loading import RelayLoading
from thermofab.hw.host.relay.registers import relay_register_map
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError


def require_loaded(image: Image | None) -> None:
    """Raise ``UnsupportedError`` for an image to build in."""
    if image is not None:
        raise UnsupportedError(
            "a relay fabric always loads its weights, trees and order; leave the image out, or use "
            "architecture='spatial' for built-in weights."
        )


class Relay:
    def register_map(self, spec: FabricSpec, image: Image | None) -> RegisterMap:
        require_loaded(image)
        return relay_register_map(spec)

    def loading(self, spec: FabricSpec, image: Image | None) -> RelayLoading:
        require_loaded(image)
        return RelayLoading(spec)


RELAY = Relay()
