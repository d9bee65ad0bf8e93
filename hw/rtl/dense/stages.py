"""What travels beside the pipeline: values of the entry in hand, a register a clock."""

from amaranth import Module, Signal, Value
from amaranth.lib.memory import Memory


class Stages:
    """``at(k)`` is the value at stage ``k``, if it is ``value`` at stage ``first``; registers are made as asked for.

    Args:
        name: of the registers.
        resets: they are 0 after a reset; where what they say is looked at only beside another that does, it is saved.
    """

    def __init__(self, m: Module, name: str, value: Value, first: int = 0, resets: bool = False) -> None:
        self._m, self._name, self._first, self._resets = m, name, first, resets
        self._values = [value]

    def at(self, stage: int) -> Value:
        while len(self._values) <= stage - self._first:
            before = self._values[-1]
            number = self._first + len(self._values)
            held = Signal(before.shape(), name=f"{self._name}_{number}", reset_less=not self._resets)
            self._m.d.sync += held.eq(before)
            self._values.append(held)
        return self._values[stage - self._first]


def block_memory(bits: int, depth: int) -> Memory:
    """A memory that goes to block RAM, however small."""
    return Memory(shape=bits, depth=max(2, depth), init=[], attrs={"ram_style": "block"})
