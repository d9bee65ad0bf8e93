"""A module in the form it is written in: definitions, registers, memories and instances; nothing that nobody reads."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from thermofab.hw.rtl.netlist.processes import Evaluator, condition, targets
from thermofab.hw.rtl.netlist.rtlil import (
    Assign,
    Bits,
    Body,
    Cell,
    MemoryArray,
    Module,
    Signal,
    Slice,
    Switch,
    Wire,
    joined,
    sliced,
    width_of,
)  # fmt: skip
from thermofab.hw.rtl.netlist.terms import Op, Ref, Term, narrowed, slices_of, term_of


@dataclass
class Definition:
    """A wire, or part of one, is a term of others."""

    target: Slice
    term: Term


@dataclass(frozen=True)
class Set:
    """Part of a register takes a value."""

    target: Slice
    value: Term


@dataclass(frozen=True)
class Choice:
    """The first branch whose condition holds; one without a condition, the last, holds always."""

    branches: tuple[tuple[Term | None, tuple["Set | Choice", ...]], ...]


Statement = Set | Choice


@dataclass
class Register:
    """A register, or part of one, and what happens to it at every rising edge of ``clock``."""

    target: Slice
    clock: Signal
    statements: tuple[Statement, ...]
    source: str


@dataclass
class Memory:
    """A memory with its ports' cells; ``init`` are the digits of its first contents, word 0 last."""

    array: MemoryArray
    reads: list[Cell] = field(default_factory=list)
    writes: list[Cell] = field(default_factory=list)
    init: str = ""


@dataclass
class Instance:
    """An instance; an output goes to a signal made of wires."""

    module: str
    name: str
    ports: dict[str, Signal]
    outputs: set[str]


