"""A p-dit cell: one variable of q states, updated as a whole, in gateware; what factor sites are measured against.

The cell goes through its states, two clocks each, and keeps one of those seen with the odds of its weight, which is a
draw from P(k) ∝ exp(2·step·F_k), F_k = b_k + Σ_j W_j[k, x_j]:

    L₀ = F₀;  at state k:  d = F_k - L,  x ← k with probability σ(2·step·d),  L ← max(L, F_k) + C[|d|],

C[|d|] = ln(1 + e^{-2·step·|d|}) / (2·step). σ is the p-bit's activation table, dither included; C is one more table.
Both tables are shared memories outside the cell, as the activation table is outside a lane of p-bits.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.common.datapath import high_bits, pipelined_sum, shift_bits, table_address
from thermofab.hw.spec import FabricSpec, generator

CLOCKS_A_STATE = 2
LATENCY = 5  # clocks from the first state's read to the commit, beyond two a state


class PditCell(wiring.Component):
    """A cell of ``2**bits`` states with ``neighbours`` neighbours, tables of ``weight_bits + 1`` bits.

    Ports: ``start`` begins an update; ``neighbour_k`` are states, steady for the update; ``state`` the cell's own;
    ``address``, ``threshold``, ``correction_address``, ``correction``: the shared tables, a clock after their address;
    ``seed_…``: the generator; ``write_…``: the tables of weights, one row of ports for all.
    """

    def __init__(self, spec: FabricSpec, bits: int, neighbours: int) -> None:
        self._spec, self._bits, self._neighbours = spec, bits, neighbours
        weight = spec.weight_bits + 1
        self._field = (spec.bias_max + neighbours * (2**weight // 2)).bit_length() + 1
        ports: dict[str, Any] = {
            "start": In(1),
            "done": Out(1),
            "state": Out(bits),
            "address": Out(spec.table_bits),
            "threshold": In(spec.threshold_bits),
            "correction_address": Out(spec.table_bits),
            "correction": In(spec.table_bits),
            "dither_mask": In(spec.dither_bits),
            "extra_shift": In(shift_bits(spec)),
            "seed_shift": In(1),
            "seed_in": In(32 * generator(spec.rng).state_words),
            "write_table": In(neighbours + 1),
            "write_index": In(2 * bits),
            "write_data": In(max(weight, spec.bias_bits)),
        }
        ports |= {f"neighbour_{k}": In(bits) for k in range(neighbours)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m, spec, bits = Module(), self._spec, self._bits
        ports: Any = self
        rng = generator(spec.rng)
        states = 2**bits
        candidate, phase, running = Signal(bits), Signal(), Signal()
        # Clock 0 of a state reads its field, clock 1 has the sum; the tables answer in the next state's clock 0.
        terms = [self._memory(m, "biases", spec.bias_bits, candidate, 2**bits, 0)]
        for k in range(self._neighbours):
            address = Cat(getattr(ports, f"neighbour_{k}"), candidate)
            terms.append(self._memory(m, f"weights_{k}", spec.weight_bits + 1, address, states**2, k + 1))
        field = pipelined_sum(m, terms, [3], [running & ~phase], self._field)

        step = m.submodules.generator = rng.create(spec.word_bits)
        held = Signal(32 * rng.state_words, reset_less=True)
        word = Signal(spec.word_bits, reset_less=True)
        m.d.comb += step.state.eq(held)
        with m.If(ports.seed_shift):
            m.d.sync += held.eq(ports.seed_in)
        with m.Elif(running & ~phase):
            m.d.sync += [held.eq(step.next), word.eq(step.word)]

        total, difference = Signal(signed(self._field + 2), reset_less=True), Signal(signed(self._field + 3))
        m.d.comb += difference.eq(field - total)
        dithered = difference + (word[: spec.dither_bits] & ports.dither_mask)
        m.d.comb += ports.address.eq(table_address(m, spec, dithered, ports.extra_shift if shift_bits(spec) else None))
        size = Signal(len(difference))
        m.d.comb += [
            size.eq(Mux(difference[-1], -difference, difference)),
            ports.correction_address.eq(Mux(size[spec.table_bits :].any(), 2**spec.table_bits - 1, size)),
        ]
        # A clock later: the comparison, and the new total. The first state takes both as they are.
        larger, compared = (
            Signal(signed(self._field + 2), reset_less=True),
            Signal(spec.threshold_bits, reset_less=True),
        )
        seen, first = Signal(bits, reset_less=True), Signal(reset_less=True)
        chosen = Signal(bits, reset_less=True)
        judging = Signal()
        with m.If(running & phase):
            m.d.sync += [
                larger.eq(Mux(difference[-1], total, field)),
                compared.eq(high_bits(spec, word)),
                seen.eq(candidate),
                first.eq(candidate == 0),
            ]
            with m.If(candidate == 0):
                m.d.sync += larger.eq(field)
        m.d.sync += judging.eq(running & phase)
        carried, switch = Signal(spec.threshold_bits + 2), Signal()
        m.d.comb += [carried.eq(Cat(1, compared) + Cat(1, ports.threshold)), switch.eq(first | ~carried[-1])]
        with m.If(judging):
            m.d.sync += total.eq(Mux(first, larger, larger + ports.correction))
            with m.If(switch):
                m.d.sync += chosen.eq(seen)
        last = Signal()
        m.d.sync += [last.eq(judging & (seen == states - 1)), ports.done.eq(last)]
        with m.If(last):
            m.d.sync += ports.state.eq(chosen)
        with m.If(running):
            # The total must have come before the next state is compared: it is taken in clock 0, and used in clock 1.
            m.d.sync += phase.eq(~phase)
            with m.If(phase):
                m.d.sync += candidate.eq(candidate + 1)
                with m.If(candidate == states - 1):
                    m.d.sync += running.eq(0)
        with m.If(ports.start):
            m.d.sync += [running.eq(1), phase.eq(0), candidate.eq(0)]
        return m

    def _memory(self, m: Module, name: str, width: int, address: Any, depth: int, number: int) -> Any:
        ports: Any = self
        memory = m.submodules[name] = Memory(shape=signed(width), depth=depth, init=[])
        read, write = memory.read_port(domain="comb"), memory.write_port()
        m.d.comb += [
            read.addr.eq(address),
            write.addr.eq(ports.write_index),
            write.data.eq(ports.write_data),
            write.en.eq(ports.write_table[number]),
        ]
        return read.data
