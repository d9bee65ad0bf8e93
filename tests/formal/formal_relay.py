"""The relay fabric: the serial sum of a cell is the arithmetic one, and a root gathers its whole tree."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from typing import Any

from amaranth import Array, Cat, Const, Elaboratable, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume

from tests.formal.formal_parts import drive
from tests.formal.prove import Fault, Proof
from thermofab.hw.host.relay.counter import addresses
from thermofab.hw.rtl.relay.cell import FIRST_BIT, TAKEN, Cell

WEIGHT_BITS, ADDRESS_BITS, FIELD = 3, 4, 7
ADDRESSES = addresses(ADDRESS_BITS)[: WEIGHT_BITS + 1]  # of the parent's word, then of the weights' bits
LOADED = len(ADDRESSES)  # clocks in which masks are written, one address in each


def anything(m: Module, name: str, bits: int) -> Signal:
    """A signed number that does not change, whatever it is."""
    value = Signal(signed(bits), name=name)
    m.d.comb += value.eq(AnyConst(bits))
    return value


def written(clock: Value, words: list[Value]) -> tuple[Value, Value, Value]:
    """``(write, address, data)`` of a cell's masks, from clock 0 on."""
    rows = Array([*words, *[Const(0, len(words[0]))] * ((1 << len(clock)) - len(words))])
    where = Array([*ADDRESSES, *[0] * ((1 << len(clock)) - LOADED)])
    return clock < LOADED, Value.cast(where[clock]), Value.cast(rows[clock])


class CellAddsUp(Elaboratable):
    """With any weights, neighbours that stand still and one that is a child or not, whatever it did before, a cell's
    wire carries the bits of Σ_j w_j n_j + G from FIRST_BIT clocks after its event on.
    """

    SECOND, LAST = 16, 16 + FIRST_BIT + FIELD

    def elaborate(self, platform: Any) -> Module:
        m, degree = Module(), 3
        cell = m.submodules.cell = Cell(degree, WEIGHT_BITS, ADDRESS_BITS)
        weights = [anything(m, f"weight_{j}", WEIGHT_BITS) for j in range(degree)]
        partial, child = anything(m, "partial", FIELD), Signal()
        standing, parent = Signal(degree), Signal(2)  # a parent of 3 is none
        m.d.comb += [value.eq(AnyConst(len(value))) for value in (child, standing, parent)]
        clock = Signal(5)
        m.d.sync += clock.eq(clock + (clock != 31))
        words = [Value.cast(Cat(parent == j for j in range(degree)))]
        for k in range(WEIGHT_BITS):
            words.append(Value.cast(Cat(*(weight[k] for weight in weights[:-1]), Mux(child, 1, weights[-1][k]))))
        write, address, data = written(clock, words)
        # An event before that one, at any time, leaves carries behind.
        event = (clock == self.SECOND) | ((clock < self.SECOND) & AnySeq(1))
        place = clock - (self.SECOND + FIRST_BIT - 1)
        arriving = Mux(clock >= self.SECOND + FIRST_BIT - 1, (partial >> place[:3])[0], AnySeq(1))
        near = Cat(standing[:-1], Mux(child, arriving, standing[-1]))
        drive(m, cell, event=event, taking=0, drawn=0, clear=0, mask_write=write, mask_address=address,
              mask_data=data, neighbours=near)  # fmt: skip
        total = Signal(signed(FIELD))
        own = sum((Mux(standing[j], weight, 0) for j, weight in enumerate(weights[:-1])), Const(0, signed(FIELD)))
        m.d.comb += total.eq(own + Mux(child, partial, Mux(standing[-1], weights[-1], 0)))
        m.d.comb += Assume(~ResetSignal())
        with m.If((clock >= self.SECOND + FIRST_BIT) & (clock < self.LAST)):
            came = (clock - (self.SECOND + FIRST_BIT))[:3]
            m.d.comb += Assert(cell.state == (total >> came)[0])
        return m


class RootGathersItsTree(Elaboratable):
    """Three cells, a chain or a star, each with a neighbour outside: the root's wire carries the sum of the three, and
    then all of them take what is drawn and keep it.
    """

    FIRST, TAKE, END = 6, 22, 30

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        cells = [Cell(3, WEIGHT_BITS, ADDRESS_BITS) for _ in range(3)]
        for k, cell in enumerate(cells):
            m.submodules[f"cell_{k}"] = cell
        weights = [anything(m, f"weight_{k}", WEIGHT_BITS) for k in range(3)]
        outside, star, drawn = (Signal(bits, name=name) for name, bits in (("outside", 3), ("star", 1), ("drawn", 1)))
        m.d.comb += [value.eq(AnyConst(len(value))) for value in (outside, star, drawn)]
        clock = Signal(5)
        m.d.sync += clock.eq(clock + (clock != 31))
        height = Mux(star, 1, 2)
        depths = [Const(0, 2), Const(1, 2), height]
        others = [[k for k in range(3) if k != own] for own in range(3)]  # neighbours 0 and 1 of each; 2 is outside
        children = [[Const(1, 1), star], [Const(0, 1), ~star], [Const(0, 1)] * 2]
        parents = [[Const(0, 1)] * 2, [Const(1, 1), Const(0, 1)], [star, ~star]]
        taking = clock >= self.TAKE - 1
        for k, cell in enumerate(cells):
            words = [Value.cast(Cat(*parents[k], Const(0, 1)))]
            words += [Value.cast(Cat(*children[k], weights[k][bit])) for bit in range(WEIGHT_BITS)]
            write, address, data = written(clock, words)
            gathers, takes = clock == self.FIRST + height - depths[k], clock == self.TAKE + depths[k]
            result = (clock == self.TAKE + TAKEN - 1) & drawn if k == 0 else Const(0)
            drive(m, cell, event=gathers | takes, taking=taking, drawn=result, clear=0, mask_write=write,
                  mask_address=address, mask_data=data,
                  neighbours=Cat(*(cells[j].state for j in others[k]), outside[k]))  # fmt: skip
        total = Signal(signed(FIELD))
        m.d.comb += total.eq(sum((Mux(outside[k], w, 0) for k, w in enumerate(weights)), Const(0, signed(FIELD))))
        m.d.comb += Assume(~ResetSignal())
        began, came = self.FIRST + height + FIRST_BIT, Signal(3)
        with m.If((clock >= began) & (clock < began + FIELD)):
            m.d.comb += [came.eq(clock - began), Assert(cells[0].state == (total >> came)[0])]
        with m.If(clock >= self.TAKE + TAKEN + 2):
            m.d.comb += [Assert(cell.state == drawn) for cell in cells]
        return m


PROOFS = (
    Proof(
        "relay cell",
        "the bits on a cell's wire are those of the sum of its weights and its child's, whatever it did before",
        CellAddsUp,
        "bmc",
        CellAddsUp.LAST + 1,
        Fault("hw/rtl/relay/serial.py", "            m.d.sync += carry.eq(0)\n", "            m.d.sync += carry.eq(carry)\n"),
    ),
    Proof(
        "relay tree",
        "a root of three cells, in a chain or a star, gathers the sum over all, and all take what it draws",
        RootGathersItsTree,
        "bmc",
        RootGathersItsTree.END,
        Fault("hw/rtl/relay/cell.py", "self.event | (works & ~self.taking)", "self.event | works"),
    ),
)  # fmt: skip
