"""Protocols: the spatial sequencer and lane, and both register buses."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

from typing import Any

from amaranth import Cat, Elaboratable, Module, Mux, ResetSignal, Signal
from amaranth.asserts import AnyConst, AnySeq, Initial
from amaranth.hdl import Assert, Assume

from tests.formal.formal_parts import drive, outputs
from tests.formal.prove import Fault, Proof
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.rtl.common.readout import Readout
from thermofab.hw.rtl.common.sequencer import Sequencer
from thermofab.hw.rtl.spatial.host import HostBus
from thermofab.hw.rtl.spatial.lane import Lane
from thermofab.hw.rtl.systolic.host import SystolicHost
from thermofab.hw.spec import FabricSpec, fabric

TINY = fabric("complete-2", weight_bits=2, bias_bits=2, table_bits=2, threshold_bits=2, dither_bits=1, levels=2,
              rng="lfsr32")  # fmt: skip


class LaneObeys(Elaboratable):
    """A site changes in a load, or when its slot commits and it is free, and at no other time."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan = plan_lanes(TINY)
        lane = m.submodules.lane = Lane(plan, 1)
        drive(m, lane)
        before, may, load, value = (Signal(plan.slots, name=n) for n in ("before", "may", "load", "value"))
        begun = Signal()
        m.d.comb += Assume(~ResetSignal())
        m.d.sync += [
            begun.eq(1),
            before.eq(lane.state),
            may.eq(lane.state_load | (lane.commit & ~lane.clamped)),
            load.eq(lane.state_load),
            value.eq(lane.state_value),
        ]
        with m.If(begun):
            for slot in range(plan.slots):
                with m.If(~may[slot]):
                    m.d.comb += Assert(lane.state[slot] == before[slot])
                with m.If(load[slot]):
                    m.d.comb += Assert(lane.state[slot] == value[slot])
        return m


class Issues(Elaboratable):
    """The slots that a sequencer issues are those of whole sweeps, in order, and none while it rests; runs of up to
    three samples, aborted, put off and kept waiting at any time.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan = plan_lanes(TINY)
        sequencer = m.submodules.sequencer = Sequencer(plan)
        samples, steps = Signal(32), Signal(32)
        m.d.comb += [samples.eq(AnyConst(2)), steps.eq(AnyConst(2))]
        drive(m, sequencer, run__phases=0, run__samples=samples, run__steps=steps)
        expected, since, quiet = Signal(range(plan.slots)), Signal(4, init=15), Signal(3)
        m.d.comb += Assume(~ResetSignal())
        m.d.sync += [
            since.eq(Mux(since == 15, 15, since + 1)),
            quiet.eq(Mux(sequencer.run.busy, 0, quiet + (quiet != 7))),
        ]
        with m.If(sequencer.issue):
            m.d.comb += [Assert(sequencer.slot == expected), Assert(quiet <= 1)]
            m.d.sync += [expected.eq(Mux(expected == plan.slots - 1, 0, expected + 1)), since.eq(1)]
            # The next colour reads what this one writes: no sooner than that is done.
            m.d.comb += Assert(since >= plan.colour_clocks)
        return m


class RunsEnd(Elaboratable):
    """A run of up to a phase and two samples, up to two sweeps apart, ends when its samples are taken at once."""

    BOUND = 60

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sequencer = m.submodules.sequencer = Sequencer(plan_lanes(TINY))
        clock, samples, steps, phases = Signal(8), Signal(32), Signal(32), Signal(5)
        m.d.comb += [samples.eq(AnyConst(2)), steps.eq(AnyConst(2)), phases.eq(AnyConst(1))]
        drive(m, sequencer, run__start=clock == 2, run__abort=0, hold=0, free=1, run__samples=samples,
              run__steps=steps, run__phases=phases, phase_sweeps__write=clock == 0, phase_sweeps__index=0,
              phase_sweeps__write_data=1)  # fmt: skip
        m.d.comb += [Assume(~ResetSignal()), Assume(samples <= 2), Assume(steps <= 2)]
        m.d.sync += clock.eq(Mux(clock == 255, 255, clock + 1))
        with m.If((clock > 3) & (clock < 6)):
            m.d.comb += Assert(sequencer.run.busy)
        with m.If(clock > self.BOUND):
            m.d.comb += [Assert(~sequencer.run.busy), Assert(sequencer.run.done), Assert(~sequencer.run.aborted)]
        return m


class TakesOnlyWhenFree(Elaboratable):
    """The sequencer takes a sample only in clocks in which the read-out, whose word on offer stays, can take it."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sequencer = m.submodules.sequencer = Sequencer(plan_lanes(TINY))
        readout = m.submodules.readout = Readout(40)
        abort, samples, steps = Signal(), Signal(32), Signal(32)
        m.d.comb += [abort.eq(AnySeq(1)), samples.eq(AnyConst(2)), steps.eq(AnyConst(2)), Assume(~ResetSignal())]
        drive(m, sequencer, free=readout.free, run__abort=abort, run__phases=0, run__samples=samples, run__steps=steps)
        drive(m, readout, take=sequencer.take, flush=abort)
        with m.If(sequencer.take):
            m.d.comb += Assert(readout.free)
        offered, word, begun = Signal(), Signal(32), Signal()
        m.d.sync += [
            offered.eq(readout.samples.valid & ~readout.samples.ready & ~abort),
            word.eq(readout.samples.payload),
            begun.eq(1),
        ]
        with m.If(begun & offered):
            m.d.comb += Assert(readout.samples.valid & (readout.samples.payload == word))
        return m


