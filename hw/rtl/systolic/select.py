"""An index that the slot program's word gives, as gateware."""

from amaranth import Cat, Const, Value

from thermofab.hw.host.systolic.program import Select


def selected(select: Select, word: Value) -> Value:
    """The index's value in the program word ``word``."""
    return Value.cast(Cat(word[column] if column >= 0 else Const(-1 - column, 1) for column in select.columns))
