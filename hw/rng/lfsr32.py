"""LFSR32: a 32-bit Fibonacci shift register over x^32 + x^7 + x^6 + x^2 + 1, leaping 16 bits per step.

The bit sequence obeys b[k+32] = b[k] ^ b[k+2] ^ b[k+6] ^ b[k+7]; the state is the window b[k…k+31], b[k] in bit 0.
Half the flip-flops of LFSR64; period 2^32 - 1, so runs beyond 10^9 sweeps repeat.
"""

from typing import Any


class _LFSR32:
    name = "lfsr32"
    state_words = 1
    window = True
    widest = 16

    def step(self, state: tuple[Any, ...], word_bits: int) -> tuple[tuple[Any, ...], Any]:
        (s,) = state
        word = (s ^ (s >> 2) ^ (s >> 6) ^ (s >> 7)) & 0xFFFF
        return ((s >> 16) | (word << 16),), word

    def create(self, word_bits: int) -> Any:
        from amaranth import Cat

        from thermofab.hw.rtl.common.generator import GeneratorComponent

        def logic(m, ports):
            s = ports.state
            m.d.comb += ports.word.eq(s[0:16] ^ s[2:18] ^ s[6:22] ^ s[7:23])
            m.d.comb += ports.next.eq(Cat(s[16:], ports.word))

        return GeneratorComponent(self, word_bits, logic)


LFSR32 = _LFSR32()
