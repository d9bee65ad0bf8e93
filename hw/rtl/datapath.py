"""The arithmetic of a p-bit: from neighbours' states and a random word to a table address and a new state.

F = b + Σ_j w_j s_j,   s = 2n - 1                       (field_sum)
a = clip((F + (u mod 2^shift)) >> shift, -A, A-1)       (table_address)
n = 1 if (u >> (W - t)) < T[a] else 0                   (high_bits, compared by the p-bit)
"""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal, Value, signed, unsigned

from thermofab.hw.spec import FabricSpec


def field_sum(m: Module, bias: Value, neighbours: Sequence[tuple[Value, Value]]) -> Value:
    """F from ``(weight, state)`` of each neighbour, signed and exact: a balanced tree of sums that widen by a bit a
    level, so that nothing ever wraps.
    """
    terms: list[Value] = [bias] + [Mux(state, weight, -weight) for weight, state in neighbours]
    level = 0
    while len(terms) > 1:
        sums: list[Value] = []
        for k in range(0, len(terms) - 1, 2):
            total = terms[k] + terms[k + 1]
            node = Signal(total.shape(), name=f"sum_{level}_{k // 2}")
            m.d.comb += node.eq(total)
            sums.append(node)
        terms = sums + terms[len(sums) * 2 :]
        level += 1
    return terms[0]


def table_address(
    m: Module, spec: FabricSpec, field: Value, word: Value, dither_mask: Value | None, extra_shift: Value | None
) -> Value:
    """Index a + A into the table, unsigned ``[table_bits]``.

    ``dither_mask`` is 2^shift - 1 (``[dither_bits]``; None for a fabric without dither) and ``extra_shift`` is
    shift - min_shift (None where the fabric knows one shift only). The fabric makes both once for all p-bits.
    """
    dithered = field if dither_mask is None else field + (word[: spec.dither_bits] & dither_mask)
    shifted = dithered >> spec.min_shift
    if extra_shift is not None:
        shifted = shifted >> extra_shift
    wide = Signal(shifted.shape(), name="shifted")
    m.d.comb += wide.eq(shifted)
    half = spec.table_size // 2
    clipped = Signal(signed(spec.table_bits), name="clipped")
    if len(wide) > spec.table_bits:
        m.d.comb += clipped.eq(Mux(wide >= half, half - 1, Mux(wide < -half, -half, wide)))
    else:
        m.d.comb += clipped.eq(wide)
    index = Signal(unsigned(spec.table_bits), name="index")
    m.d.comb += index.eq(clipped.as_unsigned() ^ half)
    return index


def high_bits(spec: FabricSpec, word: Value) -> Value:
    """The t bits of the word that are compared with the threshold; dither never reaches them."""
    return Value.cast(word[spec.word_bits - spec.threshold_bits :])
