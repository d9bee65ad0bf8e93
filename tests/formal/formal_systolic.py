"""The systolic fabric's blocks: spins change where they may, samples are neither lost nor doubled, runs end."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from dataclasses import replace
from typing import Any

from amaranth import Elaboratable, Module, Mux, ResetSignal, Signal
from amaranth.asserts import AnyConst, AnySeq, Initial
from amaranth.hdl import Assert, Assume

from tests.formal.formal_parts import AnyWords, drive, opened, outputs
from tests.formal.prove import Fault, Proof
from thermofab.hw.host.bits import WORD
from thermofab.hw.host.registers import START
from thermofab.hw.host.systolic.layout import View
from thermofab.hw.host.systolic.program import Select
from thermofab.hw.host.systolic.registers import CLAMP_MASKS, fields, systolic_register_map
from thermofab.hw.host.systolic.timing import Timing, layout_of
from thermofab.hw.rtl.systolic.collector import Collector
from thermofab.hw.rtl.systolic.element import Element
from thermofab.hw.rtl.systolic.ring import Ring
from thermofab.hw.rtl.systolic.rounds import Rounds
from thermofab.hw.rtl.systolic.top import SystolicTop
from thermofab.hw.spec import fabric

SPEC = fabric("complete-2", weight_bits=2, bias_bits=2, table_bits=2, threshold_bits=2, dither_bits=0, levels=2,
              rng="lfsr32")  # fmt: skip


class RingKeepsSpins(Elaboratable):
    """A spin put into a ring is found at every later clock where it has turned to, unless its own slot is written."""

    PLACES, LEVELS = 13, 0

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timing, places = Timing(self.LEVELS), self.PLACES
        view = View((places - 4,), [0] * places)  # type: ignore[arg-type]
        ring = m.submodules.ring = Ring(places, ((view, Select(())),), timing, 1)
        drive(m, ring)
        m.d.comb += Assume(~ResetSignal())
        # `slot` is the slot at its write stage; a mark follows one slot.
        slot, mark, spin, known = Signal(range(places)), AnyConst(4), Signal(), Signal()
        m.d.sync += slot.eq(Mux(slot == places - 1, 0, slot + 1))
        m.d.comb += Assume(mark < places)
        with m.If(slot == mark):
            m.d.sync += [known.eq(1), spin.eq(ring.new)]
            m.d.comb += Assert(ring.new == Mux(ring.write, ring.value, ring.old))
            with m.If(known):
                m.d.comb += Assert(ring.old == spin)
        return m


class ElementObeysClamps(Elaboratable):
    """The ring is written for a load, or for an update of a free site, and for nothing else."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        element = m.submodules.element = Element(SPEC, 12, Timing(0), (), 1, 1)
        drive(m, element)
        update, load, clamped, initial, begun = (Signal(name=n) for n in ("was_update", "was_load", "was_clamped",
                                                                         "was_initial", "begun"))  # fmt: skip
        m.d.comb += Assume(~ResetSignal())
        m.d.sync += [
            begun.eq(1),
            update.eq(element.update),
            load.eq(element.load),
            clamped.eq(element.clamped),
            initial.eq(element.initial),
        ]
        with m.If(begun):
            m.d.comb += Assert(element.write == (load | (update & ~clamped)))
            with m.If(load):
                m.d.comb += Assert(element.value == initial)
        return m


