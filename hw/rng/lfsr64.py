"""LFSR64: a 64-bit Fibonacci shift register over x^64 + x^4 + x^3 + x + 1, leaping one word per step.

The bit sequence obeys b[k+64] = b[k] ^ b[k+1] ^ b[k+3] ^ b[k+4]; the state is the window b[k…k+63], b[k] in bit 0 of
word 0. One step makes ``word_bits`` new bits at once (the word) and moves the window past them. The polynomial is
primitive (Živković, "A table of primitive binary polynomials", Math. Comp. 62 (1994) 385), period 2^64 - 1.
"""

from typing import Any

from thermofab.hw.rng.base import low32


class _LFSR64:
    name = "lfsr64"
    state_words = 2
    window = True
    widest = 32

    def step(self, state: tuple[Any, ...], word_bits: int) -> tuple[tuple[Any, ...], Any]:
        low, high = state
        if word_bits == 32:
            tapped = [low] + [(low >> k) | low32(high << (32 - k)) for k in (1, 3, 4)]
            word = tapped[0] ^ tapped[1] ^ tapped[2] ^ tapped[3]
            return (high, word), word
        word = (low ^ (low >> 1) ^ (low >> 3) ^ (low >> 4)) & 0xFFFF
        return ((low >> 16) | low32(high << 16), (high >> 16) | (word << 16)), word

    def create(self, word_bits: int) -> Any:
        from amaranth import Cat

        from thermofab.hw.rtl.common.generator import GeneratorComponent

        def logic(m, ports):
            taps = [ports.state[k : k + word_bits] for k in (0, 1, 3, 4)]
            m.d.comb += ports.word.eq(taps[0] ^ taps[1] ^ taps[2] ^ taps[3])
            m.d.comb += ports.next.eq(Cat(ports.state[word_bits:], ports.word))

        return GeneratorComponent(self, word_bits, logic)


LFSR64 = _LFSR64()
