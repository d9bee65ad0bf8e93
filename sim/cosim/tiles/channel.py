"""A bad line between two tiles, in gateware: it loses, damages, repeats and delays words at random, and keeps their
order.
"""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.tiles.plan import Line

SHARES = ("lose", "damage", "twice", "hold")
SHARE_BITS = 10  # shares of words are in 2^-10
DEPTH = 256  # words that a line may hold back; more are lost


class Channel(wiring.Component):
    """See the head of this file. It has a clock and no reset.

    Args:
        line: what is sent over it.
        seed: of its choices.

    Ports:
        into, out: from one end, to the other.
        lose, damage, twice, hold: shares, in 2^-10, of words that are lost, have one bit of their own or their mark
            as a frame's first changed, come twice, or wait for up to 31 clocks with all that follow.
        dead: every word is lost; frozen: words wait.
        faults: words hit so far.
    """

    def __init__(self, line: Line, seed: int) -> None:
        self._line, self._seed = line, seed
        shares = {name: In(SHARE_BITS) for name in SHARES}
        super().__init__(
            {
                "into": In(line.signature),
                "out": Out(line.signature),
                **shares,
                "dead": In(1),
                "frozen": In(1),
                "faults": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, width = Module(), self._line.width
        m.submodules.queue = queue = SyncFIFO(width=width + 1, depth=DEPTH)
        # Knuth's MMIX generator; its high bits are the good ones.
        random = Signal(64, init=self._seed * 0x9E3779B97F4A7C15 % 2**64 | 1)
        m.d.sync += random.eq(random * 6364136223846793005 + 1442695040888963407)
        drawn = {name: random[64 - SHARE_BITS * (k + 1) :][:SHARE_BITS]
                 for k, name in enumerate(SHARES)}  # fmt: skip
        hit = {name: Signal(name=f"hit_{name}") for name in drawn}
        held, repeated = Signal(5), Signal()
        ready = Signal()
        m.d.comb += [
            queue.w_data.eq(Cat(self.into.data, self.into.first)),
            queue.w_en.eq(self.into.valid),
            ready.eq(queue.r_rdy & (held == 0) & ~self.frozen),
            *(hit[name].eq(ready & (share < getattr(self, name))) for name, share in drawn.items()),
            queue.r_en.eq(ready & ~hit["hold"] & (~hit["twice"] | repeated)),
        ]
        with m.If(held != 0):
            m.d.sync += held.eq(held - 1)
        with m.If(hit["hold"]):
            m.d.sync += held.eq(random[13:18])
        goes = Signal()
        m.d.comb += goes.eq(ready & ~hit["hold"] & ~hit["lose"] & ~self.dead)
        m.d.sync += repeated.eq(goes & hit["twice"] & ~repeated)
        # The bit that is changed: of the word or the mark.
        changed = Signal(width + 1)
        chosen = Signal(range(width + 1))
        m.d.comb += chosen.eq((random[:13] * (width + 1)) >> 13)
        m.d.comb += changed.eq(Mux(hit["damage"], 1 << chosen, 0))
        m.d.sync += [
            self.out.valid.eq(goes),
            Cat(self.out.data, self.out.first).eq(queue.r_data ^ changed),
        ]
        with m.If(Cat(hit.values()).any()):
            m.d.sync += self.faults.eq(self.faults + 1)
        return m
