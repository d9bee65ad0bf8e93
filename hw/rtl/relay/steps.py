"""The clocks of a sweep: colour after colour, events from their memory, and what draw units and generators are told.

A colour of height H with fields of S bits takes S + 2H + 5 clocks:

    gather   H + 1   its events in rising order, the deepest sites first, so that a parent starts a clock after its
                     children; the last are the roots'
    wait     S + 3   fields come, addresses and thresholds are looked up
    take     H + 1   the same events in falling order: roots take what was drawn, their children a clock later theirs

and the next colour's follow without a gap. What follows counts clocks by *t*, which is 0 when a colour's roots have
their first event (bit j of a field is added at t = 2 + j), and is derived from one strobe by delays. Generators of a
colour begin ``Source.lead`` clocks before its roots' event could be issued, so all events are that much delayed.

    t = 0            draw units note which of their cells is the root
    1 …              words of a window shift (until W/2 words of two bits came), or others step, once
    2 … S + 1        bits are added: of the dither, shift of them; then table_bits of the address; then those beyond
    S + 2            address at the table's memory;  S + 3 … its answer;  S + 4 compared, roots have their event
    S + 5            roots take it
"""

from typing import Any

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.plan import (
    BIAS_WORDS,
    CHUNKS,
    COLOURS,
    EVENT_WORDS,
    STATES_WORD,
    RelayPlan,
)
from thermofab.hw.host.relay.registers import TALLEST
from thermofab.hw.spec.clocks import RELAY_WIDTHS

ISSUED = 2  # clocks from a word's address at the event memory to the events
WAIT = 3  # clocks between gathering and taking, beside the field's
TAKEN = 4  # clocks from the last address to complete states


def lead_of(plan: RelayPlan) -> int:
    """Clocks from the strobe ``swept`` to complete states."""
    return plan.source.lead + TAKEN


