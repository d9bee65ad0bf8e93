"""The arithmetic of an update: from partial sums and a random word to a table address and a new state.

F = Σ of the lane's chunks                              (pipelined_sum, with the dither u mod 2^shift as one term more)
a = clip((F + (u mod 2^shift)) >> shift, -A, A-1)       (table_address)
n = 1 if (u >> (W - t)) < T[a] else 0                   (high_bits, compared by the lane)
"""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal, Value, signed, unsigned

from thermofab.hw.spec import FabricSpec


def pipelined_sum(
    m: Module, terms: Sequence[Value], levels: Sequence[int], advance: Sequence[Value], bits: int
) -> Value:
    """The exact sum of signed ``terms``, registered after each stage of ``levels[k]`` additions one after another.

    Stage k's registers take what they are given in clocks with ``advance[k]``. Sums widen by one bit per level up to
    ``bits``, which hold every sum: nothing ever wraps.
    """
    row = list(terms)
    for stage, (depth, enable) in enumerate(zip(levels, advance)):
        for level in range(depth):
            row = add_pairs(m, row, f"sum_{stage}_{level}", bits)
        held = [Signal(term.shape(), name=f"partial_{stage}_{k}", reset_less=True) for k, term in enumerate(row)]
        with m.If(enable):
            m.d.sync += [register.eq(term) for register, term in zip(held, row)]
        row = held
    return row[0]


def add_pairs(m: Module, row: Sequence[Value], name: str, bits: int) -> list[Value]:
    """One level of a balanced tree."""
    sums: list[Value] = []
    for k in range(0, len(row) - 1, 2):
        # Kept, or Yosys merges the tree into one wide carry-save adder, which is more than twice as large.
        width = min(bits, max(len(row[k]), len(row[k + 1])) + 1)
        node = Signal(signed(width), name=f"{name}_{k // 2}", attrs={"keep": 1})
        m.d.comb += node.eq(row[k] + row[k + 1])
        sums.append(node)
    return sums + list(row[len(sums) * 2 :])


def shift_bits(spec: FabricSpec) -> int:
    """Width of ``shift - min_shift``; 0 where the fabric knows one shift only."""
    return (spec.dither_bits - spec.min_shift).bit_length()


def table_address(m: Module, spec: FabricSpec, dithered: Value, extra_shift: Value | None) -> Value:
    """Index a + A into the table, unsigned ``[table_bits]``, from ``F + (u mod 2^shift)``.

    ``extra_shift`` is shift - min_shift, None where the fabric knows one shift only.
    """
    shifted = dithered >> spec.min_shift
    if extra_shift is not None:
        shifted = shifted >> extra_shift
    index = Signal(unsigned(spec.table_bits), name="index")
    m.d.comb += index.eq(clipped(m, shifted, spec.table_bits).as_unsigned() ^ spec.table_size // 2)
    return index


def clipped(m: Module, value: Value, bits: int) -> Signal:
    """A signed ``value`` clipped to the range of ``bits`` signed bits."""
    wide = Signal(value.shape(), name="shifted")
    m.d.comb += wide.eq(value)
    half = 1 << (bits - 1)
    inside = Signal(signed(bits), name="clipped")
    if len(wide) > bits:
        # Beyond the table when the bits above its sign differ from the sign.
        above, sign = wide[bits - 1 : -1], wide[-1]
        beyond = Mux(sign, ~above.all(), above.any())
        m.d.comb += inside.eq(Mux(beyond, Mux(sign, -half, half - 1), wide))
    else:
        m.d.comb += inside.eq(wide)
    return inside


def high_bits(spec: FabricSpec, word: Value) -> Value:
    """The t bits of the word that are compared with the threshold; dither never reaches them."""
    return Value.cast(word[spec.word_bits - spec.threshold_bits :])