class ResetForgets(Elaboratable):
    """Two sequencers in any two states, reset once and then given the same inputs, do the same for ever after."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan = plan_lanes(TINY)
        first, second = Sequencer(plan), Sequencer(plan)
        m.submodules += [first, second]
        shared = {}
        for path, member, value in first.signature.flatten(first):
            name = "__".join(map(str, path))
            if member.flow.name == "In":
                shared[name] = Signal(len(value), name=f"given_{name}")
                m.d.comb += shared[name].eq(AnySeq(len(value)))
        # The phase table is loaded by the host before it is used; runs without phases do not look at it.
        shared["run__phases"] = 0
        for name in ("run__samples", "run__steps"):
            shared[name] = Signal(32, name=f"few_{name}")
            m.d.comb += shared[name].eq(AnyConst(2))
        for each in (first, second):
            drive(m, each, **shared)
        m.d.comb += Assume(ResetSignal() == Initial())
        issued = Signal()  # level and mask are those of an issue, and mean nothing before the first
        m.d.sync += issued.eq(issued | first.issue)
        with m.If(~Initial()):
            for name, value in outputs(first).items():
                equal = value == outputs(second)[name]
                if name in ("level", "mask"):
                    equal = equal | ~(issued | first.issue)
                if not name.startswith("phase_"):
                    m.d.comb += Assert(equal)
        return m


class BusGuards(Elaboratable):
    """While busy, no locked register changes and no strobe of a locked write is given; data read stay to the next read.

    Strobes that leave a systolic host are a clock later than the decision, but for those of states and clamps.
    """

    KEPT = (
        "shift",
        "run__phases",
        "run__samples",
        "run__steps",
        "run__level",
        "run__mask",
        "stream",
        "extra",
        "clamps",
        "neighbours",
    )
    STROBES = {
        "spatial": ("seed_write", "states_write", "weights__write", "biases__write", "tables__write",
                    "phase_sweeps__write", "phase_level__write", "phase_mask__write", "run__start"),
        "systolic": ("phase_write", "bits_write", "coefficient_write", "seed_write", "table_write", "restate",
                     "run__start"),
    }  # fmt: skip

    def __init__(self, spec: FabricSpec) -> None:
        self._spec = spec

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        systolic = self._spec.architecture == "systolic"
        host = m.submodules.host = (SystolicHost if systolic else HostBus)(self._spec)
        drive(m, host)
        busy, begun = Signal(), Signal()
        m.d.comb += Assume(~ResetSignal())
        m.d.sync += [busy.eq(host.run.busy), begun.eq(1)]
        found = outputs(host)
        for name in self.KEPT:
            if name in found:
                before = Signal(len(found[name]), name=f"was_{name}")
                m.d.sync += before.eq(found[name])
                with m.If(begun & busy):
                    m.d.comb += Assert(found[name] == before)
        for name in self.STROBES[self._spec.architecture]:
            late = systolic and name not in ("run__start", "bits_write")
            with m.If((begun & busy) if late else host.run.busy):
                m.d.comb += Assert(found[name] == 0)
        # A read strobe in clock k brings data to k+2, where they stay unless another read was strobed one clock later.
        asked, data, settled = Signal(2), Signal(32), Signal()
        m.d.sync += [asked.eq(Cat(host.bus.read, asked[0])), data.eq(host.bus.read_data), settled.eq(begun)]
        # `data` of the clock before stays unless a read's data come in this one.
        with m.If(begun & settled & ~asked[1]):
            m.d.comb += Assert(host.bus.read_data == data)
        return m


PROOFS = [
    Proof(
        "lane and clamps", "a lane's site changes in a load, or in its slot's commit if it is free, and at no other time",
        LaneObeys, "prove", 4,
        Fault("hw/rtl/spatial/lane.py", "(self.commit[slot] & ~self.clamped[slot])", "self.commit[slot]"),
    ),
    Proof(
        "slots in order", "slots are issued colour after colour, no sooner than the last colour's are stored, and none at rest",
        Issues, "bmc", 22,
        Fault("hw/rtl/common/sequencer.py", "with m.If(place == plan.colour_clocks - 1):", "with m.If(place == plan.colour_clocks - 2):"),
    ),
    Proof(
        "spatial runs end", "a run of up to a phase and two samples ends within its bound, for all steps up to 2",
        RunsEnd, "bmc", 66,
        Fault("hw/rtl/common/sequencer.py", "draining.eq(draining + 1)", "draining.eq(draining)"),
    ),
    Proof(
        "taken when free", "a sample is taken only when the read-out is free, and a word on offer stays until taken",
        TakesOnlyWhenFree, "bmc", 18,
        Fault("hw/rtl/common/sequencer.py", "running & due & self.free & ~settled.any()", "running & due & ~settled.any()"),
    ),
    Proof(
        "spatial reset", "after one clock of reset the sequencer's past does not matter, from any two states",
        ResetForgets, "bmc", 10,
        Fault("hw/rtl/common/sequencer.py", "finishing = Signal(SETTLE + 1)", "finishing = Signal(SETTLE + 1, reset_less=True)"), any_start=True,
    ),
    Proof(
        "spatial bus", "while busy no locked register changes and no locked strobe is given; data read stay",
        lambda: BusGuards(TINY), "prove", 5,
        Fault("hw/rtl/common/decoder.py", "self.writing & ~(self.locked & self._run.busy) & ~self.bad_value", "self.writing & ~self.bad_value"),
    ),
    Proof(
        "systolic bus", "while busy no locked register changes and no locked strobe is given; data read stay",
        lambda: BusGuards(fabric(TINY, architecture="systolic")), "prove", 5,
        Fault("hw/rtl/common/decoder.py", "self.writing & ~(self.locked & self._run.busy) & ~self.bad_value", "self.writing & ~self.bad_value"),
    ),
]  # fmt: skip
