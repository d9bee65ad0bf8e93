"""The field and the table address are exact, for all weights, biases, states and words at small sizes."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from typing import Any

from amaranth import Elaboratable, Module, Mux, Signal, signed
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert

from tests.formal.prove import Fault, Proof
from thermofab.hw.host.systolic.timing import adder_levels
from thermofab.hw.rtl.common.datapath import clipped
from thermofab.hw.rtl.systolic.field import FieldSum


class FieldIsExact(Elaboratable):
    """F = b + Σ ±w, in integers of Python's kind, after the tree's clocks; inputs change in every clock."""

    def __init__(self, inputs: int, weight_bits: int, bias_bits: int) -> None:
        self._inputs, self._weight_bits, self._bias_bits = inputs, weight_bits, bias_bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # One more than |F| needs: the lowest weight, which images cannot hold, is summed exactly too.
        bits = (2 ** (self._bias_bits - 1) + self._inputs * 2 ** (self._weight_bits - 1)).bit_length() + 1
        tree = m.submodules.tree = FieldSum(self._inputs, self._weight_bits, self._bias_bits, bits)
        bias, expected = Signal(signed(self._bias_bits)), Signal(signed(bits))
        m.d.comb += [bias.eq(AnySeq(self._bias_bits)), tree.bias.eq(bias)]
        total = bias
        for k in range(self._inputs):
            weight, state = Signal(signed(self._weight_bits), name=f"weight_{k}"), Signal(name=f"state_{k}")
            m.d.comb += [weight.eq(AnySeq(self._weight_bits)), state.eq(AnySeq(1))]
            m.d.comb += [getattr(tree, f"weight_{k}").eq(weight), tree.states[k].eq(state)]
            total = total + Mux(state, weight, -weight)
        m.d.comb += expected.eq(total)
        clocks = Signal(range(8))
        later = expected
        for k in range(adder_levels(self._inputs)):
            delayed = Signal(signed(bits), name=f"expected_{k}")
            m.d.sync += delayed.eq(later)
            later = delayed
        with m.If(clocks < adder_levels(self._inputs)):
            m.d.sync += clocks.eq(clocks + 1)
        with m.Else():
            m.d.comb += Assert(tree.field == later)
        return m


class ClipIsExact(Elaboratable):
    def __init__(self, width: int, bits: int) -> None:
        self._width, self._bits = width, bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        value, result = Signal(signed(self._width)), Signal(signed(self._bits))
        low, high = -(2 ** (self._bits - 1)), 2 ** (self._bits - 1) - 1
        m.d.comb += [value.eq(AnySeq(self._width)), result.eq(clipped(m, value, self._bits))]
        m.d.comb += Assert(result == Mux(value < low, low, Mux(value > high, high, value)))
        return m


PROOFS = [
    *(
        Proof(
            f"field of {inputs} neighbours", f"F = b + Σ ±w exactly, for all {weight}-bit weights, {bias}-bit biases and "
            "states, a new one every clock", lambda a=(inputs, weight, bias): FieldIsExact(*a), "bmc", depth,
            Fault("hw/rtl/systolic/field.py", "for k, value in enumerate(carries[pairs:]):", "for k, value in enumerate(carries[:pairs]):")
            if inputs > 1 else Fault("hw/rtl/systolic/field.py", "Mux(n, w, ~w)", "Mux(n, w, w)"),
        )
        for inputs, weight, bias, depth in ((1, 8, 12, 4), (3, 4, 5, 5), (4, 4, 5, 6), (5, 3, 4, 6))
    ),
    Proof(
        "clip", "the table address is clipped to its range, for all fields of 13 bits",
        lambda: ClipIsExact(13, 8), "bmc", 1,
        Fault("hw/rtl/common/datapath.py", "Mux(sign, -half, half - 1)", "Mux(sign, -half, half)"),
    ),
]  # fmt: skip
