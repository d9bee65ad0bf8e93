"""Where a design's modules go: elaborated in place, or instantiated by name and converted on their own.

Amaranth derives a module's ports from the nets that cross its boundary, so two sites with different neighbours would
become two different modules. Instances keep the declared ports: every site of a degree is then one Verilog module.
"""

from collections.abc import Callable
from typing import Any, Protocol

from amaranth import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring


class Hierarchy(Protocol):
    """How a submodule is added."""

    def add(self, m: Module, name: str, module: str, build: Callable[[], Any], *, clocked: bool = True) -> Any:
        """Add ``build()`` to ``m`` as ``name``; return an object with its ports.

        ``module`` names what is built: equal names promise equal modules. A combinational one is not ``clocked``.
        """
        ...


class InPlace:
    """Every submodule is elaborated where it stands, for Amaranth's simulator and other Amaranth designs."""

    def add(self, m: Module, name: str, module: str, build: Callable[[], Any], *, clocked: bool = True) -> Any:
        component = build()
        m.submodules[name] = component
        return component


class ByName:
    """Submodules are instances; :attr:`modules` collects what each name stands for.

    Args:
        prefix: put before every module name.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.modules: dict[str, Any] = {}

    def add(self, m: Module, name: str, module: str, build: Callable[[], Any], *, clocked: bool = True) -> Any:
        module = f"{self._prefix}_{module}"
        if module not in self.modules:
            self.modules[module] = build()
        signature: wiring.Signature = self.modules[module].signature
        ports = signature.create(path=(name,))
        connections: dict[str, Any] = {}
        for path, member, value in signature.flatten(ports):
            way = "i" if member.flow == wiring.In else "o"
            connections[f"{way}_{'__'.join(map(str, path))}"] = value
        if clocked:
            connections |= {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
        m.submodules[name] = Instance(module, **connections)
        return ports