class Netlist:
    """A module, ready to be written.

    Args:
        module: as read.
        directions: of the ports of all modules, by module and port.
        own: whether a source is this package's: names that other sources give say little.
    """

    def __init__(self, module: Module, directions: Mapping[str, Mapping[str, str]], own: Callable[[str], bool]) -> None:
        self.name, self.source, self.wires, self._all = module.name, module.source, module.wires, module.wires
        self.definitions: list[Definition] = []
        self.registers: list[Register] = []
        self.memories: dict[str, Memory] = {name: Memory(array) for name, array in module.memories.items()}
        self.instances: list[Instance] = []
        self.names: dict[str, str] = {}  # better names for wires than their own
        self._held = 0
        bodies = {targets(body)[0].wire: body for body, _ in module.processes if body}
        flipflops = []
        for cell in module.cells:
            if not cell.ports.get("Y", cell.ports.get("Q", True)):  # of no bits
                continue
            if (term := term_of(cell)) is not None:
                (target,) = cell.ports["Y"]
                assert isinstance(target, Slice)
                self.definitions.append(Definition(target, term))
            elif cell.kind == "$dff":
                flipflops.append(cell)
            elif cell.kind in ("$memrd_v2", "$memwr_v2", "$meminit_v2"):
                self._port(cell)
            elif cell.kind.startswith("$"):
                raise ValueError(f"no Verilog is known for a cell {cell.kind}, from {cell.source}")
            else:
                outputs = {port for port in cell.ports if directions[cell.kind].get(port) == "output"}
                self.instances.append(Instance(cell.kind, cell.name, cell.ports, outputs))
        read = self._reads_of_cells(module)
        for cell in flipflops:
            self._register(cell, bodies, read)
        evaluator = Evaluator(self._hold)
        for body in bodies.values():
            self.definitions += [Definition(part, term) for part, term in evaluator.parts(body)]
        hints = self._connect(module, read)
        self._see_through()
        self._select_words()
        self._name_outputs(own)
        self._narrow()
        self._drop_unread()
        self._take_names(hints, own)

    def _port(self, cell: Cell) -> None:
        memory = self.memories[cell.parameters["MEMID"]]
        if cell.kind == "$meminit_v2":
            (data,) = cell.ports["DATA"]
            assert isinstance(data, Bits)
            memory.init = data.digits
        else:
            (memory.reads if cell.kind == "$memrd_v2" else memory.writes).append(cell)

    def _reads_of_cells(self, module: Module) -> set[str]:
        """Wires that anything reads but the flip-flops' data and the aliases."""
        read = {part.wire for part in self.slices_read()}
        for body, _ in module.processes:
            read |= {part.wire for part in _slices_in(body)}
        return read

    def _register(self, cell: Cell, bodies: dict[str, Body], read: set[str]) -> None:
        (target,) = cell.ports["Q"]
        data = cell.ports["D"]
        assert isinstance(target, Slice)
        assert cell.parameters["CLK_POLARITY"] == "1", f"a clock's falling edge: {cell.source}"
        statements: tuple[Statement, ...] = (Set(target, Ref(data)),)
        if len(data) == 1 and isinstance(data[0], Slice) and data[0].wire in bodies and data[0].wire not in read:
            wire = data[0]
            if wire.low == 0 and wire.width == self.wires[wire.wire].width:
                statements = _statements(bodies.pop(wire.wire), target)
        self.registers.append(Register(target, cell.ports["CLK"], _reset_first(statements, target), cell.source))

    def _hold(self, term: Term) -> Ref:
        self._held += 1
        name = f"$held{self._held}"
        self.wires[name] = Wire(name, term.width)
        self.definitions.append(Definition(Slice(name, 0, term.width), term))
        return Ref((Slice(name, 0, term.width),))

    def _connect(self, module: Module, read: set[str]) -> dict[str, Signal]:
        """Connections that something reads become definitions; the others say what else wires are called."""
        hints = {}
        for target, value in module.connections:
            if not target:  # of no bits
                continue
            (part,) = target
            assert isinstance(part, Slice)
            wire = self.wires[part.wire]
            if wire.direction == "output" or part.wire in read:
                self.definitions.append(Definition(part, Ref(value)))
            else:
                hints[part.wire] = value
        return hints

    def slices_read(self) -> Iterator[Slice]:
        """All that is read, as often as it is."""
        for definition in self.definitions:
            yield from slices_of(definition.term)
        for register in self.registers:
            yield from read_by(register.statements)
            yield from slices_of(Ref(register.clock))
        for signal in self._inputs():
            yield from slices_of(Ref(signal))

    def _inputs(self) -> Iterator[Signal]:
        """What goes into memories and instances."""
        for memory in self.memories.values():
            for cell in [*memory.reads, *memory.writes]:
                yield from (signal for port, signal in cell.ports.items() if not is_read_data(cell, port))
        for instance in self.instances:
            yield from (signal for port, signal in instance.ports.items() if port not in instance.outputs)

    def rewrite(self, change: Callable[[Signal], Signal]) -> None:
        """Change every signal that is read."""
        for definition in self.definitions:
            definition.term = _changed(definition.term, change)
        for register in self.registers:
            register.statements = tuple(_changed_statement(s, change) for s in register.statements)
        for memory in self.memories.values():
            for cell in [*memory.reads, *memory.writes]:
                for port in cell.ports:
                    if not is_read_data(cell, port):
                        cell.ports[port] = change(cell.ports[port])
        for instance in self.instances:
            for port in instance.ports.keys() - instance.outputs:
                instance.ports[port] = change(instance.ports[port])

    def _see_through(self) -> None:
        """What reads a nameless wire that is made of others reads those."""
        while True:
            made: dict[str, Signal] = {}
            for definition in self.definitions:
                target = definition.target
                wire = self.wires[target.wire]
                if wire.anonymous and target.width == wire.width and isinstance(definition.term, Ref):
                    made[target.wire] = definition.term.signal
            self.definitions = [d for d in self.definitions if d.target.wire not in made]
            if not made:
                return

            def change(signal: Signal, made: dict[str, Signal] = made) -> Signal:
                parts: list[Slice | Bits] = []
                for part in signal:
                    while isinstance(part, Slice) and part.wire in made:
                        inside = sliced(made[part.wire], part.low, part.width)
                        if len(inside) != 1:
                            parts.extend(change(inside))
                            break
                        part = inside[0]
                    else:
                        parts.append(part)
                return joined(parts)

            self.rewrite(change)

    def _select_words(self) -> None:
        """A choice of two words by shifting them is a choice of two words."""
        terms = {d.target.wire: d.term for d in self.definitions if d.target.width == self.wires[d.target.wire].width}
        for definition in self.definitions:
            term = definition.term
            if not isinstance(term, Op) or term.kind != "shift" or term.signed:
                continue
            value, amount = (argument.signal for argument in term.arguments if isinstance(argument, Ref))
            select, step = amount, 1
            if len(amount) == 1 and isinstance(amount[0], Slice) and isinstance(terms.get(amount[0].wire), Op):
                product = terms[amount[0].wire]
                assert isinstance(product, Op)
                if product.kind != "mul" or product.width != amount[0].width:
                    continue
                select, times = (argument.signal for argument in product.arguments if isinstance(argument, Ref))
                if len(times) != 1 or not isinstance(times[0], Bits):
                    continue
                step = int(times[0].digits, 2)
            if width_of(select) == 1:
                words = []
                for low in (step, 0):
                    word = sliced(value, low, term.width)
                    words.append(Ref(joined([Bits("0" * (term.width - width_of(word))), *word])))
                definition.term = Op("mux", (Ref(select), *words), term.width)

    def _name_outputs(self, own: Callable[[str], bool]) -> None:
        """Nameless wires from instances, and those at memories, are called after these."""
        for instance in self.instances:
            for port in sorted(instance.outputs):
                for part in instance.ports[port]:
                    if isinstance(part, Slice) and self.wires[part.wire].anonymous:
                        self.names[part.wire] = f"{instance.name[1:]}__{port}"
        for memory in self.memories.values():
            for cell in [*memory.reads, *memory.writes]:
                read = cell.kind == "$memrd_v2"
                for port, called in (("DATA", "data"), ("ADDR", "address"), ("EN", "enable")):
                    for part in cell.ports[port]:
                        if not isinstance(part, Slice) or self.wires[part.wire].direction:
                            continue
                        wire = self.wires[part.wire]
                        if (port == "DATA" and read) or not (wire.anonymous or own(wire.source)):
                            said = called if read else f"write_{called}"
                            self.names.setdefault(part.wire, f"{memory.array.name[1:]}_{said}")

    def _narrow(self) -> None:
        """High bits that nobody reads are not computed."""
        again = True
        while again:
            again = False
            highest: dict[str, int] = {}
            for part in self.slices_read():
                highest[part.wire] = max(highest.get(part.wire, 0), part.low + part.width)
            for definition in self.definitions:
                wire, width = self.wires[definition.target.wire], highest.get(definition.target.wire, 0)
                if wire.anonymous and 0 < width < wire.width == definition.target.width:
                    term = narrowed(definition.term, width)
                    if term.width == width:
                        wire.width, definition.term = width, term
                        definition.target = Slice(wire.name, 0, width)
                        again = True

    def _drop_unread(self) -> None:
        count = -1
        while count != len(self.definitions):
            count = len(self.definitions)
            read = {part.wire for part in self.slices_read()}
            self.definitions = [
                d for d in self.definitions
                if d.target.wire in read or self.wires[d.target.wire].direction or self.wires[d.target.wire].keep
            ]  # fmt: skip
        used = {part.wire for part in self.slices_read()}
        used |= {d.target.wire for d in self.definitions} | {r.target.wire for r in self.registers}
        for instance in self.instances:
            used |= {part.wire for port in instance.ports.values() for part in port if isinstance(part, Slice)}
        for memory in self.memories.values():
            used |= {part.wire for c in memory.reads for part in c.ports["DATA"] if isinstance(part, Slice)}
        self.wires = {name: wire for name, wire in self.wires.items() if name in used or wire.direction}

    def _take_names(self, hints: dict[str, Signal], own: Callable[[str], bool]) -> None:
        """Nameless wires take the names of signals that were the same."""
        wires = self.wires
        for name, signal in hints.items():
            if len(signal) != 1 or not isinstance(signal[0], Slice) or name in wires:
                continue
            part = signal[0]
            wire = wires.get(part.wire)
            if wire is None or (part.low, part.width) != (0, wire.width):
                continue
            hinted = self._all[name]
            if hinted.keep:
                wire.keep = True
            foreign = not (wire.anonymous or wire.direction or own(wire.source))
            if own(hinted.source) and (foreign or (wire.anonymous and part.wire not in self.names)):
                wire.source = wire.source if wire.anonymous else hinted.source  # the first hint is taken
                self.names[part.wire] = name[1:]


