"""The field of a site, one clock per level of adders: F = b + Σ_j (n_j ? w_j : -w_j).

Summed as b + Σ_j (w_j xor m_j) + Σ_j m_j with m_j = 1 where n_j = 0: a negation is an inversion and a carry. A binary
tree over a bias and D weights has D adders, and each takes one of the D carries. Every level is a bit wider than the
one before, so nothing wraps.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.systolic.timing import adder_levels


class FieldSum(wiring.Component):
    """F of the weights, bias and states of every clock.

    Ports:
        states: ``[D]``; weight_k, bias: signed; factor_k: what else is added, a clock later; field: signed,
            ``adder_levels(D, factors)`` clocks later.

    Args:
        inputs: D.
        weight_bits, bias_bits: widths.
        field_bits: width of the field, enough for the largest |F|.
        factors: how many of those there are.
    """

    def __init__(self, inputs: int, weight_bits: int, bias_bits: int, field_bits: int, factors: int = 0) -> None:
        self._inputs, self._factors = inputs, factors
        ports: dict[str, Any] = {"bias": In(signed(bias_bits)), "field": Out(signed(field_bits))}
        if inputs:
            ports["states"] = In(inputs)
        ports |= {f"weight_{k}": In(signed(weight_bits)) for k in range(inputs)}
        ports |= {f"factor_{k}": In(signed(weight_bits + 1)) for k in range(factors)}
        super().__init__(ports)

    def built_with(self) -> dict[str, object]:
        return {"inputs": self._inputs, "factors": self._factors}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        weights = [getattr(self, f"weight_{k}") for k in range(self._inputs)]
        states = list(self.states) if self._inputs else []
        nodes: list[Any] = [Mux(n, w, ~w) for n, w in zip(states, weights)] + [self.bias]
        carries: list[Value] = [~n for n in states]
        for level in range(adder_levels(self._inputs, self._factors)):
            nodes, carries = _level(m, level, nodes, carries)
            if level == 0:
                nodes += [getattr(self, f"factor_{k}") for k in range(self._factors)]
        m.d.comb += self.field.eq(nodes[0])
        return m


def _level(m: Module, level: int, nodes: list[Value], carries: list[Value]) -> tuple[list[Value], list[Value]]:
    """Pairs of nodes summed, each with a carry; what is left over waits a clock."""
    pairs = len(nodes) // 2
    carries = [*carries, *[Const(0, 1)] * max(0, pairs - len(carries))]
    after: list[Value] = []
    for k in range(pairs):
        a, b = nodes[2 * k], nodes[2 * k + 1]
        total = Signal(signed(max(len(a), len(b)) + 1), name=f"sum_{level}_{k}", reset_less=True)
        # One adder with a carry-in: its lowest bit adds 1 and the carry, and is dropped.
        m.d.sync += total.eq((Cat(Const(1, 1), a).as_signed() + Cat(carries[k], b).as_signed()) >> 1)
        after.append(total)
    for value in nodes[2 * pairs :]:
        kept = Signal(value.shape(), name=f"kept_{level}", reset_less=True)
        m.d.sync += kept.eq(value)
        after.append(kept)
    waiting: list[Value] = []
    for k, value in enumerate(carries[pairs:]):
        carry = Signal(name=f"carry_{level}_{k}", reset_less=True)
        m.d.sync += carry.eq(value)
        waiting.append(carry)
    return after, waiting
