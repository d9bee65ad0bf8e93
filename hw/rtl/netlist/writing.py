"""A module's Verilog-2001, from its netlist."""

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from thermofab.hw.rtl.netlist.names import Names
from thermofab.hw.rtl.netlist.netlist import Choice, Instance, Netlist, Register, Set, Statement, read_by
from thermofab.hw.rtl.netlist.rendering import Renderer, folding_terms
from thermofab.hw.rtl.netlist.rtlil import Signal
from thermofab.hw.rtl.netlist.terms import Term

WIDTH = 120


class ModuleWriter:
    """Writes one module.

    Args:
        netlist: the module, its memories already instances.
        module_names: of all modules.
        port_names: of the ports of all modules, by module.
        source: an attribute that says where something is from; empty where that is not to be said.
    """

    def __init__(
        self,
        netlist: Netlist,
        module_names: Mapping[str, str],
        port_names: Mapping[str, Mapping[str, str]],
        source: Callable[[str], str],
    ) -> None:
        self._netlist, self._modules, self._ports, self._source = netlist, module_names, port_names, source
        self._names, self._scope = dict(port_names[netlist.name]), Names()
        for name in self._names.values():
            self._scope.give(name)
        self._instances = {instance.name: self._scope.give(instance.name) for instance in netlist.instances}
        for name, wire in netlist.wires.items():
            if name in self._names:
                continue
            if name in netlist.names or not wire.anonymous:
                self._names[name] = self._scope.give(netlist.names.get(name, name))
        self._blocks = _blocks(netlist.registers)
        self._folded: set[str] = set()
        self._renderer = self._settled()

    def text(self) -> str:
        """The module, without a comment."""
        netlist, name = self._netlist, self._modules[self._netlist.name]
        said = self._source(netlist.source)
        head = [*([said] if said else []), f"module {name} ("]
        body = [*self._wires(), *self._first_values(), *self._assignments(), *self._registers()]
        for instance in netlist.instances:
            body += ["", *self._instance(instance)]
        return "\n".join([*head, *self._header(), ");", *body, "endmodule", ""])

    def _settled(self) -> Renderer:
        """A renderer that knows which nameless wires cannot be folded, and their names."""
        netlist = self._netlist
        whole = {
            d.target.wire: d.term
            for d in netlist.definitions
            if d.target.width == netlist.wires[d.target.wire].width and not netlist.wires[d.target.wire].keep
            and d.target.wire not in self._names
        }  # fmt: skip
        reads = Counter(part.wire for part in netlist.slices_read())
        reads -= Counter(part.wire for register in netlist.registers for part in read_by(register.statements))
        reads += Counter(part.wire for _, statements in self._blocks for part in read_by(statements))
        unnamed = [name for name in netlist.wires if name not in self._names]
        names = {**self._names, **dict.fromkeys(unnamed, "n0000")}  # as long as any
        renderer = Renderer(netlist.wires, names, folding_terms(whole), reads)
        while True:
            before = len(renderer.written)
            self._renderer = renderer
            for _ in (self._assignments(), self._registers(), *(self._instance(i) for i in netlist.instances)):
                pass
            if len(renderer.written) == before:
                break
        folded = {name for name in folding_terms(whole) if name not in renderer.written}
        self._folded = folded
        for name in unnamed:
            if name not in folded:
                self._names[name] = self._scope.number("n")
        final = Renderer(netlist.wires, self._names, folding_terms(whole), reads)
        final.written = renderer.written
        return final

    def _header(self) -> list[str]:
        """The ports; the clock and reset first."""
        ports = [wire for wire in self._netlist.wires.values() if wire.direction]
        ports.sort(key=lambda wire: wire.name not in ("\\clk", "\\rst"))
        registers = {register.target.wire: register for register in reversed(self._netlist.registers)}
        lines = []
        for wire in ports:
            kind = "reg" if wire.name in registers else "wire"
            keep = "(* keep = 1 *) " if wire.keep else ""
            said = self._source(registers[wire.name].source) if wire.name in registers else ""
            lines.append(
                f"  {said}{' ' * bool(said)}{keep}{wire.direction} {kind} {_range(wire.width)}{self._names[wire.name]}"
            )
        return [f"{line}," for line in lines[:-1]] + lines[-1:]

    def _wires(self) -> Iterator[str]:
        registers = {register.target.wire: register for register in reversed(self._netlist.registers)}
        for name, wire in self._netlist.wires.items():
            if name in self._folded:
                continue
            keep = "(* keep = 1 *) " if wire.keep else ""
            if name in registers:
                said = self._source(wire.source) or self._source(registers[name].source)
                if not wire.direction:
                    yield f"  {said}{' ' * bool(said)}{keep}reg {_range(wire.width)}{self._names[name]};"
            elif not wire.direction:
                yield f"  {keep}wire {_range(wire.width)}{self._names[name]};"

    def _first_values(self) -> list[str]:
        """What registers hold before the first reset, where that is known."""
        registers = {register.target.wire for register in self._netlist.registers}
        wires = [wire for name, wire in self._netlist.wires.items() if name in registers]
        given = [f"{self._names[w.name]} = {init};" for w in wires if (init := _init(w.init, w.width))]
        return ["", "  initial begin", *_folded_lines(" ".join(given), 2, hanging=0), "  end"] if given else []

    def _assignments(self) -> list[str]:
        lines = [""]
        for definition in self._netlist.definitions:
            if definition.target.wire not in self._folded:
                place = self._renderer.place(definition.target)
                lines += _folded_lines(f"assign {place} = {self._renderer.assigned(definition.term)};", 1)
        return lines if len(lines) > 1 else []

    def _registers(self) -> list[str]:
        return [line for clock, statements in self._blocks for line in self._block(clock, statements)]

    def _block(self, clock: Signal, statements: Sequence[Statement]) -> list[str]:
        at = f"always @(posedge {self._renderer.signal(clock)})"
        if len(statements) == 1 and isinstance(statements[0], Set):
            return ["", *_folded_lines(f"{at} {self._set(statements[0])}", 1)]
        return ["", f"  {at} begin", *self._body(statements, 2), "  end"]

    def _set(self, statement: Set) -> str:
        return f"{self._renderer.place(statement.target)} <= {self._renderer.assigned(statement.value)};"

    def _body(self, statements: Sequence[Statement], depth: int) -> list[str]:
        lines: list[str] = []
        pad = "  " * depth
        for statement in statements:
            if isinstance(statement, Set):
                lines += _folded_lines(self._set(statement), depth)
                continue
            begin = ""
            for asked, inside in statement.branches:
                head = "else" if asked is None else f"{begin}if ({self._asked(asked)})"
                if len(inside) == 1 and isinstance(inside[0], Set):
                    lines += _folded_lines(f"{head} {self._set(inside[0])}", depth)
                else:
                    lines += [*_folded_lines(f"{head} begin", depth), *self._body(inside, depth + 1), f"{pad}end"]
                begin = "else "
        return lines

    def _asked(self, asked: Term) -> str:
        return self._renderer.alone(asked)

    def _instance(self, instance: Instance) -> list[str]:
        ports, lines = self._ports.get(instance.module, {}), []
        module, name = self._modules.get(instance.module, instance.module), self._instances[instance.name]
        for port, signal in instance.ports.items():
            text = self._renderer.signal(signal)
            said = ports.get(f"\\{port}", port)
            lines += _folded_lines(f".{said}({text}),", 2)
        lines[-1] = lines[-1].removesuffix(",")
        return [f"  {module} {name} (", *lines, "  );"]


