"""xoshiro128+: Blackman & Vigna, "Scrambled linear pseudorandom number generators" (ACM TOMS 47 (2021) 36).

A 128-bit linear engine whose output is scrambled by an addition; a 16-bit word is the upper half of the output,
since the lowest bits are the linear ones.
"""

from typing import Any

from thermofab.hw.rng.base import low32


class _Xoshiro128P:
    name = "xoshiro128+"
    state_words = 4
    window = False
    widest = 32

    def step(self, state: tuple[Any, ...], word_bits: int) -> tuple[tuple[Any, ...], Any]:
        s0, s1, s2, s3 = state
        output = low32(s0 + s3)
        t = low32(s1 << 9)
        s2 = s2 ^ s0
        s3 = s3 ^ s1
        s1 = s1 ^ s2
        s0 = s0 ^ s3
        s2 = s2 ^ t
        s3 = low32(s3 << 11) | (s3 >> 21)
        return (s0, s1, s2, s3), output >> (32 - word_bits)

    def create(self, word_bits: int) -> Any:
        from amaranth import Cat, Signal

        from thermofab.hw.rtl.common.generator import GeneratorComponent

        def logic(m, ports):
            s0, s1, s2, s3 = (ports.state.word_select(k, 32) for k in range(4))
            # Signals, not shared expressions: simulators would expand an expression at every use.
            total, n0, n1, n2, n3 = (Signal(32, name=name) for name in ("total", "n0", "n1", "n2", "n3"))
            m.d.comb += [
                total.eq(s0 + s3),
                n2.eq(s2 ^ s0),
                n3.eq(s3 ^ s1),
                n1.eq(s1 ^ n2),
                n0.eq(s0 ^ n3),
                ports.word.eq(total >> (32 - word_bits)),
                ports.next.eq(Cat(n0, n1, n2 ^ (s1 << 9)[:32], n3.rotate_left(11))),
            ]

        return GeneratorComponent(self, word_bits, logic)


XOSHIRO128P = _Xoshiro128P()
