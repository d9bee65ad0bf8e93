"""The p-bit: one site's state, its generator, and its update."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.datapath import field_sum, high_bits, table_address
from thermofab.hw.rtl.hierarchy import Hierarchy, InPlace
from thermofab.hw.spec import FabricSpec, generator


def shift_bits(spec: FabricSpec) -> int:
    """Width of ``shift - min_shift``; 0 where the fabric knows one shift only."""
    return (spec.dither_bits - spec.min_shift).bit_length()


class PBit(wiring.Component):
    """A site of ``degree`` neighbours. Sites of one degree are the same module: all that tells them apart comes in.

    In a clock with ``update`` high the generator steps and, unless ``clamped``, the state becomes
    ``high_bits(word) < threshold``, where ``threshold`` is the table's answer to ``address`` in the same clock.

    Ports:
        update: this site's colour has its clock.
        clamped: keep the state (the generator still steps).
        bias, weight_k, neighbour_k: signed b; the weight of the edge to neighbour k, and that neighbour's state.
        dither_mask, extra_shift: see :func:`thermofab.hw.rtl.datapath.table_address`.
        address, threshold: to and from the activation table.
        state_load, state_value: overwrite the state.
        seed_shift, seed_in, seed_out: the generators of all sites form one chain of 32-bit words; a word enters at
            the top and the lowest leaves for the next site.
        state: n.
    """

    def __init__(self, spec: FabricSpec, degree: int, hierarchy: Hierarchy | None = None) -> None:
        self._spec, self._degree = spec, degree
        self._hierarchy = hierarchy or InPlace()
        ports: dict[str, Any] = {
            "update": In(1),
            "clamped": In(1),
            "bias": In(spec.bias_bits),
            "address": Out(spec.table_bits),
            "threshold": In(spec.threshold_bits),
            "state_load": In(1),
            "state_value": In(1),
            "seed_shift": In(1),
            "seed_in": In(32),
            "seed_out": Out(32),
            "state": Out(1),
        }
        for k in range(degree):
            ports |= {f"weight_{k}": In(spec.weight_bits), f"neighbour_{k}": In(1)}
        if spec.dither_bits:
            ports["dither_mask"] = In(spec.dither_bits)
        if shift_bits(spec):
            ports["extra_shift"] = In(shift_bits(spec))
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        spec, m = self._spec, Module()
        ports: Any = self
        rng = generator(spec.rng)
        module = spec.rng.replace("+", "p")
        step = self._hierarchy.add(m, "generator", module, lambda: rng.create(spec.word_bits), clocked=False)
        # Neither generator nor state is reset: the host loads both, and a reset net to every site costs routing.
        rng_state = Signal(32 * rng.state_words, reset_less=True)
        state = Signal(reset_less=True)
        m.d.comb += ports.state.eq(state)
        m.d.comb += [step.state.eq(rng_state), ports.seed_out.eq(rng_state[:32])]

        inputs = [
            (getattr(ports, f"weight_{k}").as_signed(), getattr(ports, f"neighbour_{k}")) for k in range(self._degree)
        ]
        field = field_sum(m, ports.bias.as_signed(), inputs)
        mask = ports.dither_mask if spec.dither_bits else None
        extra = ports.extra_shift if shift_bits(spec) else None
        m.d.comb += ports.address.eq(table_address(m, spec, field, step.word, mask, extra))

        with m.If(ports.update):
            m.d.sync += rng_state.eq(step.next)
            with m.If(~ports.clamped):
                m.d.sync += state.eq(high_bits(spec, step.word) < ports.threshold)
        with m.If(ports.state_load):
            m.d.sync += state.eq(ports.state_value)
        with m.If(ports.seed_shift):
            m.d.sync += rng_state.eq(Cat(rng_state[32:], ports.seed_in))
        return m