def merged(together: Sequence[Sequence[Statement]]) -> list[Statement]:
    """Statements of registers with the same conditions, under those conditions once."""
    made: list[Statement] = []
    for alike in zip(*together):
        choices = [statement for statement in alike if isinstance(statement, Choice)]
        made.extend(statement for statement in alike if isinstance(statement, Set))
        if choices:
            branches = zip(*(choice.branches for choice in choices))
            made.append(Choice(tuple((same[0][0], tuple(merged([inside for _, inside in same]))) for same in branches)))
    return made


def _blocks(registers: Sequence[Register]) -> list[tuple[Signal, list[Statement]]]:
    """Clocks, and what happens at them: registers with the same conditions together, first those without any."""
    groups: dict[tuple[Signal, tuple], list[Register]] = {}
    for register in registers:
        shape = _shape(register.statements)
        groups.setdefault((register.clock, () if set(shape) <= {"set"} else shape), []).append(register)
    first = sorted(groups.items(), key=lambda group: bool(group[0][1]))
    made = []
    for (_, shape), alike in first:
        statements = [register.statements for register in alike]
        made.append((alike[0].clock, merged(statements) if shape else [s for each in statements for s in each]))
    return made


def _shape(statements: tuple[Statement, ...]) -> tuple:
    return tuple(
        "set" if isinstance(s, Set) else tuple((asked, _shape(inside)) for asked, inside in s.branches)
        for s in statements
    )


def _folded_lines(text: str, depth: int, hanging: int = 2) -> list[str]:
    pad = "  " * depth
    if len(pad) + len(text) <= WIDTH:
        return [pad + text]
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=pad,
        subsequent_indent=pad + "  " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _init(digits: str, width: int) -> str:
    return f"{width}'h{int(digits, 2):x}" if digits and not set(digits) - {"0", "1"} else ""