class CollectorLosesNothing(Elaboratable):
    """Bit b of entry e, for any e and b, is bit ``width``·e + b of the stream; a word on offer waits to be taken."""

    def __init__(self, width: int, entries: int) -> None:
        self._width, self._entries = width, entries

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        collector = m.submodules.collector = Collector(self._width, self._entries)
        pushed, moved, promised = Signal(5), Signal(5), Signal()
        drive(m, collector, take=0, flush=0, push=promised, end=pushed[:3] == 7)
        m.d.comb += [Assume(~ResetSignal()), Assume(collector.space | ~collector.single)]
        m.d.sync += promised.eq(collector.single)
        entry, bit, stored = AnyConst(3), AnyConst(5), Signal()
        place = Signal(9)
        m.d.comb += [Assume(bit < self._width), place.eq(entry * self._width + bit)]
        with m.If(promised):
            m.d.sync += pushed.eq(pushed + 1)
            with m.If(pushed == entry):
                m.d.sync += stored.eq(collector.data.bit_select(bit, 1))
        with m.If(collector.samples.valid & collector.samples.ready):
            m.d.sync += moved.eq(moved + 1)
        with m.If(collector.samples.valid & (moved == place >> 5)):
            m.d.comb += [
                Assert(pushed > entry),
                Assert(collector.samples.payload.bit_select(place[: (WORD - 1).bit_length()], 1) == stored),
            ]
        offered, payload = Signal(), Signal(WORD)
        m.d.sync += [
            offered.eq(collector.samples.valid & ~collector.samples.ready),
            payload.eq(collector.samples.payload),
        ]
        with m.If(offered):
            m.d.comb += Assert(collector.samples.valid & (collector.samples.payload == payload))
        return m


class RoundsEnd(Elaboratable):
    """A run of up to a phase of two sweeps and two samples two sweeps apart, with a collector that has room, ends."""

    SLOTS, BOUND = 6, 78

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        rounds = m.submodules.rounds = Rounds(SPEC, self.SLOTS)
        clock = Signal(8)
        samples, steps, phases = AnyConst(32), AnyConst(32), Signal(5)
        m.d.comb += phases.eq(AnyConst(5))
        drive(m, rounds, run__start=clock == 2, run__abort=0, room=1, empty=1, run__samples=samples, run__steps=steps,
              run__phases=phases, phase_write=0, clear=0, restate=clock == 1)  # fmt: skip
        m.d.comb += [Assume(~ResetSignal()), Assume(samples <= 2), Assume(steps <= 2), Assume(phases <= 1)]
        m.d.sync += clock.eq(Mux(clock == 255, 255, clock + 1))
        with m.If(clock > self.BOUND):
            m.d.comb += [Assert(~rounds.run.busy), Assert(rounds.run.done)]
        with m.If(~rounds.run.busy & (clock > 3)):
            m.d.comb += Assert(~rounds.update & ~rounds.load)
        return m


class RoundsWaitForRoom(Elaboratable):
    """No sample is taken unless the collector had room in the clock before the round began; nothing happens at rest."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        rounds = m.submodules.rounds = Rounds(SPEC, 6)
        drive(m, rounds)
        before, had_room, was_busy, begun = Signal(), Signal(), Signal(), Signal()
        m.d.comb += Assume(~ResetSignal())
        m.d.sync += [before.eq(rounds.take), had_room.eq(rounds.room), was_busy.eq(rounds.run.busy), begun.eq(1)]
        with m.If(begun & rounds.take & ~before):
            m.d.comb += [Assert(had_room), Assert(was_busy), Assert(rounds.slot == 0)]
        return m


class ResetForgets(Elaboratable):
    """Two sequencers in any two states, reset once and then given the same inputs, do the same for ever after."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        first, second = Rounds(SPEC, 6), Rounds(SPEC, 6)
        m.submodules += [first, second]
        inputs = {"__".join(map(str, path)): AnySeq(len(value))
                  for path, member, value in first.signature.flatten(first) if member.flow.name == "In"}  # fmt: skip
        shared = {}
        for name, value in inputs.items():
            shared[name] = Signal(len(value), name=f"given_{name}")
            m.d.comb += shared[name].eq(value)
        # The phase table is loaded by the host before it is used; runs without phases do not look at it.
        shared["run__phases"] = 0
        drive(m, first, **shared)
        drive(m, second, **shared)
        m.d.comb += Assume(ResetSignal() == Initial())
        with m.If(~Initial()):
            for name, value in outputs(first).items():
                m.d.comb += Assert(value == outputs(second)[name])
        return m


