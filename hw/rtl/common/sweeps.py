"""The sequencer of fabrics whose sweeps take as long as their program says: it asks for sweeps one at a time.

A run goes through its phases, then takes a sample every ``steps`` sweeps, the first right after the phases. What sweeps
is told ``go`` and answers ``swept``; between the two, the schedule in hand does not change. While the last sample is
still being read out and the next is due, no sweep begins.

What sweeps may answer ``lead`` clocks before its states are complete, so that the two clocks from ``swept`` to the next
``go`` pass while its pipeline drains. It promises that

    states are complete ``lead`` clocks after ``swept``,
    a sweep's first change shows more than ``lead`` clocks, and more than one, after its ``go``,
    ``swept`` comes at least ``SHORTEST + lead`` clocks after ``go``.
"""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.common.interfaces import Array, RunPorts, run_signature
from thermofab.hw.rtl.common.phases import phase_ports, phase_table
from thermofab.hw.spec import FabricSpec

TURN = 2  # clocks from swept to the next go
SHORTEST = 2


class SweepSequencer(wiring.Component):
    """Turns a schedule into sweeps.

    Args:
        spec: the fabric.
        lead: clocks from ``swept`` to the states that it announces.

    Ports:
        run: the run; an abort drops the samples still to take and ends it after the sweep in hand.
        hold: nothing begins, and no clock counts, while it is high; only before a run's first sweep.
        phase_sweeps, phase_level, phase_mask: the phases, for the host, between runs.
        go: a strobe, a sweep begins; level, mask: its table and clamps, which stay until the next.
        swept: a strobe: the sweep is over, ``lead`` clocks from now.
        take: the state is a sample; free: the read-out can take it.
        sweep_done: the state is that after a sweep.
    """

    run: RunPorts
    phase_sweeps: Array
    phase_level: Array
    phase_mask: Array
    level: Signal

    def __init__(self, spec: FabricSpec, lead: int = 0) -> None:
        self._lead = lead
        super().__init__(
            {
                "run": In(run_signature(spec)),
                "hold": In(1),
                **phase_ports(In),
                "go": Out(1),
                "level": Out(max(1, (spec.levels - 1).bit_length())),
                "mask": Out(1),
                "swept": In(1),
                "take": Out(1),
                "free": In(1),
                "sweep_done": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        phase = Signal.like(self.run.phases)
        remaining = Signal(32)  # sweeps until the phase, or the wait for a sample, is over; 0 counts as 1
        renew = Signal()  # they are to be counted anew
        left = Signal(32)  # samples still to take
        due = Signal()  # the state is a sample
        sweeping = Signal()  # a sweep is in hand
        ending = Signal()  # an abort waits for its end
        draining = Signal()  # the run is over but for the states and the read-out
        settling = Signal(2)  # clocks after a start until what is derived below can be trusted

        upcoming = Signal.like(phase)  # the phase of the next clock
        sweeps_of, level_of, mask_of = phase_table(m, self, upcoming)
        in_phase = Signal()
        m.d.comb += [in_phase.eq(phase != self.run.phases), upcoming.eq(phase)]
        m.d.sync += phase.eq(upcoming)
        last_sweep, last_phase, none_left, one_left = (
            Signal(name=name) for name in ("last_sweep", "last_phase", "none_left", "one_left")
        )
        # Registered: a sweep is longer than they take.
        m.d.sync += [
            last_sweep.eq(remaining[1:] == 0),
            last_phase.eq(~in_phase | (phase + 1 == self.run.phases)),
            none_left.eq(left == 0),
            one_left.eq(left == 1),
            settling.eq(settling >> 1),
        ]

        # Between sweeps: take a sample, begin a sweep, end the run, or wait.
        resting = Signal()
        take = Signal()
        ended = Signal()
        begin = Signal()
        taken = Signal(max(1, self._lead - 1))  # samples on their way to the read-out
        shown = Signal(self._lead)  # sweeps that are over, and will show
        m.d.comb += [
            resting.eq(self.run.busy & ~self.hold & ~sweeping & ~draining & ~settling.any()),
            take.eq(resting & due & self.free & ~taken.any() & ~none_left & ~self.run.abort & ~ending),
            ended.eq(resting & (ending | self.run.abort | due & (none_left | (take & one_left)))),
            begin.eq(resting & ~ended & (~due | take)),
            self.take.eq(taken[-1]),
            self.sweep_done.eq(shown[-1] if self._lead else self.swept),
        ]
        m.d.sync += [taken.eq(taken << 1 | take), self.go.eq(begin)]
        if self._lead:
            m.d.sync += shown.eq(shown << 1 | self.swept)
        with m.If(begin):
            m.d.sync += [
                sweeping.eq(1),
                self.level.eq(Mux(in_phase, level_of, self.run.level)),
                self.mask.eq(Mux(in_phase, mask_of, self.run.mask)),
            ]
        with m.If(take):
            m.d.sync += [due.eq(0), left.eq(left - 1)]
        with m.If(renew):
            m.d.sync += [renew.eq(0), remaining.eq(Mux(in_phase, sweeps_of, self.run.steps))]
        with m.If(self.swept):
            m.d.sync += [sweeping.eq(0), self.run.sweeps.eq(self.run.sweeps + 1), remaining.eq(remaining - 1)]
            with m.If(last_sweep):
                m.d.sync += [renew.eq(1), due.eq(last_phase)]
                with m.If(in_phase):
                    m.d.comb += upcoming.eq(phase + 1)

        with m.If(self.run.busy & ~self.hold):
            m.d.sync += self.run.cycles.eq(self.run.cycles + 1)
            with m.If(resting & due & ~take & ~ended):
                m.d.sync += self.run.stalls.eq(self.run.stalls + 1)
        with m.If(self.run.abort):
            m.d.sync += [ending.eq(sweeping), taken.eq(0)]
        with m.If(ended):
            m.d.sync += [draining.eq(1), due.eq(0), ending.eq(0), self.run.aborted.eq(ending | self.run.abort)]
        with m.If(draining):
            with m.If(~shown.any() & ~taken.any() & self.free):
                m.d.sync += [
                    draining.eq(0),
                    self.run.busy.eq(0),
                    self.run.done.eq(~(self.run.aborted | self.run.abort)),
                ]
            with m.If(self.run.abort):
                m.d.sync += self.run.aborted.eq(1)
        with m.If(self.run.start & ~self.run.busy):
            m.d.comb += upcoming.eq(0)
            m.d.sync += [signal.eq(0) for signal in (ending, self.run.done, self.run.aborted)]
            m.d.sync += [signal.eq(0) for signal in (self.run.cycles, self.run.stalls, self.run.sweeps)]
            m.d.sync += [self.run.busy.eq(1), due.eq(self.run.phases == 0), left.eq(self.run.samples)]
            m.d.sync += [renew.eq(1), settling.eq(3)]
        with m.If(self.run.abort & self.run.busy & (self.hold | settling.any())):
            m.d.sync += [self.run.busy.eq(0), self.run.aborted.eq(1), due.eq(0)]
        return m
