"""Yosys' RTLIL, as far as Amaranth writes it, read into plain objects."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Slice:
    """Bits ``low … low + width - 1`` of a wire."""

    wire: str
    low: int
    width: int


@dataclass(frozen=True)
class Bits:
    """A constant, its most significant digit (``0``, ``1``, ``x`` or ``-``) first."""

    digits: str

    @property
    def width(self) -> int:
        return len(self.digits)


Signal = tuple[Slice | Bits, ...]  # the most significant part first


@dataclass
class Wire:
    """A wire; ``direction`` is ``"input"``, ``"output"`` or empty; ``init``, the digits of a register's first value."""

    name: str
    width: int
    direction: str = ""
    init: str = ""
    source: str = ""
    keep: bool = False

    @property
    def anonymous(self) -> bool:
        return self.name.startswith("$")


@dataclass
class MemoryArray:
    """A memory: ``depth`` words of ``width`` bits."""

    name: str
    width: int
    depth: int
    source: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Cell:
    """A cell: an operator (``$add``), a port of a memory, a flip-flop, or an instance of a module."""

    kind: str
    name: str
    source: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    ports: dict[str, Signal] = field(default_factory=dict)


@dataclass(frozen=True)
class Assign:
    """A part of a process' target takes a value."""

    target: Slice
    value: Signal


@dataclass
class Switch:
    """The first case with a matching pattern; one without patterns matches all."""

    select: Signal
    cases: list[tuple[list[str], "Body"]]


Body = list[Assign | Switch]


@dataclass
class Module:
    """A module; ``processes`` have a body and a source each."""

    name: str
    source: str = ""
    wires: dict[str, Wire] = field(default_factory=dict)
    memories: dict[str, MemoryArray] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    processes: list[tuple[Body, str]] = field(default_factory=list)
    connections: list[tuple[Signal, Signal]] = field(default_factory=list)


def width_of(signal: Signal) -> int:
    """Bits of a signal."""
    return sum(part.width for part in signal)


def joined(parts: Iterable[Slice | Bits]) -> Signal:
    """A signal whose neighbouring parts are put together where they are one slice, or one constant."""
    made: list[Slice | Bits] = []
    for part in parts:
        last = made[-1] if made else None
        if part.width == 0:
            continue
        if isinstance(part, Bits) and isinstance(last, Bits):
            made[-1] = Bits(last.digits + part.digits)
        elif (
            isinstance(part, Slice)
            and isinstance(last, Slice)
            and (part.wire, part.low + part.width) == (last.wire, last.low)
        ):
            made[-1] = Slice(part.wire, part.low, part.width + last.width)
        else:
            made.append(part)
    return tuple(made)


def sliced(signal: Signal, low: int, width: int) -> Signal:
    """Bits ``low … low + width - 1`` of a signal."""
    made: list[Slice | Bits] = []
    place = width_of(signal)
    for part in signal:
        place -= part.width
        first, end = max(low, place), min(low + width, place + part.width)
        if first >= end:
            continue
        if isinstance(part, Slice):
            made.append(Slice(part.wire, part.low + first - place, end - first))
        else:
            made.append(Bits(part.digits[part.width - (end - place) : part.width - (first - place)]))
    return joined(made)


_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[{}]|\[[^\]]*\]|[^\s{}\[\]]+')


class _Lines:
    """The lines of a text, a token list each, empty ones and comments left out."""

    def __init__(self, text: str) -> None:
        split = (_TOKEN.findall(line) for line in text.splitlines() if not line.lstrip().startswith("#"))
        self._lines: Iterator[list[str]] = (tokens for tokens in split if tokens)

    def __iter__(self) -> Iterator[list[str]]:
        return self._lines


def read_rtlil(text: str) -> list[Module]:
    """The modules of a text, in its order.

    Raises:
        ValueError: the text holds something that Amaranth does not write.
    """
    modules, lines, attributes = [], _Lines(text), dict[str, str]()
    for tokens in lines:
        if tokens[0] == "attribute":
            attributes[tokens[1]] = tokens[2]
        elif tokens[0] == "module":
            modules.append(_module(lines, tokens[1], attributes))
            attributes = {}
        else:
            raise ValueError(f"RTLIL has {' '.join(tokens)!r} outside a module")
    return modules


