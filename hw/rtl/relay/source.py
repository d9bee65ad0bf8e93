"""A draw unit's generator: the word drawn, and the states of its roots on their way from a memory and back.

The memory gives a root's state in words of ``DrawSource.bits``, lowest first, and takes the next state back in the same
way. All draw units do so in the same clocks (:mod:`thermofab.hw.rtl.relay.steps`).
"""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.plan import DrawSource
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace


class Window(wiring.Component):
    """A window: makes a memory word's worth of new bits in a clock, which are the word drawn and replace the oldest.

    Ports:
        stored: from the memory; in all clocks, it goes into a shift register of ``DrawSource.reach`` words.
        shift: the oldest words there make the next bits of ``word``, which enter at its top.
        word: the word drawn, after as many shifts as it has room for; store: the last bits made.
    """

    def __init__(self, source: DrawSource, word_bits: int) -> None:
        self._source = source
        super().__init__({**_ports(source, word_bits), "shift": In(1)})

    def elaborate(self, platform: Any) -> Module:
        m, source = Module(), self._source
        bits = source.bits
        read = Signal(bits * source.reach, reset_less=True)
        word = Signal(len(self.word), reset_less=True)
        m.d.sync += read.eq(Cat(read, self.stored)[bits:])
        made = Cat(Cat(read[tap + k] for tap in source.taps).xor() for k in range(bits))
        with m.If(self.shift):
            m.d.sync += word.eq(Cat(word, made)[bits:])
        m.d.comb += [self.word.eq(word), self.store.eq(word[-bits:])]
        return m


class Stepper(wiring.Component):
    """Any other generator: its state is shifted in, steps, and is shifted out again.

    Ports:
        stored: from the memory; shift: the word that came a clock before enters the state at its top.
        step: the state becomes the next one; word: what the step draws; store: the state's lowest bits.
    """

    def __init__(self, source: DrawSource, word_bits: int, hierarchy: Hierarchy | None = None) -> None:
        self._source, self._word_bits, self._hierarchy = source, word_bits, hierarchy or InPlace()
        super().__init__({**_ports(source, word_bits), "shift": In(1), "step": In(1)})

    def elaborate(self, platform: Any) -> Module:
        m, source = Module(), self._source
        held = Signal(source.bits, reset_less=True)
        word = Signal(self._word_bits, reset_less=True)
        state = Signal(source.bits * source.words, reset_less=True)
        generator = self._hierarchy.add(
            m, "generator", "generator", lambda: source.generator.create(self._word_bits), clocked=False
        )
        m.d.comb += [generator.state.eq(state), self.store.eq(state[: source.bits]), self.word.eq(word)]
        m.d.sync += held.eq(self.stored)
        with m.If(self.step):
            m.d.sync += [state.eq(generator.next), word.eq(generator.word)]
        with m.Elif(self.shift):
            m.d.sync += state.eq(Cat(state, held)[source.bits :])
        return m


def _ports(source: DrawSource, word_bits: int) -> dict[str, Any]:
    return {"stored": In(source.bits), "store": Out(source.bits), "word": Out(word_bits)}
