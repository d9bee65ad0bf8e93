"""Generators: equal to their recurrence bit by bit for every state, and never stuck at zero."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportArgumentType=false

from typing import Any

from amaranth import Array, Cat, Elaboratable, Module, Signal, Value
from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume

from tests.formal.prove import Fault, Proof
from thermofab.hw.spec import generator

TAPS = {"lfsr64": (0, 1, 3, 4), "lfsr32": (0, 2, 6, 7)}


class SerialRecurrence(Elaboratable):
    """A leaping LFSR's word and next state are those of its recurrence, stepped a bit at a time."""

    def __init__(self, name: str, word_bits: int) -> None:
        self._name, self._word_bits = name, word_bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        rng = generator(self._name)
        logic = m.submodules.logic = rng.create(self._word_bits)
        state = Signal(32 * rng.state_words)
        m.d.comb += [state.eq(AnyConst(len(state))), logic.state.eq(state)]
        window: list[Value] = list(state)
        word: list[Value] = []
        for k in range(self._word_bits):
            bit = Signal(name=f"bit_{k}")
            taps = [window[tap] for tap in TAPS[self._name]]
            m.d.comb += bit.eq(taps[0] ^ taps[1] ^ taps[2] ^ taps[3])
            word.append(bit)
            window = [*window[1:], bit]
        m.d.comb += [Assert(logic.word == Cat(word)), Assert(logic.next == Cat(window))]
        return m


class Xoshiro(Elaboratable):
    """xoshiro128+ is the published update, written here from the paper's listing."""

    def __init__(self, word_bits: int) -> None:
        self._word_bits = word_bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        logic = m.submodules.logic = generator("xoshiro128+").create(self._word_bits)
        s = Array(Signal(32, name=f"s{k}") for k in range(4))
        m.d.comb += [*(own.eq(AnyConst(32)) for own in s), logic.state.eq(Cat(*s))]
        result, t, a2, a3 = Signal(32), Signal(32), Signal(32), Signal(32)
        m.d.comb += [
            result.eq(s[0] + s[3]),
            t.eq(s[1] << 9),
            a2.eq(s[2] ^ s[0]),
            a3.eq(s[3] ^ s[1]),
            Assert(logic.word == result[32 - self._word_bits :]),
            Assert(logic.next[32:64] == s[1] ^ a2),
            Assert(logic.next[0:32] == s[0] ^ a3),
            Assert(logic.next[64:96] == a2 ^ t),
            Assert(logic.next[96:128] == Cat(a3[21:], a3[:21])),
        ]
        return m


class NeverZero(Elaboratable):
    """A state that is not all zero steps to one that is not."""

    def __init__(self, name: str, word_bits: int) -> None:
        self._name, self._word_bits = name, word_bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        rng = generator(self._name)
        logic = m.submodules.logic = rng.create(self._word_bits)
        state = Signal(32 * rng.state_words)
        m.d.comb += [state.eq(AnyConst(len(state))), logic.state.eq(state)]
        m.d.comb += [Assume(state != 0), Assert(logic.next != 0)]
        return m


def _fault(name: str) -> Fault:
    return {
        "lfsr64": Fault("hw/rng/lfsr64.py", "for k in (0, 1, 3, 4)]\n            m.d", "for k in (0, 1, 3, 5)]\n            m.d"),
        "lfsr32": Fault("hw/rng/lfsr32.py", "s[0:16] ^ s[2:18]", "s[1:17] ^ s[2:18]"),
        "xoshiro128+": Fault("hw/rng/xoshiro128p.py", "n3.rotate_left(11)", "n3.rotate_left(12)"),
    }[name]  # fmt: skip


PROOFS = [
    *(
        Proof(
            f"{name} in {bits} bits", "word and next state are those of the recurrence, a bit at a time, for all states",
            lambda name=name, bits=bits: SerialRecurrence(name, bits), "bmc", 1, _fault(name),
        )
        for name, bits in (("lfsr64", 16), ("lfsr64", 32), ("lfsr32", 16))
    ),
    *(
        Proof(
            f"xoshiro128+ in {bits} bits", "word and next state are the published update's, for all states",
            lambda bits=bits: Xoshiro(bits), "bmc", 1, _fault("xoshiro128+"),
        )
        for bits in (16, 32)
    ),
    *(
        Proof(
            f"{name} never zero", "no state but zero steps to zero", lambda name=name: NeverZero(name, 16), "bmc", 1, fault,
        )
        for name, fault in (
            ("lfsr64", Fault("hw/rng/lfsr64.py", "Cat(ports.state[word_bits:], ports.word)", "Cat(ports.state[word_bits:], ports.word & ~ports.state[:word_bits])")),
            ("lfsr32", Fault("hw/rng/lfsr32.py", "Cat(s[16:], ports.word)", "Cat(s[16:], ports.word & ~s[:16])")),
            ("xoshiro128+", Fault("hw/rng/xoshiro128p.py", "n1.eq(s1 ^ n2)", "n1.eq(s1 & n2)")),
        )
    ),
]  # fmt: skip
