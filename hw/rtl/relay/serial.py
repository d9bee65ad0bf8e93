"""Sums of bit-serial numbers, least significant bit first: two LUTs for every number after the first.

A full adder's carry is a flip-flop of its own: sum = a ^ b ^ c, carry' = majority(a, b, c). Numbers that are masked
are taken in chains, where a LUT holds a full adder and the AND of a mask: x + (mask & bit) + c. Adders are modules, as
tools that see several at once tear their sums up into wider functions of more LUTs.
"""

from collections.abc import Sequence
from typing import Any

from amaranth import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.common.hierarchy import Hierarchy

CHAIN = 4  # masked bits one after another: so many levels of logic


class FullAdder(wiring.Component):
    """``total`` = a + (b & mask) + carry, all combinational but the carry, which ``clear`` makes 0 from the next clock
    on.

    Args:
        masked: there is a port ``mask``.
        forced: there is a port ``force``.

    Ports:
        a, b, mask: the bits to add; clear: see above; total: the sum's bit; force: makes it 1.
    """

    def __init__(self, *, masked: bool = False, forced: bool = False) -> None:
        extra = ({"mask": In(1)} if masked else {}) | ({"force": In(1)} if forced else {})
        super().__init__({"a": In(1), "b": In(1), "clear": In(1), "total": Out(1), **extra})
        self._masked, self._forced = masked, forced

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        carry = Signal(reset_less=True)
        b = self.b & self.mask if self._masked else self.b
        total = self.a ^ b ^ carry
        m.d.comb += self.total.eq(total | self.force if self._forced else total)
        with m.If(self.clear):
            m.d.sync += carry.eq(0)
        with m.Else():
            m.d.sync += carry.eq((self.a & b) | (carry & (self.a ^ b)))
        return m


class SerialSum:
    """Adds full adders to a module; the carries of all of them are cleared together."""

    def __init__(self, m: Module, hierarchy: Hierarchy, clear: Value) -> None:
        self._m, self._hierarchy, self._clear = m, hierarchy, clear
        self._count = 0

    def add(self, a: Value, b: Value, *, mask: Value | None = None, force: Value | None = None) -> Value:
        """The sum bit of a + (b & mask), or 1 where ``force`` is."""
        kind = "adder" + "_masked" * (mask is not None) + "_forced" * (force is not None)
        adder = self._hierarchy.add(
            self._m, f"adder_{self._count}", kind,
            lambda: FullAdder(masked=mask is not None, forced=force is not None),
        )  # fmt: skip
        self._count += 1
        self._m.d.comb += [adder.a.eq(a), adder.b.eq(b), adder.clear.eq(self._clear)]
        if mask is not None:
            self._m.d.comb += adder.mask.eq(mask)
        if force is not None:
            self._m.d.comb += adder.force.eq(force)
        return adder.total

    def masked(self, masks: Value, bits: Value, force: Value) -> Value:
        """The sum bit of Σ_k masks[k] & bits[k], or 1 where ``force`` is."""
        partial: list[Value] = []
        count = len(masks)
        if count == 1:
            return (masks & bits) | force
        for chain in _dealt(count, max(2, -(-count // CHAIN))):
            total: Value = masks[chain[0]] & bits[chain[0]]
            for k in chain[1:]:
                total = self.add(total, Value.cast(bits[k]), mask=Value.cast(masks[k]))
            partial.append(total)
        while len(partial) > 2:
            merged = [self.add(a, b) for a, b in zip(partial[::2], partial[1::2])]
            partial = merged + partial[len(merged) * 2 :]
        return self.add(*partial, force=force)


def _dealt(count: int, chains: int) -> list[Sequence[int]]:
    """0…count-1 in so many runs of nearly equal length."""
    bounds = [count * k // chains for k in range(chains + 1)]
    return [range(low, high) for low, high in zip(bounds, bounds[1:])]
