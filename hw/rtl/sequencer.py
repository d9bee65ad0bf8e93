"""The sequencer: runs a schedule, one colour a clock, and waits rather than lose a sample.

A run goes through its phases, then takes a sample every ``steps`` sweeps, the first right after the phases. A sample
is taken in the clock of the next sweep's first colour, so it costs no clock of its own; while the last one is still
being read out, that clock is put off.
"""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.registers import PHASE_SLOTS
from thermofab.hw.spec import FabricSpec


class Sequencer(wiring.Component):
    """Turns a schedule into colour strobes.

    Ports:
        start, abort: strobes; an abort wins.
        phases, samples, steps, base_level: the schedule; they must not change during a run.
        phase_write, phase_write_level: write ``write_data`` as the sweeps or the level of phase ``phase_index``.
        phase_read_sweeps, phase_read_level: of phase ``phase_index``, from the clock after ``read`` on.
        update: ``[C]``, one-hot, the colour of this clock; level: the table it uses.
        take: the state is a sample; free: the read-out can take it. idle: the read-out has nothing left.
        busy, done, aborted: of the run; cycles, stalls, sweeps: its counters.
        sweep_done: in the clock after a sweep's last colour.
    """

    def __init__(self, spec: FabricSpec) -> None:
        self._colours = spec.topology.n_colours
        self._level_bits = max(1, (spec.levels - 1).bit_length())
        slot_bits = (PHASE_SLOTS - 1).bit_length()
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "phases": In(slot_bits + 1),
                "samples": In(32),
                "steps": In(32),
                "base_level": In(self._level_bits),
                "phase_write": In(1),
                "phase_write_level": In(1),
                "phase_index": In(slot_bits),
                "write_data": In(32),
                "read": In(1),
                "phase_read_sweeps": Out(32),
                "phase_read_level": Out(self._level_bits),
                "update": Out(self._colours),
                "level": Out(self._level_bits),
                "take": Out(1),
                "free": In(1),
                "busy": Out(1),
                "done": Out(1),
                "aborted": Out(1),
                "sweep_done": Out(1),
                "cycles": Out(64),
                "stalls": Out(32),
                "sweeps": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports: Any = self
        phase = Signal.like(ports.phases)
        colour = Signal(range(max(2, self._colours)))
        swept = Signal(32)  # sweeps since the phase, or the last sample, began
        due = Signal()  # the state of this clock is a sample
        left = Signal(32)  # samples still to take
        draining = Signal()  # all samples are taken, the last is being read out

        sweeps_of, level_of = self._phase_table(m, phase)
        in_phase, target = Signal(), Signal(32)
        m.d.comb += [
            in_phase.eq(phase != ports.phases),
            ports.level.eq(Mux(in_phase, level_of, ports.base_level)),
            target.eq(Mux(in_phase, sweeps_of, ports.steps)),
        ]

        step, ended, last_sweep = Signal(), Signal(), Signal()
        m.d.comb += [
            last_sweep.eq(swept + 1 >= target),
            ports.take.eq(ports.busy & due & ports.free & (left != 0)),
            ended.eq(due & ((left == 0) | (ports.take & (left == 1)))),
            step.eq(ports.busy & ~draining & ~ended & (~due | ports.take) & ~ports.abort),
            ports.update.eq(Mux(step, 1 << colour, 0)),
        ]
        m.d.sync += ports.sweep_done.eq(0)
        with m.If(ports.busy):
            m.d.sync += ports.cycles.eq(ports.cycles + 1)
            with m.If(due & ~ports.free & (left != 0)):
                m.d.sync += ports.stalls.eq(ports.stalls + 1)
        with m.If(ports.take):
            m.d.sync += [due.eq(0), left.eq(left - 1)]
        with m.If(ports.busy & ended):
            m.d.sync += [draining.eq(1), due.eq(0)]
        with m.If(step):
            m.d.sync += colour.eq(colour + 1)
            with m.If(colour == self._colours - 1):
                m.d.sync += [colour.eq(0), ports.sweep_done.eq(1), ports.sweeps.eq(ports.sweeps + 1)]
                with m.If(last_sweep):
                    m.d.sync += [swept.eq(0), due.eq(~in_phase | (phase + 1 == ports.phases))]
                    with m.If(in_phase):
                        m.d.sync += phase.eq(phase + 1)
                with m.Else():
                    m.d.sync += swept.eq(swept + 1)
        with m.If(draining & ports.free):
            m.d.sync += [draining.eq(0), ports.busy.eq(0), ports.done.eq(1)]
        with m.If(ports.start & ~ports.busy):
            m.d.sync += [signal.eq(0) for signal in (phase, colour, swept, ports.done, ports.aborted)]
            m.d.sync += [signal.eq(0) for signal in (ports.cycles, ports.stalls, ports.sweeps)]
            m.d.sync += [ports.busy.eq(1), due.eq(ports.phases == 0), left.eq(ports.samples)]
        with m.If(ports.abort & ports.busy):
            m.d.sync += [draining.eq(0), due.eq(0), ports.busy.eq(0), ports.done.eq(0), ports.aborted.eq(1)]
        return m

    def _phase_table(self, m: Module, phase: Signal) -> tuple[Any, Any]:
        """``(sweeps, level)`` of the phase in hand, from memories the host writes."""
        ports: Any = self
        current = []
        for name, bits, wanted in (("sweeps", 32, 0), ("level", self._level_bits, 1)):
            memory = m.submodules[f"phase_{name}"] = Memory(shape=bits, depth=PHASE_SLOTS, init=[])
            write, read, now = memory.write_port(), memory.read_port(), memory.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(ports.phase_index),
                write.data.eq(ports.write_data[:bits]),
                write.en.eq(ports.phase_write & (ports.phase_write_level == wanted)),
                read.addr.eq(ports.phase_index),
                read.en.eq(ports.read),
                getattr(ports, f"phase_read_{name}").eq(read.data),
                now.addr.eq(phase),
            ]
            current.append(now.data)
        return current[0], current[1]