def is_read_data(cell: Cell, port: str) -> bool:
    """Whether a port of a memory's cell is what it gives."""
    return cell.kind == "$memrd_v2" and port == "DATA"


def _statements(body: Body, target: Slice, inside: bool = False) -> tuple[Statement, ...]:
    """A process' body with ``target`` in place of its own. That it begins by keeping its value needs no saying; inside
    a condition it may take back what was said before.
    """
    made: list[Statement] = []
    for statement in body:
        if isinstance(statement, Assign):
            part = Slice(target.wire, target.low + statement.target.low, statement.target.width)
            if made or inside or statement.value != (part,):
                made.append(Set(part, Ref(statement.value)))
            continue
        branches = _branches(statement, target)
        if branches:
            made.append(Choice(tuple(branches)))
    return tuple(made)


def _branches(switch: Switch, target: Slice) -> list[tuple[Term | None, tuple[Statement, ...]]]:
    branches = [
        (condition(switch.select, patterns) if patterns else None, _statements(inside, target, True))
        for patterns, inside in switch.cases
    ]
    while branches and not branches[-1][1]:
        branches.pop()
    return branches


def _reset_first(statements: tuple[Statement, ...], target: Slice) -> tuple[Statement, ...]:
    """``if (rst) … else …`` where the reset comes last, and wins over all before it."""
    last = statements[-1] if statements else None
    if not isinstance(last, Choice) or len(last.branches) != 1 or len(statements) == 1:
        return statements
    asked, inside = last.branches[0]
    if asked != Ref((Slice("\\rst", 0, 1),)) or inside[0:1] != tuple(s for s in inside if isinstance(s, Set)):
        return statements
    if not isinstance(inside[0], Set) or inside[0].target != target:
        return statements
    return (Choice(((asked, inside), (None, statements[:-1]))),)


