"""Protocols: the spatial sequencer and lane, both register buses, and the serial link."""

from typing import Any

from amaranth import Array, Cat, Const, Elaboratable, Module, Mux, ResetSignal, Signal, Value
from amaranth.asserts import AnyConst, AnySeq, Initial
from amaranth.hdl import Assert, Assume
from formal_systolic import drive
from prove import Fault, Proof

from thermofab.hw.link.frames import CRC_POLYNOMIAL, INDEX_BITS, Kind
from thermofab.hw.rtl.host import HostBus
from thermofab.hw.rtl.lane import Lane
from thermofab.hw.rtl.lanes import plan_lanes
from thermofab.hw.rtl.link import ring as ring_module
from thermofab.hw.rtl.link.crc import SerialCrc
from thermofab.hw.rtl.link.engine import Engine
from thermofab.hw.rtl.link.ring import Ring
from thermofab.hw.rtl.link.uart import UartReceiver, UartTransmitter
from thermofab.hw.rtl.readout import Readout
from thermofab.hw.rtl.sequencer import Sequencer
from thermofab.hw.rtl.systolic.host import SystolicHost
from thermofab.hw.spec import FabricSpec, fabric

TINY = fabric("complete-2", weight_bits=2, bias_bits=2, table_bits=2, threshold_bits=2, dither_bits=1, levels=2,
              rng="lfsr32")  # fmt: skip


def outputs(component: Any) -> dict[str, Value]:
    """A component's outputs, by name."""
    return {"__".join(map(str, path)): value for path, member, value in component.signature.flatten(component)
            if member.flow.name == "Out"}  # fmt: skip


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
        drive(m, sequencer, phases=0, samples=samples, steps=steps)
        expected, since, quiet = Signal(range(plan.slots)), Signal(4, init=15), Signal(3)
        m.d.comb += Assume(~ResetSignal())
        m.d.sync += [since.eq(Mux(since == 15, 15, since + 1)), quiet.eq(Mux(sequencer.busy, 0, quiet + (quiet != 7)))]
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
        drive(m, sequencer, start=clock == 2, abort=0, hold=0, free=1, samples=samples, steps=steps, phases=phases,
              phase_write_sweeps=clock == 0, phase_index=0, write_data=1)  # fmt: skip
        m.d.comb += [Assume(~ResetSignal()), Assume(samples <= 2), Assume(steps <= 2)]
        m.d.sync += clock.eq(Mux(clock == 255, 255, clock + 1))
        with m.If((clock > 3) & (clock < 6)):
            m.d.comb += Assert(sequencer.busy)
        with m.If(clock > self.BOUND):
            m.d.comb += [Assert(~sequencer.busy), Assert(sequencer.done), Assert(~sequencer.aborted)]
        return m


class TakesOnlyWhenFree(Elaboratable):
    """The sequencer takes a sample only in clocks in which the read-out, whose word on offer stays, can take it."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sequencer = m.submodules.sequencer = Sequencer(plan_lanes(TINY))
        readout = m.submodules.readout = Readout(40)
        abort, samples, steps = Signal(), Signal(32), Signal(32)
        m.d.comb += [abort.eq(AnySeq(1)), samples.eq(AnyConst(2)), steps.eq(AnyConst(2)), Assume(~ResetSignal())]
        drive(m, sequencer, free=readout.free, abort=abort, phases=0, samples=samples, steps=steps)
        drive(m, readout, take=sequencer.take, flush=abort)
        with m.If(sequencer.take):
            m.d.comb += Assert(readout.free)
        offered, word, begun = Signal(), Signal(32), Signal()
        m.d.sync += [offered.eq(readout.valid & ~readout.ready & ~abort), word.eq(readout.payload), begun.eq(1)]
        with m.If(begun & offered):
            m.d.comb += Assert(readout.valid & (readout.payload == word))
        return m


class ResetForgets(Elaboratable):
    """Two sequencers in any two states, reset once and then given the same inputs, do the same for ever after."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan = plan_lanes(TINY)
        first, second = Sequencer(plan), Sequencer(plan)
        m.submodules += [first, second]
        shared = {}
        for (name,), member, value in first.signature.flatten(first):
            if member.flow.name == "In":
                shared[name] = Signal(len(value), name=f"given_{name}")
                m.d.comb += shared[name].eq(AnySeq(len(value)))
        # The phase table is loaded by the host before it is used; runs without phases do not look at it.
        shared["phases"] = 0
        for name in ("samples", "steps"):
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
                if not name.startswith("phase_read"):
                    m.d.comb += Assert(equal)
        return m