class Kept(AnyWords):
    """Components by name, so that a proof can look at what goes between them."""

    def __init__(self, bits: int, word_bits: int) -> None:
        super().__init__(bits, word_bits)
        self.built: dict[str, Any] = {}

    def add(self, m: Module, name: str, module: str, build: Any, *, clocked: bool = True) -> Any:
        self.built[name] = super().add(m, name, module, build, clocked=clocked)
        return self.built[name]


class NothingOutlivesReset(Elaboratable):
    """A whole fabric of two sites in any state, reset for one clock: until a round does something again, nothing is
    pushed into the collector, no spin is written, no generator steps and no counter changes; and until the host writes,
    no memory is written."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = replace(SPEC, architecture="systolic", levels=1, moment_bits=2)
        kept = Kept(32, spec.word_bits)
        top = SystolicTop(spec, kept)
        m.submodules.top = opened(top)
        drive(m, top)
        rounds, collector = kept.built["rounds"], kept.built["collector"]
        element, moments, dump = kept.built["element_0"], kept.built["moments_0"], kept.built["dump"]
        tables = kept.built["tables_0"]
        quiet, untouched = Signal(init=1), Signal(init=1)
        acts = rounds.take | rounds.update | rounds.load | rounds.clear_round | dump.busy
        with m.If(acts):
            m.d.sync += quiet.eq(0)
        with m.If(top.bus_write):
            m.d.sync += untouched.eq(0)
        m.d.comb += Assume(ResetSignal() == Initial())
        with m.If(~Initial() & quiet & ~acts):
            m.d.comb += [
                Assert(~(collector.push | collector.take | collector.single)),
                Assert(~(element.write | element.step)),
                Assert(~(moments.take | moments.trail | moments.zero)),
            ]
        with m.If(~Initial() & untouched & ~top.bus_write):
            m.d.comb += [Assert(~element.coefficient_write.any()), Assert(~element.seed_write.any())]
            m.d.comb += Assert(~tables.host_write)
        return m


class OnlyFreeSitesInSweeps(Elaboratable):
    """In a whole fabric of two sites, for all clamps of both masks, initial states, tables and words: a spin changes
    only in the round that loads it, to what is loaded, and in a sweep while it is free under the run's mask.

    The host writes clamps, states and a table through the bus, and starts a run of one sweep under either mask.
    """

    SEEN = 86  # clocks after which both sites have been through the sweep

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = replace(SPEC, architecture="systolic", levels=1)
        layout, registers = layout_of(spec), systolic_register_map(spec)
        top = m.submodules.top = SystolicTop(spec, AnyWords(32, spec.word_bits))
        assert layout.n_elements == 1 and spec.n_sites == 2

        slots = [int(slot) for slot in layout.slot_of]
        clamps = [[Signal(name=f"clamp_{mask}_{site}") for site in (0, 1)] for mask in range(CLAMP_MASKS)]
        initial, mask = [Signal(name=f"initial_{site}") for site in (0, 1)], Signal()
        table = [Signal(spec.threshold_bits, name=f"table_{k}") for k in range(spec.table_size)]
        m.d.comb += [given.eq(AnyConst(len(given))) for given in (*clamps[0], *clamps[1], *initial, mask, *table)]
        (of_mask, _), (of_slot, _), _ = fields(CLAMP_MASKS, layout.n_slots, 1)
        (of_state, _), _ = fields(layout.n_slots, 1)
        writes: list[tuple[str, int, Any]] = [
            *(("CLAMPS", (k << of_mask) + (slot << of_slot), clamps[k][i]) for k in (0, 1) for i, slot in enumerate(slots)),
            *(("STATES", slot << of_state, initial[i]) for i, slot in enumerate(slots)),
            *(("TABLES", k, entry) for k, entry in enumerate(table)),
            ("PHASE_MASK", 0, mask), ("PHASES", 0, 1), ("CONTROL", 0, START),
        ]  # fmt: skip
        clock, address, data = Signal(8), Signal(len(top.bus_address)), Signal(32)
        m.d.sync += clock.eq(clock + (clock != 255))
        with m.Switch(clock):
            for k, (name, entry, value) in enumerate(writes):
                with m.Case(k):
                    m.d.comb += [address.eq(registers[name].base + entry), data.eq(value)]
        m.d.comb += Assume(~ResetSignal())
        drive(m, top, bus_address=address, bus_write=clock < len(writes), bus_write_data=data, bus_read=0)

        for site, slot in enumerate(slots):
            before, swept = Signal(name=f"before_{site}"), Signal(name=f"swept_{site}")
            with m.If(top.state_slot == slot):
                m.d.sync += before.eq(top.state)
                with m.If(top.state_update):
                    m.d.sync += swept.eq(1)
                    m.d.comb += Assert((top.state == before) | ~Mux(mask, clamps[1][site], clamps[0][site]))
                    m.d.comb += Assert(swept | (before == initial[site]))
                with m.Else():
                    m.d.comb += Assert((top.state == before) | (top.state == initial[site]))
            m.d.comb += Assert((clock < self.SEEN) | swept)
        return m


PROOFS = [
    Proof(
        "ring", "a spin stays what it was until its own slot is written", RingKeepsSpins, "bmc", 30,
        Fault("hw/rtl/systolic/ring.py", "ring[(written - 1) % places].eq(self.new)", "ring[written % places].eq(self.new)"),
    ),
    Proof(
        "element and clamps", "spins are written by a load, or by an update of a free site, and by nothing else",
        ElementObeysClamps, "prove", 3,
        Fault("hw/rtl/systolic/element.py", "self.load | (self.update & ~self.clamped)", "self.load | self.update"),
    ),
    Proof(
        "queue", "every bit of the first 8 entries comes out once, in its place, whatever the reader does",
        lambda: CollectorLosesNothing(32, 4), "bmc", 14,
        Fault("hw/rtl/systolic/collector.py", "pop.eq((held != 0) & ~fetched & (~waiting | take_entry))", "pop.eq((held != 0) & ~fetched)"),
    ),
    Proof(
        "packer", "every bit of the first entries of 16 bits comes out once, in its place, whatever the reader does",
        lambda: CollectorLosesNothing(16, 4), "bmc", 14,
        Fault("hw/rtl/systolic/collector.py", "filled[: (WORD - 1).bit_length()]", "filled[:4]"),
    ),
    Proof(
        "runs end", "a run of up to a phase and two samples ends within its bound, for all steps up to 2",
        RoundsEnd, "bmc", 84,
        Fault("hw/rtl/systolic/rounds.py", "finished.eq(~in_phase & ~some_left)", "finished.eq(in_phase & ~some_left)"),
    ),
    Proof(
        "no sample without room", "a round takes a sample only if the collector had room and a run is on",
        RoundsWaitForRoom, "prove", 8,
        Fault("hw/rtl/systolic/rounds.py", "with m.Elif((first | takes) & ~self.room):", "with m.Elif(first & ~self.room):"), reach=40,
    ),
    Proof(
        "reset", "after one clock of reset the sequencer's past does not matter, from any two states",
        ResetForgets, "bmc", 16,
        Fault("hw/rtl/systolic/rounds.py", "Signal(init=1, name=\"restate\")", "Signal(reset_less=True, name=\"restate\")"), any_start=True,
    ),
    Proof(
        "whole systolic fabric and reset", "after one clock of reset, from any state of a fabric of two sites: no spin, "
        "counter, memory or queue changes until a round or the host says so", NothingOutlivesReset, "bmc", 24,
        Fault("hw/rtl/systolic/top.py", "reset_less=name not in _STROBES)", "reset_less=True)"), any_start=True,
    ),
    Proof(
        "whole systolic fabric", "of two sites, from loading to a sweep: a spin changes only in the round that loads it, and "
        "in a sweep if it is free under the run's mask", OnlyFreeSitesInSweeps, "bmc", 90,
        Fault("hw/rtl/systolic/top.py", 'late("mask", rounds.mask, timing.look_up)', 'late("mask", rounds.run.mask, timing.look_up)'),
    ),
]  # fmt: skip
