"""Processes of RTLIL: conditions of their switches as terms, and, for what is no register, the whole as terms."""

from collections.abc import Callable
from dataclasses import dataclass

from thermofab.hw.rtl.netlist.rtlil import Assign, Bits, Body, Signal, Slice, Switch, sliced, width_of
from thermofab.hw.rtl.netlist.terms import Op, Ref, Term

TRUE, FALSE = Ref((Bits("1"),)), Ref((Bits("0"),))


def condition(select: Signal, patterns: list[str]) -> Term:
    """Whether a switch' selector matches one of the patterns."""
    conditions = [_matches(select, pattern) for pattern in patterns]
    whole = conditions[0]
    for other in conditions[1:]:
        whole = Op("or", (whole, other), 1)
    return whole


def _matches(select: Signal, pattern: str) -> Term:
    width = width_of(select)
    cared = [k for k in range(width) if pattern[width - 1 - k] != "-"]
    if len(cared) == 1:
        bit = Ref(sliced(select, cared[0], 1))
        return bit if pattern[width - 1 - cared[0]] == "1" else Op("not", (bit,), 1)
    if cared == list(range(width)):
        return Op("eq", (Ref(select), Ref((Bits(pattern),))), 1)
    whole: Term | None = None
    for k in cared:
        bit = _matches(sliced(select, k, 1), pattern[width - 1 - k])
        whole = bit if whole is None else Op("and", (whole, bit), 1)
    return TRUE if whole is None else whole


def chosen(select: Term, one: Term, other: Term) -> Term:
    """``one`` where ``select``, else ``other``; of single bits, in the simplest form."""
    if one == other:
        return one
    if one.width == 1:
        if (one, other) == (TRUE, FALSE):
            return select
        if one == TRUE:
            return Op("or", (select, other), 1)
        if other == FALSE:
            return Op("and", (select, one), 1)
        if one == FALSE:
            inverted = Op("not", (select,), 1)
            return inverted if other == TRUE else Op("and", (inverted, other), 1)
    return Op("mux", (select, one, other), one.width)


def targets(body: Body) -> list[Slice]:
    """What a body assigns to, in order."""
    found: list[Slice] = []
    for statement in body:
        if isinstance(statement, Assign):
            found.append(statement.target)
        else:
            for _, inside in statement.cases:
                found += targets(inside)
    return found


@dataclass(frozen=True)
class Evaluator:
    """Turns a body into terms.

    Attributes:
        hold: gives a term a wire of its own, and returns that; without it, a term that is needed in several places
            would be written as often.
    """

    hold: Callable[[Term], Ref]

    def parts(self, body: Body) -> list[tuple[Slice, Term]]:
        """The target's slices that are assigned together, the lowest first, and their values."""
        assigned = targets(body)
        ends = sorted({end for part in assigned for end in (part.low, part.low + part.width)})
        made = []
        for low, high in zip(ends, ends[1:]):
            part = Slice(assigned[0].wire, low, high - low)
            value = self._value(body, part, None)
            assert value is not None, f"a process leaves {part} without a value"
            made.append((part, value))
        return made

    def _value(self, body: Body, part: Slice, current: Term | None) -> Term | None:
        for statement in body:
            if isinstance(statement, Assign):
                if _covers(statement.target, part):
                    current = Ref(sliced(statement.value, part.low - statement.target.low, part.width))
            elif any(_covers(target, part) for target in targets([statement])):
                current = self._switched(statement, part, current)
        return current

    def _switched(self, switch: Switch, part: Slice, current: Term | None) -> Term:
        if isinstance(current, Op):
            current = self.hold(current)
        value = current
        for patterns, body in reversed(switch.cases):
            arm = self._value(body, part, current)
            if not patterns or value is None:  # the last of cases of which one always matches
                value = arm
            elif arm is not None:
                value = chosen(condition(switch.select, patterns), arm, value)
        assert value is not None
        return value


def _covers(target: Slice, part: Slice) -> bool:
    return target.low <= part.low and part.low + part.width <= target.low + target.width
