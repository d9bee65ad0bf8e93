"""The top of a relay fabric: register bus in, samples out."""

from typing import Any

from amaranth import Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from thermofab.hw.host.relay.architecture import RELAY
from thermofab.hw.host.relay.plan import plan_of
from thermofab.hw.host.relay.registers import relay_register_map
from thermofab.hw.rtl.common.bus import connect_top, top_ports
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.common.interfaces import PortGroup
from thermofab.hw.rtl.common.moments import MomentCounters
from thermofab.hw.rtl.common.phases import connect_phases
from thermofab.hw.rtl.common.readout import Readout
from thermofab.hw.rtl.common.sweeps import SweepSequencer
from thermofab.hw.rtl.relay.arrays import WRITES
from thermofab.hw.rtl.relay.fabric import RelayFabric
from thermofab.hw.rtl.relay.host import RelayHost
from thermofab.hw.rtl.relay.steps import lead_of
from thermofab.hw.spec import FabricSpec, Image


def relay_top(spec: FabricSpec, hierarchy: Hierarchy | None = None, image: Image | None = None) -> "RelayTop":
    """The entry in :mod:`thermofab.hw.rtl.architectures`."""
    RELAY.refuse_built_in(image)
    return RelayTop(spec, hierarchy)


class RelayTop(wiring.Component):
    """A whole fabric, in the clock domain ``sync``.

    Ports:
        bus_…, sample_…, busy: of every top, see docs/register-map-relay.md.
        state: ``[N]``, the wires of the sites, for observation: their states between sweeps, and all but those of the
            colour in hand during one.
        draw_adding, draw_bits: while the former is high, a bit of every draw unit's F + (u mod 2^shift), lowest first.
        sweep_done: in this clock ``state`` is the state after a sweep.
    """

    def __init__(self, spec: FabricSpec, hierarchy: Hierarchy | None = None) -> None:
        self._spec, self._hierarchy = spec, hierarchy or InPlace()
        super().__init__(
            {
                **top_ports(relay_register_map(spec).address_bits),
                "sweep_done": Out(1),
                "draw_adding": Out(1),
                "draw_bits": Out(len(plan_of(spec).units)),
                "state": Out(spec.n_sites),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        spec, plan, m = self._spec, plan_of(self._spec), Module()
        add = self._hierarchy.add
        host = add(m, "host", "host", lambda: RelayHost(spec))
        sequencer = add(m, "sequencer", "sequencer", lambda: SweepSequencer(spec, lead_of(plan)))
        readout = add(m, "readout", "readout", lambda: Readout(spec.n_sites))
        fabric = add(m, "fabric", "fabric", lambda: RelayFabric(plan, self._hierarchy))

        connect_top(m, self, host, readout.samples)
        wiring.connect(m, host.run, sequencer.run)
        connect_phases(m, host, sequencer)
        m.d.comb += [
            sequencer.hold.eq(fabric.loading),
            sequencer.swept.eq(fabric.swept),
        ]
        for name in ("go", "level", "mask"):
            m.d.comb += getattr(fabric, name).eq(getattr(sequencer, name))
        m.d.comb += fabric.busy.eq(sequencer.run.busy)
        for name in ("last_colour", "field_bits", "shift", "load", "rewind", "index"):
            m.d.comb += getattr(fabric, name).eq(getattr(host, name))
        wiring.connect(m, PortGroup(host, "", WRITES), PortGroup(fabric, "", WRITES.flip()))
        m.d.comb += [
            readout.take.eq(sequencer.take & host.stream),
            readout.flush.eq(host.run.abort),
            readout.state.eq(fabric.state),
            self.busy.eq(sequencer.run.busy),
            self.sweep_done.eq(sequencer.sweep_done),
            self.draw_adding.eq(fabric.draw_adding),
            self.draw_bits.eq(fabric.draw_bits),
            self.state.eq(fabric.state),
        ]
        counted = self._count(m, host, sequencer, fabric) if spec.moment_bits else Const(1)
        m.d.comb += sequencer.free.eq(readout.free & counted)
        return m

    def _count(self, m: Module, host: Any, sequencer: Any, fabric: Any) -> Value:
        """The counters of moments; whether they can take a sample."""
        moments = self._hierarchy.add(m, "moments", "moments", lambda: MomentCounters(self._spec))
        m.d.comb += [
            moments.take.eq(sequencer.take & ~host.stream),
            moments.clear.eq(host.clear_moments),
            moments.state.eq(fabric.state),
            moments.index.eq(host.read_index),
            moments.at_edges.eq(host.at_edges),
            moments.read.eq(host.read),
            host.full.eq(moments.full),
            host.moments_read.eq(moments.data),
        ]
        return moments.free
