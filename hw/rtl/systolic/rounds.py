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
from thermofab.hw.rtl.common.interfaces import RunPorts, run_signature
from thermofab.hw.spec import FabricSpec


class Rounds(wiring.Component):
    """Turns a schedule into rounds.

    Ports:
        run: the run; an abort ends it at the end of this round.
        clear, restate: strobes: zero the counters before the next run; the host wrote states, so load them before it.
        phase_write: strobes that write sweeps, level and mask of a phase; phase_index: which; write_data: 32 bits.
        room: the collector can take a sample; empty: it has nothing left.
        slot: the slot issued in this clock.
        update, load, clear_round, take, trail: what this round does; ``trail``: the last one took a sample.
        level, mask: table and clamp mask of this round.
        flush: the collector drops what it holds.
    """

    run: RunPorts

    def __init__(self, spec: FabricSpec, n_slots: int) -> None:
        self._n_slots, self._counted = n_slots, spec.moment_bits > 0
        self._level_bits = max(1, (spec.levels - 1).bit_length())
        index_bits = (PHASE_SLOTS - 1).bit_length()
        strobes = ("clear", "restate", "room", "empty")
        flags = ("update", "load", "clear_round", "take", "trail", "flush", "mask")
        super().__init__(
            {
                **{name: In(1) for name in strobes},
                "run": In(run_signature(spec)),
                "phase_write": In(3),
                "phase_index": In(index_bits),
                "write_data": In(32),
                "slot": Out((n_slots - 1).bit_length()),
                "level": Out(self._level_bits),
                **{name: Out(1) for name in flags},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        last = Signal()
        m.d.sync += [self.slot.eq(self.slot + 1), last.eq(self.slot == self._n_slots - 2)]
        with m.If(last):
            m.d.sync += self.slot.eq(0)

        phase = Signal.like(self.run.phases)
        swept, left = Signal(32, name="swept"), Signal(32, name="left")
        first = Signal()  # the first sample is the state before any sweep
        # Asked for before the next run; a reset asks for states.
        restate, clear = Signal(init=1, name="restate"), Signal(name="clear")
        draining = Signal()
        aborting = Signal()
        aborted_round = Signal()
        fresh = Signal(3)  # clocks until what is derived from the schedule below can be trusted
        sweeps_of, level_of, mask_of = self._phase_table(m, phase)

        in_phase, ends_group, takes, finished = (
            Signal(name=n) for n in ("in_phase", "ends_group", "takes", "finished")
        )
        ends_phases, some_left = Signal(name="ends_phases"), Signal(name="some_left")
        target, swept_after = Signal(32, name="target"), Signal(32, name="swept_after")
        m.d.sync += [
            in_phase.eq(phase != self.run.phases),
            target.eq(Mux(in_phase, sweeps_of, self.run.steps)),
            swept_after.eq(swept + 1),
            ends_group.eq(swept_after >= target),
            ends_phases.eq(phase + 1 >= self.run.phases),
            some_left.eq(left != 0),
            takes.eq(ends_group & ends_phases & some_left),
            finished.eq(~in_phase & ~some_left),
            self.flush.eq(0),
        ]
        with m.If(self.run.busy):
            m.d.sync += self.run.cycles.eq(self.run.cycles + 1)
        with m.If(fresh != 0):
            m.d.sync += fresh.eq(fresh - 1)

        counted = self.take | self.trail if self._counted else self.take
        with m.If(last):
            m.d.sync += [getattr(self, name).eq(0) for name in ("update", "load", "clear_round", "take")]
            m.d.sync += self.trail.eq(self.take)
            with m.If(aborting):
                # What the aborted round still brings must have reached the collector when that is flushed.
                m.d.sync += aborted_round.eq(1)
                with m.If(aborted_round):
                    m.d.sync += [signal.eq(0) for signal in (aborting, aborted_round, draining, self.run.busy)]
                    m.d.sync += [self.run.aborted.eq(1), self.flush.eq(1)]
            with m.Elif(draining):
                with m.If(~counted & self.empty):
                    m.d.sync += [draining.eq(0), self.run.busy.eq(0), self.run.done.eq(1)]
            with m.Elif(self.run.busy & (fresh == 0)):
                with m.If(restate):
                    m.d.sync += [restate.eq(0), self.load.eq(1)]
                with m.Elif(clear):
                    m.d.sync += [clear.eq(0), self.clear_round.eq(1)]
                with m.Elif((first | takes) & ~self.room):
                    m.d.sync += self.run.stalls.eq(self.run.stalls + self._n_slots)
                with m.Elif(first):
                    m.d.sync += [first.eq(0), self.take.eq(1), left.eq(left - 1)]
                with m.Elif(finished):
                    m.d.sync += draining.eq(1)
                with m.Else():
                    m.d.sync += [self.update.eq(1), self.take.eq(takes), self.run.sweeps.eq(self.run.sweeps + 1)]
                    m.d.sync += [
                        self.level.eq(Mux(in_phase, level_of, self.run.level)),
                        self.mask.eq(Mux(in_phase, mask_of, self.run.mask)),
                        swept.eq(Mux(ends_group, 0, swept_after)),
                        phase.eq(phase + (ends_group & in_phase)),
                        left.eq(left - takes),
                    ]

        with m.If(self.restate):
            m.d.sync += restate.eq(1)
        with m.If(self.clear):
            m.d.sync += clear.eq(1)
        with m.If(self.run.start & ~self.run.busy):
            m.d.sync += [signal.eq(0) for signal in (phase, swept, self.run.done, self.run.aborted)]
            m.d.sync += [signal.eq(0) for signal in (self.run.cycles, self.run.stalls, self.run.sweeps)]
            m.d.sync += [self.run.busy.eq(1), left.eq(self.run.samples), fresh.eq(7)]
            m.d.sync += first.eq((self.run.phases == 0) & (self.run.samples != 0))
        with m.If(self.run.abort & self.run.busy):
            m.d.sync += aborting.eq(1)
        return m

    def _phase_table(self, m: Module, phase: Signal) -> tuple[Any, Any, Any]:
        """Sweeps, level and mask of the phase in hand: four bytes, a byte and a byte of one memory."""
        memory = m.submodules.phases = Memory(shape=unsigned(48), depth=PHASE_SLOTS, init=[])
        write, read = memory.write_port(granularity=8), memory.read_port()
        sweeps, level, mask = self.phase_write
        m.d.comb += [
            write.addr.eq(self.phase_index),
            write.data.eq(Cat(self.write_data, self.write_data[:8], self.write_data[:8])),
            write.en.eq(Cat(sweeps.replicate(4), level, mask)),
            read.addr.eq(phase),
        ]
        return read.data[:32], read.data[32 : 32 + self._level_bits], read.data[40]
