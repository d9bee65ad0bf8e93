"""What travels beside the pipeline: values of the entry in hand, one register per clock."""

from amaranth import Module, Signal, Value
from amaranth.lib.memory import Memory


class Stages:
    """``at(k)`` is the value at stage ``k``, if it is ``value`` at stage ``first``; up to stage ``last``.

    Args:
        name: of the registers.
        resets: they are 0 after a reset; where what they say is looked at only beside another that does, it is saved.
    """

    def __init__(self, m: Module, name: str, value: Value, first: int, last: int, resets: bool = False) -> None:
        self._first, self._values = first, [value]
        for stage in range(first + 1, last + 1):
            held = Signal(value.shape(), name=f"{name}_{stage}", reset_less=not resets)
            m.d.sync += held.eq(self._values[-1])
            self._values.append(held)

    def at(self, stage: int) -> Value:
        return self._values[stage - self._first]


def block_memory(bits: int, depth: int) -> Memory:
    """A memory that goes to block RAM, however small."""
    return Memory(shape=bits, depth=max(2, depth), init=[], attrs={"ram_style": "block"})
