"""The phases of a run: their sweeps, levels and masks, which the host writes, and which a sequencer goes through."""

from collections.abc import Callable
from typing import Protocol

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Member

from thermofab.hw.host.registers import PHASE_SLOTS
from thermofab.hw.rtl.common.interfaces import Array, RunPorts, array_signature


class Phases(Protocol):
    """What has the ports of :func:`phase_ports`: one entry per phase."""

    phase_sweeps: Array
    phase_level: Array
    phase_mask: Array


class Sequencing(Phases, Protocol):
    """A sequencer that keeps its phases."""

    run: RunPorts
    level: Signal


def phase_ports(way: Callable[[wiring.Signature], Member]) -> dict[str, Member]:
    """The ports of :class:`Phases`: ``Out`` of a host, ``In`` of a sequencer."""
    return {name: way(array_signature(PHASE_SLOTS)) for name in ("phase_sweeps", "phase_level", "phase_mask")}


def phases_of(owner: Phases) -> dict[str, Array]:
    """The ports by register."""
    return {"PHASE_SWEEPS": owner.phase_sweeps, "PHASE_LEVEL": owner.phase_level, "PHASE_MASK": owner.phase_mask}


def connect_phases(m: Module, host: Phases, sequencer: Phases) -> None:
    """The host writes and reads the sequencer's phases."""
    for name, array in phases_of(host).items():
        wiring.connect(m, array, phases_of(sequencer)[name])


def phase_table(m: Module, sequencer: Sequencing, upcoming: Value) -> tuple[Value, Value, Value]:
    """Sweeps, level and mask of phase ``upcoming``, a clock later; between runs the host writes and reads them."""
    running, current = Signal(name="running"), {}
    m.d.comb += running.eq(sequencer.run.busy | sequencer.run.start)
    for (name, host), bits in zip(phases_of(sequencer).items(), (32, len(sequencer.level), 1)):
        memory = m.submodules[name.lower()] = Memory(shape=bits, depth=PHASE_SLOTS, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(host.index),
            write.data.eq(host.write_data[:bits]),
            write.en.eq(host.write),
            read.addr.eq(Mux(running, upcoming, host.index)),
            read.en.eq(running | host.read),
            host.read_data.eq(read.data),
        ]
        current[name] = read.data
    sweeps, level, mask = current.values()
    return sweeps, level, mask
