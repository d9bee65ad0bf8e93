"""The top of a spatial fabric: register bus in, samples out."""

from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.fabric import MEMORIES, SpatialFabric
from thermofab.hw.rtl.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.host import HostBus
from thermofab.hw.rtl.readout import Readout
from thermofab.hw.rtl.registers import register_map
from thermofab.hw.rtl.sequencer import Sequencer
from thermofab.hw.spec import FabricSpec, UnsupportedError


def fabric_top(spec: FabricSpec, hierarchy: Hierarchy | None = None) -> Any:
    """The top of a fabric of whatever architecture: a component with the ports ``bus_…``, ``sample_…`` and ``busy``
    of :class:`SpatialTop`.
    """
    return SpatialTop(spec, hierarchy)


def require_spatial(spec: FabricSpec) -> None:
    """Raise ``UnsupportedError`` unless the fabric's architecture is the one built here."""
    if spec.architecture != "spatial":
        raise UnsupportedError(
            f"this generator builds architecture 'spatial', but the fabric asks for '{spec.architecture}'; "
            "use fabric(spec, architecture='spatial'), which computes the same bits."
        )


class SpatialTop(wiring.Component):
    """A whole fabric, in the clock domain ``sync``.

    Ports:
        bus_…: the register bus, see :mod:`thermofab.hw.rtl.host` and docs/register-map.md.
        sample_valid, sample_ready, sample_payload, sample_last: the read-out, ceil(N/32) words a sample.
        busy: a run is going on.
        state: ``[N]``, the sites, for observation.
        sweep_done: high in the clock after a sweep's last colour, when ``state`` is the state after that sweep.
    """

    def __init__(self, spec: FabricSpec, hierarchy: Hierarchy | None = None) -> None:
        require_spatial(spec)
        self._spec, self._hierarchy = spec, hierarchy or InPlace()
        super().__init__(
            {
                "bus_address": In(register_map(spec).address_bits),
                "bus_write": In(1),
                "bus_write_data": In(32),
                "bus_read": In(1),
                "bus_read_data": Out(32),
                "sample_valid": Out(1),
                "sample_ready": In(1),
                "sample_payload": Out(32),
                "sample_last": Out(1),
                "busy": Out(1),
                "sweep_done": Out(1),
                "state": Out(spec.n_sites),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        spec, m = self._spec, Module()
        ports: Any = self
        add = self._hierarchy.add
        host = add(m, "host", "host_bus", lambda: HostBus(spec))
        sequencer = add(m, "sequencer", "sequencer", lambda: Sequencer(spec))
        readout = add(m, "readout", "readout", lambda: Readout(spec.n_sites))
        fabric = add(m, "fabric", "fabric", lambda: SpatialFabric(spec, self._hierarchy))

        for name in ("address", "write", "write_data", "read"):
            m.d.comb += getattr(host, f"bus_{name}").eq(getattr(ports, f"bus_{name}"))
        m.d.comb += ports.bus_read_data.eq(host.bus_read_data)
        for name in ("busy", "done", "aborted", "cycles", "stalls", "sweeps"):
            m.d.comb += getattr(host, name).eq(getattr(sequencer, name))
        for name in ("start", "abort", "phases", "samples", "steps", "read"):
            m.d.comb += getattr(sequencer, name).eq(getattr(host, name))
        m.d.comb += [
            sequencer.base_level.eq(host.level),
            sequencer.phase_write.eq(host.phase_sweeps_write | host.phase_level_write),
            sequencer.phase_write_level.eq(host.phase_level_write),
            sequencer.phase_index.eq(host.index),
            sequencer.write_data.eq(host.write_data),
            host.phase_sweeps_read.eq(sequencer.phase_read_sweeps),
            host.phase_level_read.eq(sequencer.phase_read_level),
            sequencer.free.eq(readout.free),
        ]
        m.d.comb += [
            fabric.update.eq(sequencer.update),
            fabric.clamps.eq(host.clamps),
            fabric.write_data.eq(host.write_data),
            fabric.states_write.eq(host.states_write),
            fabric.seed_write.eq(host.seed_write),
            fabric.read.eq(host.read),
            host.state.eq(fabric.state),
        ]
        if spec.levels > 1:
            m.d.comb += fabric.level.eq(sequencer.level)
        if spec.dither_bits:
            m.d.comb += fabric.shift.eq(host.shift)
        for name in (memory.lower() for memory in MEMORIES if memory in register_map(spec).names):
            m.d.comb += getattr(fabric, f"{name}_write").eq(getattr(host, f"{name}_write"))
            m.d.comb += getattr(host, f"{name}_read").eq(getattr(fabric, f"{name}_read"))
            if hasattr(fabric, f"{name}_index"):
                m.d.comb += getattr(fabric, f"{name}_index").eq(host.index)
        m.d.comb += [
            readout.take.eq(sequencer.take),
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
        return m
