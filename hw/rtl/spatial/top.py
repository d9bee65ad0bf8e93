"""The top of a spatial fabric: register bus in, samples out."""

from typing import Any

from amaranth import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.rtl.common.bus import connect_bus, top_ports
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.common.moments import Moments
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

    Ports:
        bus_…: the register bus, see :mod:`thermofab.hw.rtl.spatial.host` and docs/register-map.md.
        sample_valid, sample_ready, sample_payload, sample_last: the read-out, ceil(N/32) words a sample.
        busy: a run is going on.
        state: ``[N]``, the sites, for observation.
        sweep_done: in this clock ``state`` is the state after a sweep.
    """

    def __init__(self, spec: FabricSpec, hierarchy: Hierarchy | None = None, image: Image | None = None) -> None:
        require_spatial(spec)
        if image is not None:
            check_image(image, spec)
        self._spec, self._hierarchy, self._image = spec, hierarchy or InPlace(), image
        self._map = spatial_register_map(spec, image)
        super().__init__(
            {
                **top_ports(self._map.address_bits),
                "sweep_done": Out(1),
                "state": Out(spec.n_sites),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        spec, image, plan, m = self._spec, self._image, plan_lanes(self._spec), Module()
        ports: Any = self
        add = self._hierarchy.add
        host = add(m, "host", "host_bus", lambda: HostBus(spec, image))
        sequencer = add(m, "sequencer", "sequencer", lambda: Sequencer(plan))
        readout = add(m, "readout", "readout", lambda: Readout(spec.n_sites))
        fabric = add(m, "fabric", "fabric", lambda: SpatialFabric(plan, self._hierarchy, image))

        m.d.comb += connect_bus(host, ports)
        for name in ("busy", "done", "aborted", "cycles", "stalls", "sweeps"):
            m.d.comb += getattr(host, name).eq(getattr(sequencer, name))
        for name in ("start", "abort", "phases", "samples", "steps", "read", "write_data"):
            m.d.comb += getattr(sequencer, name).eq(getattr(host, name))
        m.d.comb += [
            sequencer.base_level.eq(host.level),
            sequencer.base_mask.eq(host.mask),
            sequencer.phase_index.eq(host.index),
        ]
        for name in ("sweeps", "level", "mask"):
            m.d.comb += [
                getattr(sequencer, f"phase_write_{name}").eq(getattr(host, f"phase_{name}_write")),
                getattr(host, f"phase_{name}_read").eq(getattr(sequencer, f"phase_read_{name}")),
            ]
        for name in ("issue", "slot", "mask", "busy", *(["level"] if spec.levels > 1 else [])):
            m.d.comb += getattr(fabric, name).eq(getattr(sequencer, name))
        for name in ("clamps", "write_data", "states_write", "seed_write", "tables_write"):
            m.d.comb += getattr(fabric, name).eq(getattr(host, name))
        m.d.comb += [
            fabric.tables_index.eq(host.index),
            fabric.seed_clear.eq(host.abort),
            host.tables_read.eq(fabric.tables_read),
            host.state.eq(fabric.state),
        ]
        if spec.dither_bits:
            m.d.comb += fabric.shift.eq(host.shift)
        m.d.comb += [
            readout.take.eq(sequencer.take & host.stream),
            readout.flush.eq(host.abort),
            readout.state.eq(fabric.state),
            readout.ready.eq(ports.sample_ready),
            ports.sample_valid.eq(readout.valid),
            ports.sample_payload.eq(readout.payload),
            ports.sample_last.eq(readout.last),
            ports.busy.eq(sequencer.busy),
            ports.sweep_done.eq(sequencer.sweep_done),
            ports.state.eq(fabric.state),
        ]
        if image is None:
            self._load(m, add(m, "loader", "coefficient_loader", lambda: CoefficientLoader(plan)),
                       host, sequencer, fabric)  # fmt: skip
        counted = Const(1)
        if spec.moment_bits:
            moments = add(m, "moments", "moments", lambda: Moments(spec))
            counted = moments.free
            self._count(m, moments, host, sequencer, fabric)
        m.d.comb += sequencer.free.eq(readout.free & counted)
        return m

    def _load(self, m: Module, loader: Any, host: Any, sequencer: Any, fabric: Any) -> None:
        """The loader between the host and the lanes; it puts a run's first sweep off."""
        for name in ("start", "abort", "write_data", "read"):
            m.d.comb += getattr(loader, name).eq(getattr(host, name))
        m.d.comb += sequencer.hold.eq(loader.busy)
        for name in ("weights", "biases", "factors"):
            if name.upper() in self._map.names:
                m.d.comb += [
                    getattr(loader, f"{name}_write").eq(getattr(host, f"{name}_write")),
                    getattr(loader, f"{name}_index").eq(host.index),
                    getattr(host, f"{name}_read").eq(getattr(loader, f"{name}_read")),
                ]
        for name in ("write", "index", "data"):
            m.d.comb += getattr(fabric, f"coefficient_{name}").eq(getattr(loader, f"coefficient_{name}"))

    def _count(self, m: Module, moments: Any, host: Any, sequencer: Any, fabric: Any) -> None:
        m.d.comb += [
            moments.take.eq(sequencer.take & ~host.stream),
            moments.clear.eq(host.clear_moments),
            moments.state.eq(fabric.state),
            moments.index.eq(host.index[: self._map["MOMENTS_SITES"].index_bits]),
            moments.read.eq(host.read),
            host.full.eq(moments.full),
            host.moments_sites_read.eq(moments.data),
        ]
        if "MOMENTS_EDGES" in self._map.names:
            m.d.comb += [moments.at_edges.eq(host.at_edges), host.moments_edges_read.eq(moments.data)]
            with m.If(host.at_edges):
                m.d.comb += moments.index.eq(host.index[: self._map["MOMENTS_EDGES"].index_bits])
