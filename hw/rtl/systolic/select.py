"""An index that the slot program's word gives, as gateware."""

from collections.abc import Sequence
from typing import Any

from amaranth import Array, Cat, Const, Value

from thermofab.hw.host.systolic.program import Select


def selected(select: Select, word: Value) -> Value:
    """The index's value in the program word ``word``."""
    return Value.cast(Cat(word[column] if column >= 0 else Const(-1 - column, 1) for column in select.columns))


def chosen(options: Sequence[Any], select: Select, word: Value) -> Value:
    """The one of ``options`` that the program word ``word`` asks for. Indices beyond them, which no program has, give
    the last, so that every case of the multiplexer is written out."""
    if len(options) == 1:
        return options[0]
    index = selected(select, word)
    return Value.cast(Array([*options, *[options[-1]] * (2 ** len(index) - len(options))])[index])
