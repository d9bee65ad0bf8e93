"""The sending side of a line's end: which frame goes out next, and its words.

Sent again is everything from the first frame that has not been acknowledged: at most two, those of the last two steps.
For a tile begins a step when the other end's frame of the step before has come, which that end sent with all earlier
ones taken. States are read from the fabric as they leave, again when sent again: no site of the last two steps' colours
has changed by then, since its next step begins after the acknowledgement.
"""

from typing import Any

from amaranth import Array, C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.crc import Processor
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.tiles.plan import HEADER, NUMBER_BITS, SESSION_BITS, End


class Sender(wiring.Component):
    """See the head of this file.

    Ports:
        clear: a new session: nothing has been sent.
        session, come: what headers say; state: ``[sends]``, the states of the sites named in the plan, by position.
        steps, colour: steps that are done, modulo 32, and the colour of the next.
        acknowledged, acknowledge: a number that has come, and a strobe.
        answer: strobe: a frame has come that wants an acknowledgement.
        quiet: all that was sent is acknowledged, and there is no more.
        line: to the other end.
    """

    def __init__(self, end: End) -> None:
        self._end = end
        super().__init__(
            {
                "clear": In(1),
                "session": In(SESSION_BITS),
                "come": In(NUMBER_BITS),
                "state": In(sum(map(len, end.sends))),
                "steps": In(NUMBER_BITS),
                "colour": In(range(end.colours)),
                "acknowledged": In(NUMBER_BITS),
                "acknowledge": In(1),
                "answer": In(1),
                "quiet": Out(1),
                "line": Out(end.line.signature),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, line = Module(), self._end.line
        # not acknowledged; to be sent
        first = Signal(NUMBER_BITS, name="first")
        following = Signal(NUMBER_BITS, name="following")
        waited = Signal(range(line.patience), name="waited")
        owed = Signal(range(line.delay), name="owed")
        owing = Signal(name="owing")
        # a frame is on its way; one begins
        sending = Signal(name="sending")
        starts = Signal(name="starts")

        ahead = Signal(NUMBER_BITS, name="ahead")
        gained = Signal(NUMBER_BITS, name="gained")
        behind = Signal(NUMBER_BITS, name="behind")
        fresh = Signal()  # an acknowledgement of something
        m.d.comb += [
            ahead.eq(self.steps - first),
            gained.eq(self.acknowledged - first),
            behind.eq(following - first),
            fresh.eq(self.acknowledge & (gained != 0) & (gained <= ahead)),
            self.quiet.eq(first == self.steps),
        ]
        has_data = Signal(name="has_data")
        late = Signal(name="late")
        due = Signal(name="due")
        m.d.comb += [
            has_data.eq(following != self.steps),
            late.eq(waited == line.patience - 1),
            due.eq(owing & (owed == line.delay - 1)),
            starts.eq(~sending & ~self.clear & (has_data | due)),
        ]
        with m.If(owing & (owed != line.delay - 1)):
            m.d.sync += owed.eq(owed + 1)
        with m.If(starts):
            m.d.sync += owing.eq(0)
        with m.If(self.answer):
            m.d.sync += [owing.eq(1), owed.eq(0)]

        with m.If(first == following):
            m.d.sync += waited.eq(0)
        with m.Elif(~late):
            m.d.sync += waited.eq(waited + 1)
        with m.If(starts & has_data):
            m.d.sync += [following.eq(following + 1), waited.eq(0)]
        with m.Elif(late & ~sending & ~fresh):  # which says where to go on from
            m.d.sync += [following.eq(first), waited.eq(0)]
        with m.If(fresh):
            m.d.sync += [first.eq(self.acknowledged), waited.eq(0)]
            with m.If(behind < gained):
                m.d.sync += following.eq(self.acknowledged)
        with m.If(self.clear):
            m.d.sync += [first.eq(0), following.eq(0), waited.eq(0), owing.eq(0)]

        self._frame(m, sending, starts, has_data, following)
        return m

    def _frame(self, m: Module, sending: Signal, starts: Signal, has_data: Signal, number: Signal) -> None:
        """A frame, word by word: its header, the states of its colour, and the CRC of what has gone."""
        end, line = self._end, self._end.line
        counts = [line.state_words(len(sites)) for sites in end.sends]
        header = Signal(HEADER, name="header")
        colour = Signal(range(end.colours), name="colour")
        left = Signal(range(max(line.check_words, line.header_words, *counts)))  # words of this field after this one
        states_follow = Signal(name="states_follow")
        begun = Signal(name="begun")
        word = Signal(line.width, name="word")
        valid = Signal(name="valid")
        m.submodules.check = check = Processor(line.check)
        m.d.comb += [check.start.eq(~begun), check.data.eq(word)]
        m.d.sync += [self.line.valid.eq(valid), self.line.first.eq(valid & ~begun), self.line.data.eq(word)]
        with m.If(valid):
            m.d.sync += [begun.eq(1), left.eq(left - 1)]

        with m.FSM(name="frame") as frame:
            m.d.comb += sending.eq(~frame.ongoing("IDLE"))
            with m.State("IDLE"):
                chosen = self._colour_of(m, number)
                m.d.sync += [
                    header.session.eq(self.session),
                    header.data.eq(has_data),
                    header.number.eq(number),
                    header.come.eq(self.come),
                    colour.eq(chosen),
                    states_follow.eq(has_data & chosen_of(counts, chosen).any()),
                    left.eq(line.header_words - 1),
                    begun.eq(0),
                ]
                with m.If(starts):
                    m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += [word.eq(header.as_value()), valid.eq(1), check.valid.eq(1)]
                m.d.sync += header.as_value().eq(header.as_value() >> line.width)
                with m.If(left == 0):
                    with m.If(states_follow):
                        m.d.sync += left.eq(chosen_of(counts, colour) - 1)
                        m.next = "STATES"
                    with m.Else():
                        m.d.sync += left.eq(line.check_words - 1)
                        m.next = "CHECK"
            with m.State("STATES"):
                m.d.comb += [word.eq(self._states(m, colour, left)), valid.eq(1), check.valid.eq(1)]
                with m.If(left == 0):
                    m.d.sync += left.eq(line.check_words - 1)
                    m.next = "CHECK"
            with m.State("CHECK"):
                sent = (line.check_words - 1 - left)[: len(left)]
                m.d.comb += [word.eq(check.crc.word_select(sent, line.width)), valid.eq(1)]
                with m.If(left == 0):
                    m.next = "IDLE"

    def _colour_of(self, m: Module, number: Signal) -> Signal:
        """The colour of step ``number``, one of the last two."""
        colours = self._end.colours
        back = Signal(2, name="back")
        chosen = Signal.like(self.colour, name="chosen")
        m.d.comb += back.eq(self.steps - number)
        with m.Switch(self.colour):
            for colour in range(colours):
                with m.Case(colour):
                    m.d.comb += chosen.eq(Mux(back[0], (colour - 1) % colours, (colour - 2) % colours))
        return chosen

    def _states(self, m: Module, colour: Signal, left: Signal) -> Signal:
        """The word of a colour's states before the last ``left``."""
        width = self._end.line.width
        start = 0
        word = Signal(self._end.line.width, name="states")
        with m.Switch(Cat(left, colour)):
            for number, sites in enumerate(self._end.sends):
                states = self.state[start : start + len(sites)]
                start += len(sites)
                words = self._end.line.state_words(len(sites))
                for k in range(words):
                    with m.Case(number << len(left) | words - 1 - k):
                        m.d.comb += word.eq(states[k * width : (k + 1) * width])
        return word


def chosen_of(numbers: list[int], index: Signal) -> Value:
    """The number at an index."""
    return Value.cast(Array([C(number) for number in numbers])[index])
