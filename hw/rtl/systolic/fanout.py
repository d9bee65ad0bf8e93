"""A fan-out: one more register between what all elements are told and a group of them that stands together.

Equal registers are merged by synthesis tools; those of a module of its own are not, so each group has its copy, and no
wire crosses the chip in the clock in which it fans out.
"""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

GROUP = 5  # elements to a fan-out
# What changes a state or a memory; all else is data, which nobody looks at without one of these.
STROBES = {
    *("step", "update", "load", "coefficient_write", "seed_write", "factor_write", "table_host_write"),
    *("count_take", "count_trail", "count_zero"),
}


class Fanout(wiring.Component):
    """One register for all that a group is told. Strobes are reset, so that none outlives a reset on its way.

    Ports:
        …: an input for every name and width given; …_later: the same a clock later.
    """

    def __init__(self, widths: dict[str, int]) -> None:
        self._names = tuple(widths)
        super().__init__(
            {**{name: In(width) for name, width in widths.items()},
             **{f"{name}_later": Out(width) for name, width in widths.items()}}
        )  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for name in self._names:
            told = getattr(self, name)
            kept = Signal(len(told), name=f"{name}_kept", reset_less=name not in STROBES)
            m.d.sync += kept.eq(told)
            m.d.comb += getattr(self, f"{name}_later").eq(kept)
        return m
