"""The top of a spatial fabric: register bus in, samples out."""

from collections.abc import Sequence
from typing import Any

from amaranth import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.rtl.common.bus import connect_top, top_ports
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.common.moments import MomentCounters
from thermofab.hw.rtl.common.phases import connect_phases
from thermofab.hw.rtl.common.readout import Readout
from thermofab.hw.rtl.common.sequencer import Sequencer
from thermofab.hw.rtl.spatial.coefficients import CoefficientLoader
from thermofab.hw.rtl.spatial.fabric import SpatialFabric
from thermofab.hw.rtl.spatial.host import HostBus
from thermofab.hw.spec import FabricSpec, Image, UnsupportedError, check_image


def require_spatial(spec: FabricSpec) -> None:
    """Raise ``UnsupportedError`` unless the fabric's architecture is the one built here."""
    if spec.architecture != "spatial":
        raise UnsupportedError(
            f"this generator builds architecture 'spatial', but the fabric asks for '{spec.architecture}'; "
            "use fabric(spec, architecture='spatial'), which computes the same bits."
        )


class SpatialTop(wiring.Component):
    """A whole fabric, in the clock domain ``sync``.

    Args:
        spec: the fabric.
        hierarchy: where its modules go.
        image: an image whose weights and biases are fixed at elaboration; None for a fabric that loads them.
        ghosts: sites that always keep their state, of a tile whose neighbours give it; None for a whole fabric.

    Ports:
        bus_…: the register bus, see :mod:`thermofab.hw.rtl.spatial.host` and docs/register-map.md.
        sample_valid, sample_ready, sample_payload, sample_last: the read-out, ceil(N/32) words per sample.
        busy: a run is going on.
        state: ``[N]``, the sites, for observation.
        sweep_done: in this clock ``state`` is the state after a sweep.
        ghost_load, ghost_value: a strobe and a state for each ghost; wait, linger, stepped: the sequencer's. Of a tile.
    """

    def __init__(
        self,
        spec: FabricSpec,
        hierarchy: Hierarchy | None = None,
        image: Image | None = None,
        ghosts: Sequence[int] | None = None,
    ) -> None:
        require_spatial(spec)
        if image is not None:
            check_image(image, spec)
        self._spec, self._hierarchy, self._image = spec, hierarchy or InPlace(), image
        self._ghosts = ghosts
        self._map = spatial_register_map(spec, image)
        ports = {**top_ports(self._map.address_bits), "sweep_done": Out(1), "state": Out(spec.n_sites)}
        if ghosts is not None:
            ports |= {"ghost_load": In(len(ghosts)), "ghost_value": In(len(ghosts))}
            ports |= {"wait": In(1), "linger": In(1), "stepped": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        spec, image, plan, m = self._spec, self._image, plan_lanes(self._spec), Module()
        add = self._hierarchy.add
        host = add(m, "host", "host_bus", lambda: HostBus(spec, image))
        sequencer = add(m, "sequencer", "sequencer", lambda: Sequencer(plan, waits=self._ghosts is not None))
        readout = add(m, "readout", "readout", lambda: Readout(spec.n_sites))
        ghosts = self._ghosts or ()
        fabric = add(m, "fabric", "fabric", lambda: SpatialFabric(plan, self._hierarchy, image, ghosts))

        connect_top(m, self, host, readout.samples)
        wiring.connect(m, host.run, sequencer.run)
        connect_phases(m, host, sequencer)
        wiring.connect(m, host.tables, fabric.tables)
        m.d.comb += [
            fabric.issue.eq(sequencer.issue),
            fabric.slot.eq(sequencer.slot),
            fabric.mask.eq(sequencer.mask),
            fabric.busy.eq(sequencer.run.busy),
            fabric.clamps.eq(host.clamps),
            fabric.write_data.eq(host.write_data),
            fabric.states_write.eq(host.states_write),
            fabric.seed_write.eq(host.seed_write),
            fabric.seed_clear.eq(host.run.abort),
            host.state.eq(fabric.state),
        ]
        if spec.levels > 1:
            m.d.comb += fabric.level.eq(sequencer.level)
        if spec.dither_bits:
            m.d.comb += fabric.shift.eq(host.shift)
        m.d.comb += [
            readout.take.eq(sequencer.take & host.stream),
            readout.flush.eq(host.run.abort),
            readout.state.eq(fabric.state),
            self.busy.eq(sequencer.run.busy),
            self.sweep_done.eq(sequencer.sweep_done),
            self.state.eq(fabric.state),
        ]
        if image is None:
            self._load(m, add(m, "loader", "coefficient_loader", lambda: CoefficientLoader(plan)),
                       host, sequencer, fabric)  # fmt: skip
        if self._ghosts is not None:
            m.d.comb += [
                sequencer.wait.eq(self.wait),
                sequencer.linger.eq(self.linger),
                self.stepped.eq(sequencer.stepped),
            ]
        if ghosts:
            m.d.comb += [fabric.ghost_load.eq(self.ghost_load), fabric.ghost_value.eq(self.ghost_value)]
        counted = Const(1)
        if spec.moment_bits:
            moments = add(m, "moments", "moments", lambda: MomentCounters(spec))
            counted = moments.free
            self._count(m, moments, host, sequencer, fabric)
        m.d.comb += sequencer.free.eq(readout.free & counted)
        return m

    def _load(self, m: Module, loader: Any, host: Any, sequencer: Any, fabric: Any) -> None:
        """The loader between the host and the lanes; it puts a run's first sweep off."""
        m.d.comb += [loader.start.eq(host.run.start), loader.abort.eq(host.run.abort), sequencer.hold.eq(loader.busy)]
        wiring.connect(m, loader.chunks, fabric.chunks)
        wiring.connect(m, host.biases, loader.biases)
        if "WEIGHTS" in self._map.names:
            wiring.connect(m, host.weights, loader.weights)
        if "FACTORS" in self._map.names:
            wiring.connect(m, host.factors, loader.factors)

    def _count(self, m: Module, moments: Any, host: Any, sequencer: Any, fabric: Any) -> None:
        m.d.comb += [
            moments.take.eq(sequencer.take & ~host.stream),
            moments.clear.eq(host.clear_moments),
            moments.state.eq(fabric.state),
            moments.index.eq(host.moments_sites.index),
            moments.read.eq(host.moments_sites.read),
            host.full.eq(moments.full),
            host.moments_sites.read_data.eq(moments.data),
        ]
        if "MOMENTS_EDGES" in self._map.names:
            m.d.comb += [moments.at_edges.eq(host.at_edges), host.moments_edges.read_data.eq(moments.data)]
            with m.If(host.at_edges):
                m.d.comb += moments.index.eq(host.moments_edges.index)
