"""Expressions with a width, as Yosys' operators mean them: what is written on the right of Verilog's assignments.

Verilog takes the width of an expression from around it, so an expression may stand inside another only where that
changes nothing: where its own width (:func:`natural_width`) is that of the value it stands for, and the place asks for
no more bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from thermofab.hw.rtl.netlist.rtlil import Cell, Signal, Slice, sliced, width_of

COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
REDUCED = {"reduce_and": "&", "reduce_or": "|", "reduce_bool": "|", "reduce_xor": "^"}
ALIKE = {"and": "&", "or": "|", "xor": "^", "add": "+", "sub": "-", "mul": "*"}
SHIFTED = {"shl": "<<", "shr": ">>", "sshr": ">>>", "shift": ">>"}
ALONE = {"not": "~", "neg": "-"}
# Low bits of these come from low bits of what they are made of, and nothing else.
_FROM_LOW = {*ALIKE, *ALONE, "mux", "shl"}


@dataclass(frozen=True)
class Ref:
    """Wires and constants, side by side."""

    signal: Signal

    @property
    def width(self) -> int:
        return width_of(self.signal)


@dataclass(frozen=True)
class Op:
    """An operator; ``mux`` has the arguments select, value if 1, value if 0."""

    kind: str
    arguments: tuple["Term", ...]
    width: int
    signed: bool = False


Term = Ref | Op


def term_of(cell: Cell) -> Term | None:
    """What an operator's cell computes; None if the cell is no operator."""
    kind, ports = cell.kind.removeprefix("$"), cell.ports
    if not cell.kind.startswith("$"):
        return None
    if kind == "mux":
        return Op("mux", (Ref(ports["S"]), Ref(ports["B"]), Ref(ports["A"])), width_of(ports["A"]))
    width, signed = int(cell.parameters.get("Y_WIDTH", "0")), cell.parameters.get("A_SIGNED") == "1"
    if kind in SHIFTED:
        assert cell.parameters["B_SIGNED"] == "0", f"a shift by a signed number: {cell.source}"
        if not ports["B"] and width == width_of(ports["A"]):
            return Ref(ports["A"])
        return Op(kind, (Ref(ports["A"]), Ref(ports["B"])), width, signed)
    if kind in COMPARED or kind in ALIKE:
        assert signed == (cell.parameters["B_SIGNED"] == "1"), f"one side is signed: {cell.source}"
        return Op(kind, (Ref(ports["A"]), Ref(ports["B"])), width, signed)
    if kind in REDUCED or kind in ALONE:
        return Op(kind, (Ref(ports["A"]),), width, signed)
    return None


def natural_width(term: Term) -> int:
    """The width that Verilog gives an expression that stands alone."""
    if isinstance(term, Ref):
        return term.width
    if term.kind in COMPARED or term.kind in REDUCED:
        return 1
    arguments = term.arguments[1:] if term.kind == "mux" else term.arguments
    if term.kind in SHIFTED:
        return arguments[0].width
    return max(argument.width for argument in arguments)


def self_contained(term: Term) -> bool:
    """Whether Verilog computes it the same wherever it stands."""
    return isinstance(term, Ref) or term.kind in COMPARED or term.kind in REDUCED


def narrowed(term: Term, width: int) -> Term:
    """The lowest ``width`` bits of a term; the term itself if they take more than the low bits of its arguments."""
    if isinstance(term, Ref):
        return Ref(sliced(term.signal, 0, width))
    if term.kind not in _FROM_LOW or width >= term.width:
        return term
    first = 1 if term.kind == "mux" else 0
    last = 1 if term.kind == "shl" else len(term.arguments)
    arguments = tuple(
        narrowed(argument, width) if first <= k < last and argument.width > width else argument
        for k, argument in enumerate(term.arguments)
    )
    signed = term.signed and min(argument.width for argument in arguments[first:last]) < width
    return replace(term, arguments=arguments, width=width, signed=signed)


def signals_of(term: Term) -> Iterator[Signal]:
    """All signals that a term reads."""
    if isinstance(term, Ref):
        yield term.signal
    else:
        for argument in term.arguments:
            yield from signals_of(argument)


def slices_of(term: Term) -> Iterator[Slice]:
    """All slices that a term reads."""
    for signal in signals_of(term):
        yield from (part for part in signal if isinstance(part, Slice))