class BusGuards(Elaboratable):
    """While busy, no locked register changes and no strobe of a locked write is given; data read stay to the next read.

    Strobes that leave a systolic host are a clock later than the decision.
    """

    KEPT = ("shift", "phases", "samples", "steps", "level", "mask", "stream", "extra", "clamps")
    STROBES = {
        "spatial": ("seed_write", "states_write", "weights_write", "biases_write", "tables_write", "phase_sweeps_write",
                    "phase_level_write", "phase_mask_write", "start"),
        "systolic": ("phase_write", "bits_write", "coefficient_write", "seed_write", "table_write", "restate", "start"),
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
        m.d.sync += [busy.eq(host.busy), begun.eq(1)]
        found = outputs(host)
        for name in self.KEPT:
            if name in found:
                before = Signal(len(found[name]), name=f"was_{name}")
                m.d.sync += before.eq(found[name])
                with m.If(begun & busy):
                    m.d.comb += Assert(found[name] == before)
        for name in self.STROBES[self._spec.architecture]:
            late = systolic and name != "start"
            with m.If((begun & busy) if late else host.busy):
                m.d.comb += Assert(found[name] == 0)
        # A read strobe in clock k brings data to k+2, where they stay unless another read was strobed one clock later.
        asked, data, settled = Signal(2), Signal(32), Signal()
        m.d.sync += [asked.eq(Cat(host.bus_read, asked[0])), data.eq(host.bus_read_data), settled.eq(begun)]
        # `data` of the clock before stays unless a read's data come in this one.
        with m.If(begun & settled & ~asked[1]):
            m.d.comb += Assert(host.bus_read_data == data)
        return m


class RingLosesNothing(Elaboratable):
    """The word taken at place k is the word that came at place k, for any k, whatever is acknowledged or asked for
    again; between two requests of the host places follow each other.

    The ring takes any words while it is ready; the reader waits for ``unsent`` and one clock more, as the engine does at least. It has 8 places here.
    """

    PLACES = 8

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ring = m.submodules.ring = Ring()
        ring_module.RING_WORDS = self.PLACES
        calm, taken, some = Signal(3), Signal(), Signal()
        acknowledge, index, rewind = Signal(), Signal(INDEX_BITS), Signal()
        held_index, held_rewind, was = Signal(INDEX_BITS), Signal(), Signal()
        m.d.comb += [
            Assume(~ResetSignal()),
            index.eq(Mux(was, held_index, AnySeq(INDEX_BITS))),
            rewind.eq(Mux(was, held_rewind, AnySeq(1))),
            acknowledge.eq(AnySeq(1)),
            Assume(~(was & acknowledge)),
        ]
        m.d.sync += [was.eq(acknowledge), held_index.eq(index), held_rewind.eq(rewind)]
        m.d.comb += [
            taken.eq(AnySeq(1)),
            Assume(~taken | ((calm == 4) & some & (ring.unsent != 0) & ~acknowledge & ~was)),
        ]
        m.d.sync += some.eq(ring.unsent != 0)
        drive(m, ring, acknowledge=acknowledge, index=index, rewind=rewind, next=taken)
        # An entry is followed from where it comes in to where it is shown.
        mark, word, seen = AnyConst(INDEX_BITS), Signal(32), Signal()
        place = Signal(INDEX_BITS)
        m.d.comb += place.eq(mark)
        moved = Signal()
        m.d.comb += moved.eq(ring.valid & ring.ready)
        with m.If(moved & (ring.come == place)):
            m.d.sync += [word.eq(ring.payload), seen.eq(1)]
        # Clocks since the index shown, or what was acknowledged, last changed.
        with m.If(taken | acknowledge | was):
            m.d.sync += calm.eq(0)
        with m.Elif(calm != 4):
            m.d.sync += calm.eq(calm + 1)
        with m.If(taken & (ring.sent == place)):
            m.d.comb += [Assert(seen), Assert(ring.data == word)]
        # A word that is taken follows the last one taken, but for rewinds.
        last, any_taken = Signal(INDEX_BITS), Signal()
        m.d.sync += any_taken.eq((any_taken | taken) & ~acknowledge)
        with m.If(taken):
            m.d.sync += last.eq(ring.sent)
            with m.If(any_taken):
                m.d.comb += Assert(ring.sent == (last + 1)[:INDEX_BITS])
        return m


class OctetsCross(Elaboratable):
    """Any octet, given to the transmitter at any time, comes out of a receiver at the other end, and no other does."""

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        transmitter = m.submodules.transmitter = UartTransmitter(self._divisor)
        receiver = m.submodules.receiver = UartReceiver(self._divisor)
        octet, clock, sent, waiting = Signal(8), Signal(8), Signal(), Signal(8)
        start = Signal(2)
        m.d.comb += [octet.eq(AnyConst(8)), start.eq(AnyConst(2)), Assume(~ResetSignal())]
        m.d.comb += [
            receiver.rx.eq(transmitter.tx),
            transmitter.octet.eq(octet),
            transmitter.valid.eq((clock >= start) & ~sent),
        ]
        m.d.sync += clock.eq(clock + 1)
        with m.If(transmitter.valid & transmitter.ready):
            m.d.sync += sent.eq(1)
        came = Signal()
        with m.If(receiver.valid):
            m.d.sync += came.eq(1)
            m.d.comb += [Assert(sent & ~came), Assert(receiver.octet == octet)]
        m.d.comb += Assert(~receiver.broken)
        with m.If(sent):
            m.d.sync += waiting.eq(waiting + 1)
        with m.If(waiting > 10 * self._divisor + 4):
            m.d.comb += Assert(came)
        return m


class CrcIsExact(Elaboratable):
    """n octets, a bit a clock, and what is given are the CRC that a table-free octet-wise loop gives, inverted."""

    def __init__(self, octets: int) -> None:
        self._octets = octets

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        crc = m.submodules.crc = SerialCrc()
        bits = 8 * self._octets
        content, clock = Signal(bits), Signal(8)
        m.d.comb += [content.eq(AnyConst(bits)), Assume(~ResetSignal())]
        # The bits of the content are first added to the register's low end, octet by octet, then eight shifts follow.
        register: Value = Const(0xFFFFFFFF, 32)
        for octet in range(self._octets):
            mixed = Signal(32, name=f"mixed_{octet}")
            m.d.comb += mixed.eq(register ^ content.word_select(octet, 8))
            register = mixed
            for k in range(8):
                after = Signal(32, name=f"after_{octet}_{k}")
                m.d.comb += after.eq(Mux(register[0], (register >> 1) ^ CRC_POLYNOMIAL, register >> 1))
                register = after
        final = Signal(32)
        m.d.comb += final.eq(~register)
        giving = Signal()
        m.d.comb += [
            giving.eq((clock >= bits) & (clock < bits + 32)),
            crc.enable.eq((clock < bits) | giving),
            crc.bit.eq(Array(content)[clock]),
            crc.give.eq(giving),
            crc.clear.eq(0),
        ]
        m.d.sync += clock.eq(Mux(clock == 255, 255, clock + 1))
        for k in range(4):
            with m.If(clock == bits + 8 * k):
                m.d.comb += Assert(crc.octet == final.word_select(k, 8))
        return m


class WritesHappenOnce(Elaboratable):
    """A WRITE's words reach the bus only if its number is the one awaited, which then goes up, modulo 256, and by one
    a request: so a number repeated before 256 others writes nothing.

    Requests are WRITEs of a word and ACKs, numbered 0 and 1, in any order; their octets come as the unframer's do.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        engine = m.submodules.engine = Engine(4, 2, 0)
        header, words, full, data = Signal(32), Signal(6), Signal(), Signal(8)
        first, released = Signal(init=1), Signal()
        drive(m, engine, full=full, words=words, data=data, ready=1, refused=0, busy=0, unsent=0, come=0, sent=0,
              sample=0, bus_read_data=0)  # fmt: skip
        m.d.comb += [Assume(~ResetSignal()), full.eq(~released)]
        # The unframer keeps a request until its release; the next is there a clock later.
        chosen, kept = Signal(2), Signal(2)
        m.d.comb += [
            chosen.eq(Mux(first | released, AnySeq(2), kept)),
            header.eq(Cat(Mux(chosen[0], Const(Kind.WRITE, 8), Const(Kind.ACK, 8)), chosen[1])),
            words.eq(3),
        ]
        m.d.sync += [first.eq(0), kept.eq(chosen), released.eq(engine.release)]
        place = Signal(8)
        m.d.sync += place.eq(engine.place)
        m.d.comb += data.eq(Mux(place < 4, header.word_select(place[:2], 8), 0))
        # The specification: requests in order, the number awaited.
        awaited, mine = Signal(8), Signal()
        with m.If(engine.bus_write):
            m.d.comb += [Assert(header[:3] == Kind.WRITE), Assert(words > 2), Assert(header[8:16] == awaited)]
            m.d.sync += mine.eq(1)
        with m.If(engine.release):
            in_turn = (header[:3] == Kind.WRITE) & (header[8:16] == awaited) & (words > 1)
            m.d.sync += [mine.eq(0), awaited.eq(awaited + in_turn)]
            with m.If(in_turn & (words > 2)):
                m.d.comb += Assert(mine | engine.bus_write)
        return m


PROOFS = [
    Proof(
        "lane and clamps", "a lane's site changes in a load, or in its slot's commit if it is free, and at no other time",
        LaneObeys, "prove", 4,
        Fault("hw/rtl/lane.py", "(ports.commit[slot] & ~ports.clamped[slot])", "ports.commit[slot]"),
    ),
    Proof(
        "slots in order", "slots are issued colour after colour, no sooner than the last colour's are stored, and none at rest",
        Issues, "bmc", 22,
        Fault("hw/rtl/sequencer.py", "with m.If(place == plan.colour_clocks - 1):", "with m.If(place == plan.colour_clocks - 2):"),
    ),
    Proof(
        "spatial runs end", "a run of up to a phase and two samples ends within its bound, for all steps up to 2",
        RunsEnd, "bmc", 66,
        Fault("hw/rtl/sequencer.py", "draining.eq(draining + 1)", "draining.eq(draining)"),
    ),
    Proof(
        "taken when free", "a sample is taken only when the read-out is free, and a word on offer stays until taken",
        TakesOnlyWhenFree, "bmc", 18,
        Fault("hw/rtl/sequencer.py", "running & due & ports.free & ~settled.any()", "running & due & ~settled.any()"),
    ),
    Proof(
        "spatial reset", "after one clock of reset the sequencer's past does not matter, from any two states",
        ResetForgets, "bmc", 10,
        Fault("hw/rtl/sequencer.py", "finishing = Signal(SETTLE + 1)", "finishing = Signal(SETTLE + 1, reset_less=True)"), any_start=True,
    ),
    Proof(
        "spatial bus", "while busy no locked register changes and no locked strobe is given; data read stay",
        lambda: BusGuards(TINY), "prove", 5,
        Fault("hw/rtl/host.py", "write.eq(writing & ~(locked & ports.busy) & ~bad_value)", "write.eq(writing & ~bad_value)"),
    ),
    Proof(
        "systolic bus", "while busy no locked register changes and no locked strobe is given; data read stay",
        lambda: BusGuards(fabric(TINY, architecture="systolic")), "prove", 5,
        Fault("hw/rtl/systolic/host.py", "write.eq(writing & ~(locked & ports.busy) & ~bad_value)", "write.eq(writing & ~bad_value)"),
    ),
    Proof(
        "replay ring", "words come out of a replay ring of 8 places in order, each as it went in",
        RingLosesNothing, "bmc", 13,
        Fault("hw/rtl/link/ring.py", "ports.sent.eq(ports.sent + 1)", "ports.sent.eq(ports.sent + 2)"),
    ),
    *(
        Proof(
            f"line, {divisor} clocks a bit", "an octet given to the transmitter, at any time, is the one received, once",
            lambda divisor=divisor: OctetsCross(divisor), "bmc", 10 * divisor + 16,
            Fault("hw/rtl/link/uart.py", "self._divisor + self._divisor // 2 - 1", "2 * self._divisor + self._divisor // 2 - 1"),
        )
        for divisor in (1, 2, 3)
    ),
    Proof(
        "CRC", "CRC-32 of any octet, a bit a clock, is that of the octet-wise definition",
        lambda: CrcIsExact(1), "bmc", 36,
        Fault("hw/rtl/link/crc.py", "& ~ports.give", ""),
    ),
    Proof(
        "writes once", "the first WRITE that reaches the bus has the number awaited, whatever came before it in 34 clocks",
        WritesHappenOnce, "bmc", 34,
        Fault("hw/rtl/link/engine.py", "with m.Elif(self._tag == self._awaited):", "with m.Elif((self._tag == self._awaited) | (self._tag == 1)):"),
    ),
]  # fmt: skip
