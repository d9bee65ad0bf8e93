"""A draw unit: takes the field of its root of a colour bit by bit, and draws the root's new state.

    F = B + 2 G,   a = clip((F + (u mod 2^shift)) >> shift, -A, A-1),   n = (u >> (W - t)) < T[a]

with G on the root's wire, a bit late and so doubled, and B the sum of b - Σw over its tree, from a memory. Bit j of all
three is added in clock 2 + j after the roots' event (:mod:`thermofab.hw.rtl.relay.steps` has the clocks). From bit
``shift`` on the sum goes into the table's address; what comes after must repeat the address' sign, or the address is
the end of the table on that side.
"""

from typing import Any

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.plan import DrawSource
from thermofab.hw.rtl.common.datapath import high_bits
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.relay.serial import SerialSum
from thermofab.hw.rtl.relay.source import Stepper, Window
from thermofab.hw.spec import FabricSpec


class DrawUnit(wiring.Component):
    """Serves ``sites`` cells, of which at most one is a root of a colour.

    Ports:
        wires, events: of its cells; pick: those are events of roots, and the root is the cell that has one.
        adding: a bit of the field comes; without it, carries and what was captured are cleared.
        dithering: that bit is dithered; place: with this bit of the word.
        capture: it is one of the address; beyond: it is above them.
        bias: B, from a memory, a clock ahead.
        address: into the table, the sign of ``a`` at the top; host_address: in its place, while nothing is captured.
        threshold: from the table, a clock after the address.
        fire: the threshold was registered, and ``drawn`` is to be the state drawn in the next clock.
        drawn: that state, else 0; force: makes it 1.
        stored, store, shift, step: of the generator (:mod:`thermofab.hw.rtl.relay.source`).
        bit: of F + (u mod 2^shift), to watch.
    """

    def __init__(self, spec: FabricSpec, source: DrawSource, sites: int, hierarchy: Hierarchy | None = None) -> None:
        self._spec, self._source, self._sites = spec, source, sites
        self._hierarchy = hierarchy or InPlace()
        ports: dict[str, Any] = {
            "wires": In(sites),
            "events": In(sites),
            "bias": In(1),
            "adding": In(1),
            "capture": In(1),
            "beyond": In(1),
            "pick": In(1),
            "fire": In(1),
            "force": In(1),
            "shift": In(1),
            "host_address": In(spec.table_bits),
            "address": Out(spec.table_bits),
            "threshold": In(spec.threshold_bits),
            "stored": In(source.bits),
            "store": Out(source.bits),
            "drawn": Out(1),
            "bit": Out(1),
        }
        if spec.dither_bits:
            ports |= {"dithering": In(1), "place": In(max(1, (spec.dither_bits - 1).bit_length()))}
        if not source.taps:
            ports["step"] = In(1)
        super().__init__(ports)

    def built_with(self) -> dict[str, object]:
        return {"sites": self._sites}

    def elaborate(self, platform: Any) -> Module:
        m, spec = Module(), self._spec
        word = self._generator(m)
        clear = ~self.adding
        bias = Signal(reset_less=True)
        m.d.sync += bias.eq(self.bias)
        adder = SerialSum(m, self._hierarchy, clear)
        bit = adder.add(self._root_wire(m), bias)
        if spec.dither_bits:
            bit = adder.add(bit, self._dither(m, word), mask=self.dithering)
        m.d.comb += [self.bit.eq(bit), self.address.eq(self._address(m, bit, clear))]

        threshold, drawn = Signal(spec.threshold_bits, reset_less=True, name="threshold"), Signal(name="drawn")
        m.d.sync += [
            threshold.eq(self.threshold),
            drawn.eq((self.fire & (high_bits(spec, word) < threshold)) | self.force),
        ]
        m.d.comb += self.drawn.eq(drawn)
        return m

    def _generator(self, m: Module) -> Value:
        """The word drawn."""
        source, word_bits = self._source, self._spec.word_bits
        made = self._hierarchy.add(
            m, "source", "source",
            lambda: Window(source, word_bits) if source.taps else Stepper(source, word_bits, self._hierarchy),
        )  # fmt: skip
        m.d.comb += [made.stored.eq(self.stored), made.shift.eq(self.shift), self.store.eq(made.store)]
        if not source.taps:
            m.d.comb += made.step.eq(self.step)
        return made.word

    def _root_wire(self, m: Module) -> Value:
        if self._sites == 1:
            return self.wires
        chosen = Signal(self._sites, reset_less=True)
        with m.If(self.pick):
            m.d.sync += chosen.eq(self.events)
        return (self.wires & chosen).any()

    def _dither(self, m: Module, word: Value) -> Value:
        """Bit ``place`` of the word, which a window is still making: in clock 2 + place, 1 + place shifts are over."""
        step, most = self._source.bits, self._spec.word_bits // self._source.bits
        late = [(most - min(1 + k, most)) * step if self._source.taps else 0 for k in range(self._spec.dither_bits)]
        return Value.cast(Array(word[k + shifts] for k, shifts in enumerate(late))[self.place])

    def _address(self, m: Module, bit: Value, clear: Value) -> Value:
        captured = Signal(self._spec.table_bits, reset_less=True)
        sign, outside = Signal(reset_less=True, name="sign"), Signal(reset_less=True, name="outside")
        with m.If(clear):
            m.d.sync += [captured.eq(0), sign.eq(0), outside.eq(0)]
        with m.Else():
            with m.If(self.capture):
                m.d.sync += captured.eq(Cat(captured, bit)[1:])
            with m.If(self.capture | self.beyond):
                m.d.sync += sign.eq(bit)
            with m.If(self.beyond & (bit != captured[-1])):
                m.d.sync += outside.eq(1)
        low = Cat(Mux(outside, ~sign, kept) for kept in captured[:-1])
        return Cat(low, sign) | self.host_address