def _slices_in(body: Body) -> Iterator[Slice]:
    """What a process reads."""
    for statement in body:
        if isinstance(statement, Assign):
            yield from slices_of(Ref(statement.value))
        else:
            yield from slices_of(Ref(statement.select))
            for _, inside in statement.cases:
                yield from _slices_in(inside)


def read_by(statements: Sequence[Statement]) -> Iterator[Slice]:
    """What statements read."""
    for statement in statements:
        if isinstance(statement, Set):
            yield from slices_of(statement.value)
            continue
        for asked, inside in statement.branches:
            if asked is not None:
                yield from slices_of(asked)
            yield from read_by(inside)


def _changed(term: Term, change: Callable[[Signal], Signal]) -> Term:
    if isinstance(term, Ref):
        return Ref(change(term.signal))
    return Op(term.kind, tuple(_changed(argument, change) for argument in term.arguments), term.width, term.signed)


def _changed_statement(statement: Statement, change: Callable[[Signal], Signal]) -> Statement:
    if isinstance(statement, Set):
        return Set(statement.target, _changed(statement.value, change))
    return Choice(
        tuple(
            (
                None if asked is None else _changed(asked, change),
                tuple(_changed_statement(inner, change) for inner in inside),
            )
            for asked, inside in statement.branches
        )
    )
