"""The top of a dense fabric: register bus in, samples out."""

from typing import Any

from amaranth import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from thermofab.hw.host.dense.architecture import DENSE
from thermofab.hw.host.dense.registers import dense_register_map
from thermofab.hw.rtl.common.bus import connect_top, top_ports
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.common.interfaces import PortGroup
from thermofab.hw.rtl.common.moments import MomentCounters
from thermofab.hw.rtl.common.phases import connect_phases
from thermofab.hw.rtl.common.readout import Readout
from thermofab.hw.rtl.common.sweeps import TURN, SweepSequencer
from thermofab.hw.rtl.dense.engine import READ, Engine, watched
from thermofab.hw.rtl.dense.host import DenseHost
from thermofab.hw.rtl.dense.order import EARLY, OrderWalk, issue_signature
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError
from thermofab.hw.spec.dense import dense_plan

# Clocks from ``swept`` to the states: the next entry is issued EARLY clocks after it, and read when they show.
LEAD = EARLY + READ
assert TURN < EARLY


class DenseTop(wiring.Component):
    """A whole fabric, in the clock domain ``sync``.

    Ports:
        bus_…, sample_…, busy: as those of :class:`thermofab.hw.rtl.spatial.top.SpatialTop`.
        state, sweep_done: to watch: the sites, and in this clock they are those after a sweep.
        draw, draw_site, draw_field, draw_high: to watch: see :class:`thermofab.hw.rtl.dense.engine.Engine`.
    """

    def __init__(self, spec: FabricSpec, hierarchy: Hierarchy | None = None) -> None:
        if spec.architecture != "dense":
            raise UnsupportedError(f"this generator builds architecture 'dense', not '{spec.architecture}'.")
        self._spec, self._hierarchy = spec, hierarchy or InPlace()
        self._plan, self._map = dense_plan(spec), dense_register_map(spec)
        super().__init__(
            {
                **top_ports(self._map.address_bits),
                "sweep_done": Out(1),
                **watched(self._plan).members,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        spec, plan, m = self._spec, self._plan, Module()
        add = self._hierarchy.add
        host = add(m, "host", "host", lambda: DenseHost(spec))
        sequencer = add(m, "sequencer", "sequencer", lambda: SweepSequencer(spec, LEAD))
        walk = add(m, "walk", "walk", lambda: OrderWalk(plan))
        engine = add(m, "engine", "engine", lambda: Engine(plan, self._hierarchy))
        readout = add(m, "readout", "readout", lambda: Readout(spec.n_sites))

        connect_top(m, self, host, readout.samples)
        wiring.connect(m, host.run, sequencer.run)
        connect_phases(m, host, sequencer)
        m.d.comb += [
            walk.restart.eq(host.run.start),
            walk.go.eq(sequencer.go),
            sequencer.swept.eq(walk.swept),
            walk.last.eq(host.last),
            walk.write.eq(host.order_write),
            walk.index.eq(host.index),
            walk.data.eq(host.data),
            engine.mask.eq(sequencer.mask),
            engine.busy.eq(sequencer.run.busy),
        ]
        wiring.connect(
            m, PortGroup(walk, "", issue_signature(plan)), PortGroup(engine, "", issue_signature(plan).flip())
        )
        wiring.connect(m, PortGroup(engine, "", watched(plan)), PortGroup(self, "", watched(plan).flip()))
        for name in ("states", "clamps", "bases", "tables", "weights", "seed"):
            m.d.comb += getattr(engine, f"{name}_write").eq(getattr(host, f"{name}_write"))
        m.d.comb += [engine.index.eq(host.index), engine.data.eq(host.data)]
        if spec.levels > 1:
            m.d.comb += engine.level.eq(sequencer.level)
        if spec.dither_bits:
            m.d.comb += engine.shift.eq(host.shift)

        m.d.comb += [
            readout.take.eq(sequencer.take & host.stream),
            readout.flush.eq(host.run.abort),
            readout.state.eq(engine.state),
            self.busy.eq(sequencer.run.busy),
            self.sweep_done.eq(sequencer.sweep_done),
        ]
        counted: Any = Const(1)
        if spec.moment_bits:
            moments = add(m, "moments", "moments", lambda: MomentCounters(spec))
            counted = moments.free
            m.d.comb += [
                moments.take.eq(sequencer.take & ~host.stream),
                moments.clear.eq(host.clear_moments),
                moments.state.eq(engine.state),
                moments.index.eq(host.read_index),
                moments.at_edges.eq(host.at_edges),
                moments.read.eq(host.read),
                host.full.eq(moments.full),
                host.moments_read.eq(moments.data),
            ]
        m.d.comb += sequencer.free.eq(readout.free & counted)
        return m


def dense_top(spec: FabricSpec, hierarchy: Hierarchy | None = None, image: Image | None = None) -> DenseTop:
    """See :class:`thermofab.hw.rtl.architectures.MakesTop`."""
    DENSE.refuse_built_in(image)
    return DenseTop(spec, hierarchy)
