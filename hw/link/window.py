"""Writes under way on a line: which frames are due, and what an answer says of them.

The board carries out the frame with the number that it waits for and drops all others, so that a lost frame costs those
after it. Silence is met by a probe, one frame sent to learn where the board stands; after the probe's answer the frames
from there on are sent again.
"""

from collections.abc import Iterator
from enum import Enum, auto

NUMBERS = 256  # sequence numbers
WINDOW = 12  # WRITEs under way at once; fewer than half of the sequence numbers
OLDEST = 64  # how far behind an answer can lag


class Answer(Enum):
    """What an answer to a WRITE says."""

    AHEAD = auto()  # more frames are done
    LOST = auto()  # a later frame came first: the one awaited is lost
    NOTHING = auto()
    STRANGE = auto()  # the board waits for a frame that it cannot wait for


class WriteWindow:
    """The state of one write of ``count`` frames, whose first has sequence number ``first``.

    Attributes:
        done: frames that the board has carried out.
    """

    def __init__(self, count: int, first: int) -> None:
        self.done = 0
        self._count, self._first = count, first
        self._sent = 0
        self._reached = 0  # frames sent at least once
        self._probe: int | None = None  # the probe's number
        self._probed = False  # all that came since then is the probe's answer
        self._gone_back = False

    @property
    def finished(self) -> bool:
        return self.done == self._count

    @property
    def awaited(self) -> int:
        """The sequence number that the board waits for."""
        return self.number_of(self.done)

    @property
    def waiting(self) -> bool:
        """All frames are on their way, none of them a probe."""
        return self._probe is None and self._sent == self._count

    @property
    def smooth(self) -> bool:
        """Nothing was sent twice since the last answer, so that the time to the next one is the line's."""
        return self._probe is None and not self._gone_back

    def number_of(self, frame: int) -> int:
        """The sequence number of a frame, modulo 256."""
        return (self._first + frame) % NUMBERS

    def due(self) -> Iterator[tuple[int, bool]]:
        """Frames to send now, and whether each was sent before."""
        while self._probe is None and self._sent < min(self.done + WINDOW, self._count):
            again = self._sent < self._reached
            yield self._sent, again
            self._sent += 1
            self._reached = max(self._reached, self._sent)

    def unanswered(self) -> int | None:
        """The frame to probe with; none after a probe's answer, from which all is sent again."""
        if self._probed:
            self._sent, self._probed = self.done, False
            return None
        self._probe = self.awaited
        return self.done

    def answered(self, waits_for: int, about: int) -> Answer:
        """Take in an answer.

        Args:
            waits_for: sequence number that the board waits for.
            about: sequence number of the frame that is answered.
        """
        ahead, frame = (waits_for - self.awaited) % NUMBERS, (about - self.awaited) % NUMBERS
        told = Answer.NOTHING
        if 1 <= ahead <= self._reached - self.done:
            self.done += ahead
            self._sent, self._gone_back = max(self._sent, self.done), False
            told = Answer.AHEAD
        elif ahead == 0 and 1 <= frame <= WINDOW and not self._gone_back:
            self._sent, self._gone_back = self.done, True
            told = Answer.LOST
        elif 0 < ahead < NUMBERS - OLDEST:
            return Answer.STRANGE
        self._probed = about == self._probe
        if self._probed:
            self._probe = None
        return told
