"""The clocks of a sweep: what cells, draw units and memories are told in each.

Clocks are counted by *t*, which is 0 when a colour's roots have the event to gather; bit j of a field is added at
t = 2 + j. Everything follows from one strobe (:class:`thermofab.hw.rtl.relay.colours.Colours`) by delays. Generators of
a colour begin before its first event could, so the events themselves are ``DrawSource.lead`` clocks late.

    t = -reach …     words of a window are read (of other generators: -9 …)
    0                draw units note which of their cells is the root
    1 …              a window makes its new bits (others step, once)
    2 …              what was made is written back
    2 … S + 1        bits are added: of the dither, shift of them; then table_bits of the address; then those beyond
    S + 2            address at the table's memory;  S + 3 … its answer;  S + 4 compared, roots have their event
    S + 5            roots take it
"""

from collections.abc import Callable
from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.plan import BIAS_WORDS, CHUNKS, COLOURS, EVENT_WORDS, STATES_WORD, RelayPlan
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.relay.colours import Colours
from thermofab.hw.spec.clocks import RELAY_WIDTHS

ISSUED = 2  # clocks from a word's address at the event memory to the events
SETTLED = 4  # clocks from the last word's address to complete states

At = Callable[[int], Value]  # in this clock a colour is at t


def lead_of(plan: RelayPlan) -> int:
    """Clocks from the strobe ``swept`` to complete states."""
    return plan.source.lead + SETTLED


def steering(plan: RelayPlan) -> wiring.Signature:
    """What the host and the sequencer tell the steps of a sweep, and hear of them."""
    return wiring.Signature(
        {
            "go": In(1),
            "level": In(max(1, (plan.spec.levels - 1).bit_length())),
            "mask": In(1),
            "swept": Out(1),
            "last_colour": In(range(COLOURS)),
            "field_bits": In(range(RELAY_WIDTHS[1] + 1)),
            "shift": In(max(1, plan.spec.dither_bits.bit_length())),
            "load": In(1),
            "loading": Out(1),
            "rewind": In(1),
        }
    )


