"""Terms as Verilog text: nameless wires that are read once stand in what reads them, where that means the same."""

from collections import Counter
from collections.abc import Mapping

from thermofab.hw.rtl.netlist.rtlil import Bits, Signal, Slice, Wire
from thermofab.hw.rtl.netlist.terms import (
    ALIKE,
    ALONE,
    COMPARED,
    REDUCED,
    SHIFTED,
    Op,
    Ref,
    Term,
    natural_width,
    self_contained,
    slices_of,
)  # fmt: skip

LONGEST = 140  # characters of a term that stands inside another
_CHAINED = {"and", "or", "xor"}


class Renderer:
    """Writes the terms of one module.

    Args:
        wires: of the module.
        names: what they are called; of nameless ones, those that :attr:`written` will hold.
        terms: of nameless wires that are one term as a whole: what may be folded.
        reads: how often each wire is read.

    Attributes:
        written: nameless wires that could not be folded. A text is right once rendering adds no more to it.
    """

    def __init__(
        self, wires: Mapping[str, Wire], names: Mapping[str, str], terms: Mapping[str, Term], reads: Counter[str]
    ) -> None:
        self._wires, self._names, self._terms, self._reads = wires, names, terms, reads
        self.written: set[str] = set()

    def assigned(self, term: Term) -> str:
        """A term on the right of an assignment to as many bits as it has."""
        whole = self._whole(term)
        if whole is not None and (term_of_it := self._folded(whole, any_width=True)) is not None:
            return self.assigned(term_of_it)
        return self._operator(term) if isinstance(term, Op) else self.signal(term.signal)

    def alone(self, term: Term) -> str:
        """A term where Verilog gives it its own width: a condition, an index, a port, a part of a concatenation."""
        if isinstance(term, Op):
            return self._operator(term)
        return self.signal(term.signal)

    def signal(self, signal: Signal) -> str:
        """Wires and constants side by side."""
        if not signal:
            return "1'b0"
        parts: list[str] = []
        k = 0
        while k < len(signal):
            same = k + 1
            while same < len(signal) and signal[same] == signal[k]:
                same += 1
            text = self._part(signal[k])
            parts.append(text if same == k + 1 else f"{{{same - k}{{{text}}}}}")
            k = same
        return parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"

    def place(self, part: Slice) -> str:
        """A wire or part of it, to be assigned to."""
        wire, name = self._wires[part.wire], self._names[part.wire]
        if part.width == wire.width:
            return name
        return f"{name}[{part.low}]" if part.width == 1 else f"{name}[{part.low + part.width - 1}:{part.low}]"

    def _part(self, part: Slice | Bits) -> str:
        if isinstance(part, Bits):
            return _constant(part.digits)
        if (term := self._folded(part, any_width=False)) is not None:
            text = self._operator(term)
            if len(text) <= LONGEST:
                return text
            self.written.add(part.wire)
        return self.place(part)

    def _whole(self, term: Term) -> Slice | None:
        if isinstance(term, Ref) and len(term.signal) == 1 and isinstance(term.signal[0], Slice):
            return term.signal[0]
        return None

    def _folded(self, part: Slice, *, any_width: bool) -> Op | None:
        """The term that may stand in a wire's place; a wire whose term may not is written."""
        if part.wire not in self._terms or part.wire in self.written:
            return None
        term = self._terms[part.wire]
        assert isinstance(term, Op)
        if part.width == term.width and (self._reads[part.wire] == 1 or _small(term)):
            if any_width or natural_width(term) == term.width:
                return term
        self.written.add(part.wire)
        return None

    def _operand(self, term: Term, context: int, chained: str = "") -> str:
        """A term inside another, which is computed with ``context`` bits."""
        whole = self._whole(term)
        inner: Op | None = term if isinstance(term, Op) else None
        if inner is None and whole is not None:
            inner = self._folded(whole, any_width=False)
            if inner is not None and not self_contained(inner) and (context != inner.width or _extends(inner)):
                assert whole is not None
                self.written.add(whole.wire)
                inner = None
        if inner is None:
            assert isinstance(term, Ref)
            if all(isinstance(part, Bits) for part in term.signal):
                digits = "".join(part.digits for part in term.signal if isinstance(part, Bits))
                return _constant(digits.rjust(context, "0"))
            return self.signal(term.signal)
        text = self._operator(inner)
        if whole is not None and len(text) > LONGEST:
            self.written.add(whole.wire)
            assert isinstance(term, Ref)
            return self.signal(term.signal)
        bare = inner.kind == "not" or inner.kind == chained
        return text if bare else f"({text})"

    def _operator(self, term: Op) -> str:
        kind, arguments = term.kind, term.arguments
        if kind == "mux":
            select, one, other = arguments
            asked = self._operand(select, select.width)
            return f"{asked} ? {self._operand(one, term.width)} : {self._operand(other, term.width)}"
        if kind in REDUCED:
            if arguments[0].width == 1:
                return self.alone(arguments[0])
            inside = self._operand(arguments[0], arguments[0].width)
            return f"{REDUCED[kind]}({inside})" if inside.startswith("~") else f"{REDUCED[kind]}{inside}"
        if kind in SHIFTED:
            return self._shift(term)
        widest = max(argument.width for argument in arguments)
        context = widest if kind in COMPARED else max(widest, term.width)
        inside = [
            self._signed(argument) if term.signed else self._operand(argument, context, kind * (kind in _CHAINED))
            for argument in arguments
        ]
        if kind in ALONE:
            return f"{ALONE[kind]}{inside[0]}"
        return f"{inside[0]} {(COMPARED | ALIKE)[kind]} {inside[1]}"

    def _shift(self, term: Op) -> str:
        value, amount = term.arguments
        whole = self._whole(value)
        if term.kind in ("shift", "shr") and term.width == 1 and whole is not None:
            wire = self._wires[whole.wire]
            # An index that can reach no bit that is not there.
            if whole.width == wire.width == 1 << amount.width and (
                whole.wire not in self._terms or whole.wire in self.written
            ):
                return f"{self._names[whole.wire]}[{self.alone(amount)}]"
        shifted = self._signed(value) if term.signed else self._operand(value, max(value.width, term.width))
        by = self._operand(amount, amount.width) if amount.width else "1'b0"
        return f"{shifted} {SHIFTED[term.kind]} {by}"

    def _signed(self, term: Term) -> str:
        if not term.width:
            return "1'sb0"
        if isinstance(term, Ref) and len(term.signal) == 1 and isinstance(part := term.signal[0], Bits):
            return f"{part.width}'sb{part.digits}"
        return f"$signed({self.alone(term)})"


def folding_terms(definitions: Mapping[str, Term]) -> dict[str, Term]:
    """Of those, what may be folded."""
    return {wire: term for wire, term in definitions.items() if isinstance(term, Op)}


def _small(term: Op) -> bool:
    """Whether a term is as short as the name it would have."""
    return term.kind == "not" and term.width == 1 and all(len(list(slices_of(a))) == 1 for a in term.arguments)


def _extends(term: Op) -> bool:
    """Whether a term takes up a sign, which Verilog forgets where anything beside it has none."""
    arguments = term.arguments[:1] if term.kind in SHIFTED else term.arguments
    return term.kind == "sshr" or term.signed and any(argument.width != term.width for argument in arguments)


def _constant(digits: str) -> str:
    width = len(digits)
    if not width:
        return "1'b0"
    if set(digits) - {"0", "1"} or width == 1:
        return f"{width}'b{digits}"
    return f"{width}'h{int(digits, 2):x}"
