"""Architectures by name, as software sees them: which registers a fabric has, and what to load where.

Each is a folder here and a folder in :mod:`thermofab.hw.rtl`, listed in :data:`ARCHITECTURES` and in
:mod:`thermofab.hw.rtl.architectures`, and loaded when a fabric first asks for it.
"""

from importlib import import_module
from typing import Protocol

from thermofab.hw.host.loading import Loading
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError

ARCHITECTURES = {
    "spatial": "thermofab.hw.host.spatial.architecture:SPATIAL",
    "systolic": "thermofab.hw.host.systolic.architecture:SYSTOLIC",
    "relay": "thermofab.hw.host.relay.architecture:RELAY",
    "dense": "thermofab.hw.host.dense.architecture:DENSE",
}


class HostArchitecture(Protocol):
    """One architecture. Methods speak for a fabric of ``spec``, with the weights and biases of ``image`` fixed in it if
    one is given.

    Raises:
        UnsupportedError: from either, the architecture has no variant with built-in weights.
    """

    def register_map(self, spec: FabricSpec, image: Image | None) -> RegisterMap: ...

    def loading(self, spec: FabricSpec, image: Image | None) -> Loading: ...


def loaded(known: dict[str, str], name: str) -> object:
    """The object that ``known`` lists as ``module:attribute`` under the architecture ``name``.

    Raises:
        UnsupportedError: it lists none; the message names those it does.
    """
    if name not in known:
        raise UnsupportedError(
            f"architecture '{name}' cannot be built here; known are {', '.join(known)}, which compute the same bits."
        )
    module, _, attribute = known[name].partition(":")
    return getattr(import_module(module), attribute)


def host_architecture(name: str) -> HostArchitecture:
    """The architecture called ``name``, as in ``FabricSpec.architecture``."""
    return loaded(ARCHITECTURES, name)  # type: ignore[return-value]  (a name in a table has no type)


def register_map(spec: FabricSpec, image: Image | None = None) -> RegisterMap:
    """The registers of a fabric of ``spec``; with an image, of one that has its weights and biases built in."""
    return host_architecture(spec.architecture).register_map(spec, image)


def loading_of(spec: FabricSpec, built_in: Image | None = None) -> Loading:
    """The loading of a fabric of ``spec``, with the weights and biases of ``built_in`` fixed in it if that is given.

    Raises:
        UnsupportedError: the architecture has no variant with built-in weights.
    """
    return host_architecture(spec.architecture).loading(spec, built_in)