class Steps(wiring.Component):
    """Sweeps when told to.

    Ports:
        go, level, mask, swept: of :class:`thermofab.hw.rtl.common.sweeps.SweepSequencer`; its lead: :func:`lead_of`.
        last_colour, field_bits, shift: of the image.
        height_write, height_index, write_data: the height of a colour.
        load: cells take the states in the events' word :data:`STATES_WORD`; loading: until they have.
        rewind: windows go on from their first word.
        event_address, event_read: of the event memory; events not read are 0.
        taking, clear: for cells.
        pick, adding, capture, beyond, fire, dithering, place, shift_word, step: for draw units.
        table_level: the level, from a colour's t = 1 on until the next colour's.
        bias_address: of the memory of biases; state_address, state_write_address, state_write: of generators'.
    """

    def __init__(self, plan: RelayPlan, hierarchy: Hierarchy | None = None) -> None:
        self._plan, self._spec, self._source = plan, plan.spec, plan.source
        self._hierarchy = hierarchy or InPlace()
        told, state_bits = steering(plan).members, (COLOURS * self._source.words - 1).bit_length()
        super().__init__(
            {
                **told,
                "height_write": In(1),
                "height_index": In(range(COLOURS)),
                "write_data": In(32),
                "event_address": Out(range(2 * EVENT_WORDS)),
                "event_read": Out(1),
                **{name: Out(1) for name in ("taking", "clear", "pick", "adding", "capture", "beyond", "fire")},
                **{name: Out(1) for name in ("dithering", "shift_word", "step", "state_write")},
                "place": Out(range(RELAY_WIDTHS[1] + 1)),
                "table_level": Out(told["level"].shape),
                "bias_address": Out(range(BIAS_WORDS)),
                "state_address": Out(state_bits),
                "state_write_address": Out(state_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        colours = self._hierarchy.add(m, "colours", "colours", Colours)
        for name in ("go", "last_colour", "field_bits", "height_write", "height_index"):
            m.d.comb += getattr(colours, name).eq(getattr(self, name))
        m.d.comb += [colours.height.eq(self.write_data), self.swept.eq(colours.swept)]

        start = self._source.lead + ISSUED
        roots, first = _Delays(m, colours.roots, "roots"), _Delays(m, colours.roots & colours.first, "first")

        def at(t: int) -> Value:
            return roots(t + start)

        self._events(m, colours)
        self._fields(m, at)
        self._biases(m, at, first(start - 1))
        self._generators(m, at, colours)
        return m

    def _events(self, m: Module, colours: Any) -> None:
        """Events and what they mean, for sweeps and for loading states."""
        lead, loads = self._source.lead, Signal(name="loads")
        m.d.sync += loads.eq(self.load)
        issued = Mux(loads, STATES_WORD, Cat(colours.word, self.mask))
        takes = _Delays(m, colours.taking | loads, "takes")
        m.d.comb += [
            self.event_address.eq(_Delays(m, issued, "issued")(lead)),
            self.event_read.eq(_Delays(m, colours.gathering | colours.taking | loads, "reads")(lead)),
            self.clear.eq(_Delays(m, loads, "loads")(lead + ISSUED)),
            self.fire.eq(_Delays(m, colours.drawn, "drawn")(lead + ISSUED + 1)),
        ]
        # While there are events to take, and a clock longer: cells work in the clock after theirs, and then no more.
        m.d.sync += self.taking.eq(takes(lead + ISSUED - 1) | takes(lead + ISSUED))
        left = Signal(range(lead + SETTLED + 1))
        with m.If(self.load):
            m.d.sync += left.eq(lead + SETTLED)
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
        m.d.comb += self.loading.eq(left.any())

    def _fields(self, m: Module, at: At) -> None:
        """What is done with each bit of a field."""
        place, adding, capture, beyond = self.place, self.adding, self.capture, self.beyond
        last, dithered, captured = (Signal(range(RELAY_WIDTHS[1] + 1), name=n) for n in ("last", "dithered", "whole"))
        undithered = Signal()
        m.d.sync += [
            last.eq(self.field_bits - 1),
            dithered.eq(self.shift - 1),
            captured.eq(self.shift + (self._spec.table_bits - 1)),
            undithered.eq(self.shift == 0),
        ]
        m.d.comb += self.pick.eq(at(0))
        with m.If(at(0)):
            m.d.sync += self.table_level.eq(self.level)
        m.d.sync += place.eq(place + 1)
        with m.If(adding):
            with m.If(place == dithered):
                m.d.sync += [self.dithering.eq(0), capture.eq(1)]
            with m.If(place == captured):
                m.d.sync += [capture.eq(0), beyond.eq(1)]
            with m.If(place == last):
                m.d.sync += [adding.eq(0), capture.eq(0), beyond.eq(0)]
        with m.If(at(1)):
            m.d.sync += [place.eq(0), adding.eq(1), self.dithering.eq(~undithered), capture.eq(undithered)]

    def _biases(self, m: Module, at: At, rewinds: Value) -> None:
        """Bits of biases in the order they are added, a clock each, from t = 0 on."""
        reading, left = Signal(name="reading"), Signal(range(RELAY_WIDTHS[1] + 1), name="left")
        with m.If(reading):
            m.d.sync += [self.bias_address.eq(self.bias_address + 1), left.eq(left - 1)]
            with m.If(left == 0):
                m.d.sync += reading.eq(0)
        with m.If(at(-1)):
            m.d.sync += [reading.eq(1), left.eq(self.field_bits - 1)]
        with m.If(rewinds):
            m.d.sync += self.bias_address.eq(0)

    def _generators(self, m: Module, at: At, colours: Any) -> None:
        """Addresses of generators' states: a colour's words one after another, read, and written back as they are made.

        A window's words are those from where the last draw ended, in a ring; a sweep's last colour moves that on. Its
        first is read at t = -reach, so that all that its first new bits are made from have come at t = 1; others' are
        read from t = -9 on, so that they step at t = 1.
        """
        source, within = self._source, (self._source.words - 1).bit_length()
        steps = source.advance(self._spec.word_bits) if source.taps else source.words
        read_colour = Signal(range(COLOURS))
        written_colour = Signal(range(COLOURS))
        read, written = Signal(within, name="read"), Signal(within, name="written")
        # of this sweep's draws; of the colour's in hand
        start, began = Signal(within, name="start"), Signal(within, name="began")
        m.d.comb += [
            self.state_address.eq(Cat(read, read_colour)),
            self.state_write_address.eq(Cat(written, written_colour)),
        ]
        m.d.sync += [read.eq(read + 1), written.eq(written + 1)]
        with m.If(colours.roots):
            m.d.sync += [read.eq(start), began.eq(start), read_colour.eq(colours.colour)]
            if source.taps:
                with m.If(colours.last):
                    m.d.sync += start.eq(start + steps)
        with m.If(self.rewind):
            m.d.sync += start.eq(0)
        with m.If(at(1)):
            m.d.sync += [written.eq(began), written_colour.eq(read_colour)]
        _level(m, self.state_write, at(1), at(1 + steps))
        if source.taps:
            _level(m, self.shift_word, at(0), at(steps))
        else:
            # In as they are read, two clocks late; out as they are written.
            m.d.comb += self.step.eq(at(1))
            inward = Signal()
            _level(m, inward, at(-CHUNKS), at(0))
            m.d.comb += self.shift_word.eq(inward | self.state_write)


def _level(m: Module, level: Signal, rises: Value, falls: Value) -> None:
    """``level`` is 1 from the clock after ``rises`` to that of ``falls``."""
    with m.If(falls):
        m.d.sync += level.eq(0)
    with m.If(rises):
        m.d.sync += level.eq(1)


class _Delays:
    """A value some clocks late: one chain of registers for all who ask."""

    def __init__(self, m: Module, value: Value, name: str) -> None:
        self._m, self._name, self._taps = m, name, [value]

    def __call__(self, clocks: int) -> Value:
        while len(self._taps) <= clocks:
            held = Signal(len(self._taps[-1]), name=f"{self._name}_{len(self._taps)}")
            self._m.d.sync += held.eq(self._taps[-1])
            self._taps.append(held)
        return self._taps[clocks]