def steering_ports(plan: RelayPlan) -> dict[str, Any]:
    """What the host and the sequencer tell the steps of a sweep, and hear of them."""
    return {
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


class Steps(wiring.Component):
    """Sweeps when told to.

    Ports:
        go, level, mask, swept: of :class:`thermofab.hw.rtl.common.sweeps.SweepSequencer`, with ``lead`` of :func:`lead_of`.
        last_colour, field_bits, shift: of the image.
        height_write, height_index, write_data: the height of a colour.
        load: cells take the states in the events' word :data:`STATES_WORD`; loading: until they have. rewind:
            windows go on from their first word.
        event_address, event_read: of the event memory; events not read are 0.
        taking, clear: for cells. pick, adding, capture, beyond, fire, dithering, place, shift_word, step: for draw
            units.
        table_level: the level, from a colour's t = 1 on until the next colour's.
        bias_address: of the memory of biases. state_address, state_write_address, state_write: of generators'.
    """

    def __init__(self, plan: RelayPlan) -> None:
        self._plan, self._spec, self._source = plan, plan.spec, plan.source
        steering = steering_ports(plan)
        word_bits = (COLOURS * self._source.words - 1).bit_length()
        super().__init__(
            {
                **steering,
                "table_level": Out(steering["level"].shape),
                "height_write": In(1),
                "height_index": In(range(COLOURS)),
                "write_data": In(32),
                "event_address": Out(range(2 * EVENT_WORDS)),
                "event_read": Out(1),
                **{name: Out(1) for name in ("taking", "clear", "pick", "adding", "capture", "beyond", "fire")},
                **{name: Out(1) for name in ("dithering", "shift_word", "step", "state_write")},
                "place": Out(range(RELAY_WIDTHS[1] + 1)),
                "bias_address": Out(range(BIAS_WORDS)),
                "state_address": Out(word_bits),
                "state_write_address": Out(word_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports: Any = self
        first, begin = self._colours(m)
        # `at(t)`: in this clock a colour is at t.
        start, early = self._source.lead + ISSUED, {0: begin}

        def at(t: int) -> Value:
            return _delayed(m, early, "since", t + start)

        self._fields(m, at)
        self._biases(m, at, _delayed(m, {0: first & begin}, "first_since", start - 1))
        self._generators(m, at, begin)
        return m

    def _colours(self, m: Module) -> tuple[Value, Value]:
        """Walks the colours, ``Source.lead`` clocks ahead of the events. Returns whether the colour is the sweep's
        first, and the strobe of the last clock of its gathering.
        """
        ports: Any = self
        heights = m.submodules.heights = Memory(shape=range(TALLEST + 1), depth=COLOURS, init=[])
        write, read = heights.write_port(), heights.read_port()
        colour = Signal(range(COLOURS))  # the next one
        height, left, top = Signal(range(TALLEST + 1)), Signal(range(TALLEST + 1)), Signal(range(EVENT_WORDS))
        word, waited = Signal(range(EVENT_WORDS)), Signal(range(RELAY_WIDTHS[1] + WAIT + 1))
        gathering, waiting, taking, loading = (Signal(name=n) for n in ("gathering", "waiting", "takes", "loads"))
        ends = Signal()  # the sweep does, with this colour
        begins = Signal()  # a colour's gathering does, in the next clock
        starts = Signal()
        m.d.comb += [
            write.addr.eq(ports.height_index),
            write.data.eq(ports.write_data),
            write.en.eq(ports.height_write),
            read.addr.eq(colour),
            ports.swept.eq(taking & (left == 0) & ends),
            starts.eq(ports.go),
            begins.eq(starts | (taking & (left == 0) & ~ends)),
        ]
        first = Signal()
        m.d.sync += loading.eq(ports.load)
        with m.If(gathering | taking):
            m.d.sync += left.eq(left - 1)
        with m.If(gathering):
            m.d.sync += word.eq(word + 1)
            with m.If(left == 0):
                m.d.sync += [gathering.eq(0), waiting.eq(1), word.eq(word), top.eq(word)]
                m.d.sync += waited.eq(ports.field_bits + (WAIT - 1))
        with m.If(waiting):
            m.d.sync += waited.eq(waited - 1)
            with m.If(waited == 0):
                m.d.sync += [waiting.eq(0), taking.eq(1), left.eq(height)]
        with m.If(taking):
            m.d.sync += word.eq(word - 1)
            with m.If(left == 0):
                m.d.sync += [taking.eq(0), word.eq(top + 1)]
        with m.If(begins):
            m.d.sync += [gathering.eq(1), height.eq(read.data), left.eq(read.data), first.eq(starts)]
            m.d.sync += [ends.eq(colour == ports.last_colour)]
            m.d.sync += colour.eq(colour + 1)
            with m.If(colour == ports.last_colour):
                m.d.sync += colour.eq(0)
        with m.If(starts):
            m.d.sync += word.eq(0)
        with m.If(ports.load):
            m.d.sync += word.eq(STATES_WORD)
        self._ends, self._begins, self._colour = ends, begins, colour

        # The events, delayed.
        lead = self._source.lead
        issued = Cat(word, ports.mask & ~loading)
        reading = gathering | taking | loading
        issue, valid, takes, loads = {0: issued}, {0: reading}, {0: taking | loading}, {0: loading}
        m.d.comb += [
            ports.event_address.eq(_delayed(m, issue, "event_address", lead)),
            ports.event_read.eq(_delayed(m, valid, "event_read", lead)),
            ports.taking.eq(
                _delayed(m, takes, "takes", lead + ISSUED) | _delayed(m, takes, "takes", lead + ISSUED + 1)
            ),
            ports.clear.eq(_delayed(m, loads, "loads", lead + ISSUED)),
        ]
        in_hand = Signal(range(lead + TAKEN + 1))
        with m.If(ports.load):
            m.d.sync += in_hand.eq(lead + TAKEN)
        with m.Elif(in_hand.any()):
            m.d.sync += in_hand.eq(in_hand - 1)
        m.d.comb += ports.loading.eq(in_hand.any())
        # Roots have their second event, and draw units compare, when the first word of taking has come.
        began = Signal()
        m.d.comb += began.eq(waiting & (waited == 0))
        m.d.comb += ports.fire.eq(_delayed(m, {0: began}, "began", lead + ISSUED + 1))
        return first, gathering & (left == 0)

    def _fields(self, m: Module, at: Any) -> None:
        """What is done with each bit of a field."""
        ports: Any = self
        place, adding, capture, beyond = ports.place, ports.adding, ports.capture, ports.beyond
        last, dithered, captured = (Signal(range(RELAY_WIDTHS[1] + 1), name=n) for n in ("last", "dithered", "held"))
        m.d.sync += [
            last.eq(ports.field_bits - 1),
            dithered.eq(ports.shift - 1),
            captured.eq(ports.shift + (self._spec.table_bits - 1)),
        ]
        m.d.comb += ports.pick.eq(at(0))
        with m.If(at(0)):
            m.d.sync += ports.table_level.eq(ports.level)
        m.d.sync += place.eq(place + 1)
        undithered = ports.shift == 0
        with m.If(adding):
            with m.If(place == dithered):
                m.d.sync += [ports.dithering.eq(0), capture.eq(1)]
            with m.If(place == captured):
                m.d.sync += [capture.eq(0), beyond.eq(1)]
            with m.If(place == last):
                m.d.sync += [adding.eq(0), capture.eq(0), beyond.eq(0)]
        with m.If(at(1)):
            m.d.sync += [place.eq(0), adding.eq(1), ports.dithering.eq(~undithered), capture.eq(undithered)]

    def _biases(self, m: Module, at: Any, rewinds: Value) -> None:
        """Bits of biases in the order they are added, a clock each, from t = 0 on."""
        ports: Any = self
        reading, left = Signal(), Signal(range(RELAY_WIDTHS[1] + 1))
        with m.If(reading):
            m.d.sync += [ports.bias_address.eq(ports.bias_address + 1), left.eq(left - 1)]
            with m.If(left == 0):
                m.d.sync += reading.eq(0)
        with m.If(at(-1)):
            m.d.sync += [reading.eq(1), left.eq(ports.field_bits - 1)]
        with m.If(rewinds):
            m.d.sync += ports.bias_address.eq(0)

    def _generators(self, m: Module, at: Any, begin: Value) -> None:
        """Addresses of generators' states: a colour's words one after another, read, and written back as they are made.

        A window's first word is read at t = -reach, so that all that its first new bits are made from have come at
        t = 1; others' are read from t = -9 on, so that they step at t = 1.
        """
        ports: Any = self
        source, word_bits = self._source, self._spec.word_bits
        within = (source.words - 1).bit_length()
        colour, written = Signal(range(COLOURS)), Signal(range(COLOURS))
        here, there = Signal(within), Signal(within)  # words read and written
        m.d.comb += [ports.state_address.eq(Cat(here, colour)), ports.state_write_address.eq(Cat(there, written))]
        steps = source.advance(word_bits) if source.taps else source.words
        start, from_word = Signal(within), Signal(within)
        ready = Signal(range(COLOURS))
        with m.If(self._begins):
            m.d.sync += ready.eq(self._colour)
        m.d.sync += [here.eq(here + 1), there.eq(there + 1)]
        if source.taps:
            with m.If(begin & self._ends):
                m.d.sync += start.eq(start + steps)
        with m.If(ports.rewind):
            m.d.sync += start.eq(0)
        with m.If(begin):
            m.d.sync += [here.eq(start), from_word.eq(start), colour.eq(ready)]
        with m.If(at(1)):
            m.d.sync += [there.eq(from_word), written.eq(colour)]
        _level(m, ports.state_write, at(1), at(1 + steps))
        if source.taps:
            _level(m, ports.shift_word, at(0), at(steps))
        else:
            # In as they are read, two clocks late; out as they are written.
            m.d.comb += ports.step.eq(at(1))
            inward = Signal()
            _level(m, inward, at(-CHUNKS), at(0))
            m.d.comb += ports.shift_word.eq(inward | ports.state_write)


def _level(m: Module, level: Signal, rises: Value, falls: Value) -> None:
    """``level`` is 1 from the clock after ``rises`` to that of ``falls``."""
    with m.If(falls):
        m.d.sync += level.eq(0)
    with m.If(rises):
        m.d.sync += level.eq(1)


def _delayed(m: Module, taps: dict[int, Value], name: str, clocks: int) -> Value:
    """``taps[0]`` so many clocks late; ``taps`` keeps the registers in between."""
    for k in range(len(taps), clocks + 1):
        held = Signal(len(taps[k - 1]), name=f"{name}_{k}")
        m.d.sync += held.eq(taps[k - 1])
        taps[k] = held
    return taps[clocks]
