"""A whole design's Verilog: its modules by name, each under a comment that says what it is, then its memories."""

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from thermofab.hw.rtl.netlist.memories import Form, described, form_of, instance_of, module_text
from thermofab.hw.rtl.netlist.names import Names, plain
from thermofab.hw.rtl.netlist.netlist import Netlist
from thermofab.hw.rtl.netlist.rtlil import Module, read_rtlil
from thermofab.hw.rtl.netlist.writing import ModuleWriter

_PACKAGE = Path(__file__).parents[3]


@runtime_checkable
class SaysHowBuilt(Protocol):
    """A component that says what it was built with, for the comment above its module."""

    def built_with(self) -> Mapping[str, object]:
        """Readable names and values."""
        ...


class Design:
    """A design in RTLIL, ready to be written.

    Args:
        text: RTLIL with its sources; the first module is the top.
        components: what the modules are made from, by name.
        sources: say where modules and registers are from.
    """

    def __init__(self, text: str, components: Mapping[str, Any], *, sources: bool = True) -> None:
        self._components, self._sources = components, sources
        modules = read_rtlil(text)
        self._top = modules[0].name
        self._prefix = plain(self._top)
        names = Names()
        self._names = {module.name: names.give(module.name.replace(".", "_")) for module in modules}
        self._ports = {module.name: _port_names(module) for module in modules}
        directions = {
            module.name: {wire.name[1:]: wire.direction for wire in module.wires.values()} for module in modules
        }
        self._netlists = [Netlist(module, directions, lambda source: bool(relative(source))) for module in modules]
        self._forms: dict[Form, str] = {}
        for netlist in self._netlists:
            for memory in netlist.memories.values():
                form = form_of(memory)
                if form not in self._forms:
                    wanted = f"{self._prefix}_{form.name()}"
                    self._forms[form] = names.give(f"{wanted}_1" if form.contents else wanted)
                netlist.instances.append(instance_of(memory, self._forms[form]))
            netlist.memories = {}

    def text(self) -> str:
        """The Verilog of all modules."""
        parts = []
        for netlist in self._netlists:
            written = ModuleWriter(netlist, self._names, self._ports, self._attribute).text()
            parts.append("".join(f"// {line}\n" for line in self._comment(netlist.name)) + written)
        return "\n".join([*parts, *(module_text(form, name) for form, name in self._forms.items())])

    def tree(self) -> list[str]:
        """The modules, each under those it is part of, and how many of them there are."""
        inside: dict[str, dict[str, int]] = {}
        for netlist in self._netlists:
            counted = inside.setdefault(self._names[netlist.name], {})
            for instance in netlist.instances:
                name = self._names.get(instance.module, instance.module)
                counted[name] = counted.get(name, 0) + 1

        def lines(name: str, depth: int) -> Iterator[str]:
            for part, count in inside.get(name, {}).items():
                yield "  " * depth + part + (f" x {count}" if count > 1 else "")
                yield from lines(part, depth + 1)

        top = self._names[self._top]
        return [top, *lines(top, 1)]

    def memories(self) -> list[dict[str, Any]]:
        """Every memory module, and how many instances of it the whole design has."""
        whole = self._instances()
        return [{**described(form, name), "instances": whole.get(name, 0)} for form, name in self._forms.items()]

    def _instances(self) -> dict[str, int]:
        """How often each module is in the top, all levels together."""
        by_name = {self._names[netlist.name]: netlist for netlist in self._netlists}
        found: dict[str, int] = {}

        def walk(name: str) -> None:
            found[name] = found.get(name, 0) + 1
            for instance in by_name[name].instances if name in by_name else ():
                walk(self._names.get(instance.module, instance.module))

        walk(self._names[self._top])
        return found

    def _attribute(self, source: str) -> str:
        said = relative(source) if self._sources else ""
        return f'(* src = "{said}" *)' if said else ""

    def _comment(self, name: str) -> list[str]:
        component = self._components.get(name[1:])
        if component is None:
            owner = name.rpartition(".")[0]
            return [f"Part of {self._names.get(owner, owner[1:])}."]
        said = textwrap.wrap(first_paragraph(type(component)), 110)
        if isinstance(component, SaysHowBuilt):
            built = ", ".join(f"{key} {value}" for key, value in component.built_with().items())
            said += textwrap.wrap(f"Built with {built}.", 110)
        return said


def relative(source: str) -> str:
    """``thermofab/…/file.py:line`` of a source of this package wherever that lies; empty for one that is not in it."""
    file = source.partition("|")[0]
    root = f"{_PACKAGE.parent}/"
    return file.removeprefix(root) if file.startswith(f"{root}{_PACKAGE.name}/") else ""


def first_paragraph(kind: type) -> str:
    """A class' docstring up to its first empty line, as plain text."""
    said = inspect.getdoc(kind) or ""
    plainly = re.sub(r":\w+:`~?(?:[\w.]+\.)?([\w.]+)`|``([^`]*)``", lambda m: m[1] or m[2], said.split("\n\n")[0])
    return " ".join(plainly.split())


def _port_names(module: Module) -> dict[str, str]:
    names = Names()
    ports = [name for name, wire in module.wires.items() if wire.direction]
    return {name: names.give(name) for name in ports}
