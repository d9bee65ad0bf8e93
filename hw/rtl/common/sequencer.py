"""The sequencer: runs a schedule, slot by slot, and waits rather than lose a sample.

A run goes through its phases, then takes a sample every ``steps`` sweeps, the first right after the phases. A colour
takes ``SlotPlan.colour_clocks``: one clock per slot, then a wait until the next colour can read what those slots wrote.
A sample is taken with the next sweep's first slot, so it costs no clock of its own; while the last one is still being
read out, that slot is put off.

The pipeline outside adds two clocks to everything: ``issue`` and its companions are registered, and a sweep that is
over for the sequencer shows in the states ``SETTLE`` clocks after the next sweep may begin.

A sequencer of a tile also waits for the ghosts that the next colour reads, and at the end of a run until nothing is
under way between tiles. A run that is aborted waits for neither.
"""

from typing import Any, Protocol

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.common.interfaces import Array, RunPorts, run_signature
from thermofab.hw.rtl.common.phases import phase_ports, phase_table
from thermofab.hw.spec import FabricSpec

SETTLE = 2  # clocks from where the next sweep may begin to where the states show the last one


class SlotPlan(Protocol):
    """The slots of a sweep: those of colour 0, then those of colour 1, and so on."""

    @property
    def spec(self) -> FabricSpec: ...

    @property
    def fold(self) -> int:
        """Slots a colour."""
        ...

    @property
    def slots(self) -> int:
        """Slots of a sweep."""
        ...

    @property
    def slot_bits(self) -> int:
        """Width of a slot's number."""
        ...

    @property
    def colour_clocks(self) -> int:
        """Clocks from a colour's first slot to the next colour's; no fewer than ``fold``."""
        ...