def _module(lines: _Lines, name: str, given: dict[str, str]) -> Module:
    module, attributes = Module(name, _text(given.get("\\src", ""))), dict[str, str]()
    for tokens in lines:
        word, source = tokens[0], _text(attributes.get("\\src", ""))
        if word == "attribute":
            attributes[tokens[1]] = tokens[2]
            continue
        if word == "end":
            return module
        if word == "wire":
            wire = _wire(tokens, attributes, source)
            module.wires[wire.name] = wire
        elif word == "memory":
            options = dict(zip(tokens[1:-1:2], tokens[2:-1:2]))
            kept = {key[1:]: _text(value) for key, value in attributes.items() if key != "\\src"}
            module.memories[tokens[-1]] = MemoryArray(
                tokens[-1], int(options["width"]), int(options["size"]), source, kept
            )
        elif word == "cell":
            module.cells.append(_cell(lines, module, tokens, source))
        elif word == "process":
            module.processes.append((_body(lines, module)[0], source))
        elif word == "connect":
            target, rest = _signal(module, tokens[1:])
            module.connections.append((target, _signal(module, rest)[0]))
        else:
            raise ValueError(f"RTLIL has {' '.join(tokens)!r} in module {name}")
        attributes = {}
    raise ValueError(f"the RTLIL of module {name} has no end")


def _wire(tokens: list[str], attributes: dict[str, str], source: str) -> Wire:
    width = int(tokens[tokens.index("width") + 1])
    direction = next((word for word in ("input", "output") if word in tokens[1:-1]), "")
    init = attributes.get("\\init", "").partition("'")[2]
    return Wire(tokens[-1], width, direction, init, source, attributes.get("\\keep") == "1")


def _cell(lines: _Lines, module: Module, tokens: list[str], source: str) -> Cell:
    cell = Cell(tokens[1], tokens[2], source)
    for inside in lines:
        if inside[0] == "end":
            return cell
        if inside[0] == "parameter":
            cell.parameters[inside[-2][1:]] = _text(inside[-1])
        elif inside[0] == "connect":
            cell.ports[inside[1][1:]] = _signal(module, inside[2:])[0]
    raise ValueError(f"the RTLIL of cell {cell.name} has no end")


def _body(lines: _Lines, module: Module) -> tuple[Body, list[str]]:
    """Statements up to a ``case`` or ``end``, which is returned too."""
    body: Body = []
    for tokens in lines:
        if tokens[0] == "assign":
            target, rest = _signal(module, tokens[1:])
            if not target:  # of no bits
                continue
            (part,) = target
            assert isinstance(part, Slice)
            body.append(Assign(part, _signal(module, rest)[0]))
        elif tokens[0] == "switch":
            switch = Switch(_signal(module, tokens[1:])[0], [])
            _, ended = _body(lines, module)
            while ended[0] == "case":
                patterns = [token.strip(",").partition("'")[2] for token in ended[1:] if token != ","]
                inside, ended = _body(lines, module)
                switch.cases.append((patterns, inside))
            body.append(switch)
        elif tokens[0] in ("case", "end"):
            return body, tokens
        else:
            raise ValueError(f"RTLIL has {' '.join(tokens)!r} in a process")
    raise ValueError("the RTLIL of a process has no end")


def _signal(module: Module, tokens: list[str]) -> tuple[Signal, list[str]]:
    """The signal that tokens begin with, and the tokens after it."""
    first, rest = tokens[0], tokens[1:]
    if first == "{":
        parts: list[Slice | Bits] = []
        while rest[0] != "}":
            inside, rest = _signal(module, rest)
            parts.extend(inside)
        return joined(parts), rest[1:]
    if first[0] in "\\$":
        low, width = 0, module.wires[first].width
        if rest and rest[0].startswith("["):
            high, _, end = rest[0][1:-1].partition(":")
            low = int(end or high)
            width, rest = int(high) - low + 1, rest[1:]
        return joined([Slice(first, low, width)]), rest
    return joined([Bits(first.partition("'")[2])]), rest


def _text(value: str) -> str:
    return value[1:-1].replace('\\"', '"').replace("\\\\", "\\") if value.startswith('"') else value
