"""The sequencer of a systolic fabric: what each round does.

The slot counter never stops. A round either updates (a sweep), loads initial states, clears the counters, or holds:
the rings turn and nothing changes. What the next round does is decided in the last slot of a round. A sample is taken
in the round that makes it; if the collector has no room for it, the fabric holds.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.registers import PHASE_SLOTS
from thermofab.hw.spec import FabricSpec


class Rounds(wiring.Component):
    """Turns a schedule into rounds.

    Ports:
        start, abort, clear, restate: strobes: begin a run; end it at the end of this round; zero the counters before
            the next run; the host wrote states, so load them before the next run.
        phases, samples, steps, base_level, base_mask: the schedule; they must not change during a run.
        phase_write: a strobe for each of sweeps, level and mask of phase ``phase_index``.
        room: the collector can take a sample; empty: it has nothing left. dumping: it is giving away counters.
        slot: the slot issued in this clock.
        update, load, clear_round, take, trail: what this round does; ``trail``: the last one took a sample.
        level, mask: table and clamp mask of this round.
        flush: the collector drops what it holds.
        busy, done, aborted, cycles, stalls, sweeps: for the host.
    """

    def __init__(self, spec: FabricSpec, n_slots: int) -> None:
        self._n_slots, self._counted = n_slots, spec.moment_bits > 0
        self._level_bits = max(1, (spec.levels - 1).bit_length())
        index_bits = (PHASE_SLOTS - 1).bit_length()
        strobes = ("start", "abort", "clear", "restate", "room", "empty", "base_mask")
        flags = ("update", "load", "clear_round", "take", "trail", "flush", "busy", "done", "aborted", "mask")
        super().__init__(
            {
                **{name: In(1) for name in strobes},
                "phases": In(index_bits + 1),
                "samples": In(32),
                "steps": In(32),
                "base_level": In(self._level_bits),
                "phase_write": In(3),
                "phase_index": In(index_bits),
                "write_data": In(32),
                "slot": Out((n_slots - 1).bit_length()),
                "level": Out(self._level_bits),
                **{name: Out(1) for name in flags},
                "cycles": Out(64),
                "stalls": Out(32),
                "sweeps": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports: Any = self
        last = Signal()
        m.d.sync += [ports.slot.eq(ports.slot + 1), last.eq(ports.slot == self._n_slots - 2)]
        with m.If(last):
            m.d.sync += ports.slot.eq(0)

        phase = Signal.like(ports.phases)
        swept, left = Signal(32), Signal(32)
        first = Signal()  # the first sample is the state before any sweep
        restate, clear = Signal(), Signal()  # asked for before the next run
        draining, aborting, aborted_round = Signal(), Signal(), Signal()
        fresh = Signal(3)  # clocks until what is derived from the schedule below can be trusted
        sweeps_of, level_of, mask_of = self._phase_table(m, phase)

        in_phase, ends_group, takes, finished = (
            Signal(name=n) for n in ("in_phase", "ends_group", "takes", "finished")
        )
        ends_phases, some_left = Signal(), Signal()
        target, swept_after = Signal(32), Signal(32)
        m.d.sync += [
            in_phase.eq(phase != ports.phases),
            target.eq(Mux(in_phase, sweeps_of, ports.steps)),
            swept_after.eq(swept + 1),
            ends_group.eq(swept_after >= target),
            ends_phases.eq(phase + 1 >= ports.phases),
            some_left.eq(left != 0),
            takes.eq(ends_group & ends_phases & some_left),
            finished.eq(~in_phase & ~some_left),
            ports.flush.eq(0),
        ]
        with m.If(ports.busy):
            m.d.sync += ports.cycles.eq(ports.cycles + 1)
        with m.If(fresh != 0):
            m.d.sync += fresh.eq(fresh - 1)

        counted = ports.take | ports.trail if self._counted else ports.take
        with m.If(last):
            m.d.sync += [getattr(ports, name).eq(0) for name in ("update", "load", "clear_round", "take")]
            m.d.sync += ports.trail.eq(ports.take)
            with m.If(aborting):
                # What the aborted round still brings must have reached the collector when that is flushed.
                m.d.sync += aborted_round.eq(1)
                with m.If(aborted_round):
                    m.d.sync += [signal.eq(0) for signal in (aborting, aborted_round, draining, ports.busy)]
                    m.d.sync += [ports.aborted.eq(1), ports.flush.eq(1)]
            with m.Elif(draining):
                with m.If(~counted & ports.empty):
                    m.d.sync += [draining.eq(0), ports.busy.eq(0), ports.done.eq(1)]
            with m.Elif(ports.busy & (fresh == 0)):
                with m.If(restate):
                    m.d.sync += [restate.eq(0), ports.load.eq(1)]
                with m.Elif(clear):
                    m.d.sync += [clear.eq(0), ports.clear_round.eq(1)]
                with m.Elif((first | takes) & ~ports.room):
                    m.d.sync += ports.stalls.eq(ports.stalls + self._n_slots)
                with m.Elif(first):
                    m.d.sync += [first.eq(0), ports.take.eq(1), left.eq(left - 1)]
                with m.Elif(finished):
                    m.d.sync += draining.eq(1)
                with m.Else():
                    m.d.sync += [ports.update.eq(1), ports.take.eq(takes), ports.sweeps.eq(ports.sweeps + 1)]
                    m.d.sync += [
                        ports.level.eq(Mux(in_phase, level_of, ports.base_level)),
                        ports.mask.eq(Mux(in_phase, mask_of, ports.base_mask)),
                        swept.eq(Mux(ends_group, 0, swept_after)),
                        phase.eq(phase + (ends_group & in_phase)),
                        left.eq(left - takes),
                    ]

        with m.If(ports.restate):
            m.d.sync += restate.eq(1)
        with m.If(ports.clear):
            m.d.sync += clear.eq(1)
        with m.If(ports.start & ~ports.busy):
            m.d.sync += [signal.eq(0) for signal in (phase, swept, ports.done, ports.aborted)]
            m.d.sync += [signal.eq(0) for signal in (ports.cycles, ports.stalls, ports.sweeps)]
            m.d.sync += [ports.busy.eq(1), left.eq(ports.samples), fresh.eq(7)]
            m.d.sync += first.eq((ports.phases == 0) & (ports.samples != 0))
        with m.If(ports.abort & ports.busy):
            m.d.sync += aborting.eq(1)
        return m

    def _phase_table(self, m: Module, phase: Signal) -> tuple[Any, Any, Any]:
        """Sweeps, level and mask of the phase in hand: four bytes, a byte and a byte of one memory."""
        ports: Any = self
        memory = m.submodules.phases = Memory(shape=unsigned(48), depth=PHASE_SLOTS, init=[])
        write, read = memory.write_port(granularity=8), memory.read_port()
        sweeps, level, mask = ports.phase_write
        m.d.comb += [
            write.addr.eq(ports.phase_index),
            write.data.eq(Cat(ports.write_data, ports.write_data[:8], ports.write_data[:8])),
            write.en.eq(Cat(sweeps.replicate(4), level, mask)),
            read.addr.eq(phase),
        ]
        return read.data[:32], read.data[32 : 32 + self._level_bits], read.data[40]