class Sequencer(wiring.Component):
    """Turns a schedule into slots.

    Ports:
        run: the run; an abort drops the samples still to take and ends it after the sweep in hand.
        hold: nothing happens, and no clock counts, while it is high.
        phase_sweeps, phase_level, phase_mask: the phases, for the host, between runs.
        issue, slot, level, mask: an update begins, of which slot, with which table and which clamps.
        take: the state is a sample; free: the read-out can take it.
        sweep_done: the state is that after a sweep.
        wait: the next colour may not begin; linger: the run may not end; stepped: a colour's last clock, after which
            its states show in SETTLE + 1 clocks. Only with ``waits``.
    """

    run: RunPorts
    phase_sweeps: Array
    phase_level: Array
    phase_mask: Array
    level: Signal

    def __init__(self, plan: SlotPlan, waits: bool = False) -> None:
        self._plan, self._waits = plan, waits
        self._level_bits = max(1, (plan.spec.levels - 1).bit_length())
        super().__init__(
            {
                "run": In(run_signature(plan.spec)),
                "hold": In(1),
                **phase_ports(In),
                "issue": Out(1),
                "slot": Out(plan.slot_bits),
                "level": Out(self._level_bits),
                "mask": Out(1),
                "take": Out(1),
                "free": In(1),
                "sweep_done": Out(1),
                **({"wait": In(1), "linger": In(1), "stepped": Out(1)} if waits else {}),
            }
        )

    def built_with(self) -> dict[str, object]:
        return {"slots": self._plan.slots, "clocks a colour": self._plan.colour_clocks}

    def elaborate(self, platform: Any) -> Module:
        m, plan = Module(), self._plan
        phase = Signal.like(self.run.phases)
        slot = Signal(range(max(2, plan.slots)))
        place = Signal(range(max(2, plan.colour_clocks)))  # clocks since the colour began
        first = Signal(init=1)  # the next slot is a sweep's first
        swept = Signal(32)  # sweeps since the phase, or the last sample, began
        due = Signal()  # the state is a sample
        left = Signal(32)  # samples still to take
        ending = Signal()  # an abort waits for the end of the sweep
        draining = Signal(range(SETTLE + 2))  # the run is over but for the read-out and so many clocks

        upcoming = Signal.like(phase)  # the phase of the next clock
        sweeps_of, level_of, mask_of = phase_table(m, self, upcoming)
        in_phase, last_sweep, whole = Signal(name="in_phase"), Signal(name="last_sweep"), Signal(name="whole")
        level, mask = Signal(self._level_bits, name="level"), Signal(name="mask")
        m.d.comb += [in_phase.eq(phase != self.run.phases), upcoming.eq(phase)]
        m.d.sync += phase.eq(upcoming)
        m.d.comb += [
            level.eq(Mux(in_phase, level_of, self.run.level)),
            mask.eq(Mux(in_phase, mask_of, self.run.mask)),
            last_sweep.eq(swept + 1 >= Mux(in_phase, sweeps_of, self.run.steps)),
            whole.eq(first & (place == 0)),
        ]

        # What this clock does: take a sample, issue a slot, end the run, or wait.
        running = Signal()
        take = Signal()
        ended = Signal()
        step = Signal()
        settled = Signal(SETTLE)
        goes, over = running & ~ended & ~(whole & due & ~take), self.free
        if self._waits:
            goes &= ~(self.wait & (place == 0) & ~ending & ~self.run.abort)
            over &= ~self.linger | self.run.aborted
            m.d.comb += self.stepped.eq(step & (place == plan.colour_clocks - 1))
        m.d.comb += [
            running.eq(self.run.busy & ~self.hold & ~draining.any()),
            take.eq(running & due & self.free & ~settled.any() & (left != 0) & ~self.run.abort & ~ending),
            ended.eq(running & whole & (ending | self.run.abort | due & ((left == 0) | (take & (left == 1))))),
            step.eq(goes),
        ]
        issued = Signal()
        m.d.comb += issued.eq(step & (place < plan.fold))
        m.d.sync += [self.issue.eq(issued), self.slot.eq(slot), settled.eq(settled << 1 | take)]
        with m.If(issued):
            m.d.sync += [self.level.eq(level), self.mask.eq(mask)]
        m.d.comb += self.take.eq(settled[-1])

        with m.If(self.run.busy & ~self.hold):
            m.d.sync += self.run.cycles.eq(self.run.cycles + 1)
            with m.If(running & due & ~take & ~ended):
                m.d.sync += self.run.stalls.eq(self.run.stalls + 1)
        with m.If(take):
            m.d.sync += [due.eq(0), left.eq(left - 1)]
        finishing = Signal(SETTLE + 1)
        m.d.sync += finishing.eq(finishing << 1)
        m.d.comb += self.sweep_done.eq(finishing[-1])
        with m.If(step):
            m.d.sync += place.eq(place + 1)
            with m.If(issued):
                m.d.sync += [slot.eq(slot + 1), first.eq(0)]
            with m.If(place == plan.colour_clocks - 1):
                m.d.sync += place.eq(0)
                with m.If(slot == (plan.slots if plan.slots < 1 << len(slot) else 0)):
                    m.d.sync += [slot.eq(0), first.eq(1), finishing[0].eq(1), self.run.sweeps.eq(self.run.sweeps + 1)]
                    with m.If(last_sweep):
                        m.d.sync += [swept.eq(0), due.eq(~in_phase | (phase + 1 == self.run.phases))]
                        with m.If(in_phase):
                            m.d.comb += upcoming.eq(phase + 1)
                    with m.Else():
                        m.d.sync += swept.eq(swept + 1)
        with m.If(self.run.abort):
            m.d.sync += [ending.eq(running), settled.eq(0)]
        with m.If(ended):
            m.d.sync += [draining.eq(1), due.eq(0), self.run.aborted.eq(ending | self.run.abort)]
        with m.If(draining.any()):
            with m.If(draining <= SETTLE):
                m.d.sync += draining.eq(draining + 1)
            with m.Elif(over):
                m.d.sync += [
                    draining.eq(0),
                    self.run.busy.eq(0),
                    self.run.done.eq(~(self.run.aborted | self.run.abort)),
                ]
            with m.If(self.run.abort):
                m.d.sync += self.run.aborted.eq(1)
        with m.If(self.run.start & ~self.run.busy):
            m.d.comb += upcoming.eq(0)
            m.d.sync += [signal.eq(0) for signal in (swept, ending, self.run.done, self.run.aborted)]
            m.d.sync += [signal.eq(0) for signal in (self.run.cycles, self.run.stalls, self.run.sweeps)]
            m.d.sync += [self.run.busy.eq(1), due.eq(self.run.phases == 0), left.eq(self.run.samples)]
        with m.If(self.run.abort & self.hold & self.run.busy):
            m.d.sync += [self.run.busy.eq(0), self.run.aborted.eq(1)]
        return m
