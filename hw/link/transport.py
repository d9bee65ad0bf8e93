"""A fabric's register bus and sample stream over a line that damages, drops and repeats frames.

WRITEs carry sequence numbers and go out up to 12 at a time (:mod:`thermofab.hw.link.window`); the board carries out the
one it waits for and answers each with the number it waits for next. An answer to a later one shows a gap, and all is
sent again from there (go-back-N); after a silence one frame is sent again, whose answer may tell. A read waits for all
writes before it. Sample words are numbered: a gap is asked for again, what comes twice is dropped. Nothing is decided
from an answer that could belong to an earlier question: tags and numbers only go forward, and a line keeps the order of
what it carries.
"""

import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from thermofab.hw.link.bursts import Burst, bursts
from thermofab.hw.link.frames import DATA_WORDS, INDEX_BITS, Deframer, Frame, Kind, parse, request
from thermofab.hw.link.info import LinkInfo
from thermofab.hw.link.patience import Patience
from thermofab.hw.link.window import Answer, WriteWindow
from thermofab.hw.spec import DeviceError

FIRST_WAIT = 0.25  # seconds, for an answer, before the line is known
LONGEST_SILENCE = 1.0  # seconds without samples after which the board is asked for them
# Stands for a damaged frame among the answers; the board sends no ACK.
DAMAGED = Frame(Kind.ACK, False, 0, 0, np.zeros(0, dtype=np.uint32))
SENDINGS = 12  # of one frame without an answer, before the line is given up
GREETINGS = 5  # the same, before anything was heard
INDICES = 2**INDEX_BITS


def _trouble(frame: Frame) -> bool:
    """A damaged answer came, or the board complains of a damaged frame: most likely it was ours."""
    return frame is DAMAGED or frame.kind is Kind.REFUSED


class Port(Protocol):
    """An open line: pyserial's ``Serial`` is one."""

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int, /) -> bytes: ...

    def write(self, data: bytes, /) -> Any: ...


@dataclass
class LinkCounters:
    """What a transport has seen.

    Attributes:
        sent, received: octets.
        answers, damaged: frames, samples not counted.
        resent: frames, or gaps asked for again.
        repeated: sample words that came more than once.
    """

    sent: int = 0
    received: int = 0
    answers: int = 0
    damaged: int = 0
    resent: int = 0
    repeated: int = 0


class LinkBus:
    """A :class:`thermofab.hw.host.driver.RegisterBus` over a line.

    Args:
        port: the open line.
        name: of the line, for messages.
        sendings: of one frame without an answer, before the line is given up.
    """

    def __init__(self, port: Port, name: str, *, sendings: int = SENDINGS) -> None:
        if sendings < 1:
            raise DeviceError(f"sendings must be at least 1, got {sendings}.")
        self._port, self._name, self._sendings = port, name, sendings
        self._patience = Patience(FIRST_WAIT)  # with questions
        self._write_patience = Patience(2 * FIRST_WAIT, least=0.1)  # with one more WRITE to be done
        self._deframer, self._answers = Deframer(), deque[Frame]()
        self._tag, self._awaited = 0, 0  # of the latest question, and the sequence number of the next WRITE
        self._next = 0  # index of the next sample word
        self._asked_again: int | None = None  # the gap that was last asked for
        self._words: list[np.ndarray] = []  # sample words that nobody collected yet
        self._kept = 0
        self.counters = LinkCounters()
        self.info = self._greet()

    def write(self, addresses: Sequence[int] | np.ndarray, data: Sequence[int] | np.ndarray) -> None:
        """Write ``data[k]`` to ``addresses[k]``, in order, each once; all have taken effect on return."""
        frames = list(bursts(np.asarray(addresses), np.asarray(data)))
        window = WriteWindow(len(frames), self._awaited)
        sendings, since = 1, time.monotonic()
        while not window.finished:
            for index, again in window.due():
                self.counters.resent += again
                self._send_write(window.number_of(index), frames[index])
            frame = self._receive(since + self._write_patience.seconds(sendings))
            if frame is None or (_trouble(frame) and window.waiting):
                if frame is None:
                    sendings, since = self._again(sendings, self._sendings), time.monotonic()
                if (probe := window.unanswered()) is not None:
                    self._send_write(window.number_of(probe), frames[probe])
            elif frame.kind is Kind.WRITE:
                smooth, answer = window.smooth, window.answered(frame.number, frame.tag)
                if answer is Answer.STRANGE:
                    raise DeviceError(
                        f"the board on {self._name} waits for write {frame.number}, not for {window.awaited}: "
                        "it was reset, or another program writes to it. Open it again, and load the image again."
                    )
                if answer is Answer.AHEAD:
                    if smooth:
                        self._write_patience.answered(time.monotonic() - since)
                    sendings = 1
                if answer is not Answer.NOTHING:
                    since = time.monotonic()
            self._awaited = window.awaited

    def read(self, address: int) -> int:
        return int(self.read_burst(address, 1)[0])

    def read_burst(self, address: int, count: int) -> np.ndarray:
        """uint32 ``[count]``: the registers from ``address`` on."""
        out = np.zeros(count, dtype=np.uint32)
        for at in range(0, count, DATA_WORDS):
            words = min(DATA_WORDS, count - at)
            frame = self._ask(Kind.READ, words, address=address + at, increment=True)
            if len(frame.words) != words:
                raise DeviceError(
                    f"the board on {self._name} answered a read of {words} words with {len(frame.words)}; "
                    "it was built from another version of the link."
                )
            out[at : at + words] = frame.words
        return out

    def collect(self, words: int) -> np.ndarray:
        """The next ``words`` words of the sample stream, uint32; fewer if the run ends before they come."""
        heard, waits = time.monotonic(), 1
        while self._kept < words:
            before = self._next
            self._pump()
            damaged = DAMAGED in self._answers
            self._answers.clear()  # to questions that have been answered already
            if self._next == before and not damaged:
                if time.monotonic() < heard + min(LONGEST_SILENCE, self._patience.seconds(waits)):
                    continue
            if self._next == before:
                position = self._fetch()
                if self._next == before and position.number == before and not position.busy:
                    break
            waits = waits + 1 if self._next == before else 1
            heard = time.monotonic()
        whole = np.concatenate([*self._words, np.zeros(0, dtype=np.uint32)])
        out, rest = whole[:words], whole[words:]
        self._words, self._kept = [rest], len(rest)
        return out

    def wait(self) -> None:
        """Return when the fabric is idle."""
        pause = 0.001
        while self._fetch().busy:
            until = time.monotonic() + pause
            while time.monotonic() < until:
                self._pump()
            pause = min(0.1, 1.5 * pause)

    def discard(self) -> None:
        """When the fabric is idle, forget the sample words that came so far, here and on the board."""
        self.wait()
        self._next = self._fetch().number
        self._words, self._kept = [], 0
        self._fetch()  # answered, where an acknowledgement could be lost and the board's ring stay full

    def _greet(self) -> LinkInfo:
        """Find out who is there, and take up the numbers where the board has them.

        Asked twice, with tags drawn at random: an answer meant for a reader that has gone would have to match both.
        """
        while True:
            asked = []
            for _ in range(2):
                self._tag = secrets.randbelow(256)
                asked.append(LinkInfo.of(self._ask(Kind.INFO, sendings_allowed=GREETINGS)))
            if asked[0].awaited == asked[1].awaited:
                self._awaited, self._next = asked[1].awaited, asked[1].come
                self._words, self._kept = [], 0
                self._fetch()
                return asked[1]

    def _ask(self, kind: Kind, number: int = 0, *, sendings_allowed: int | None = None, **rest: Any) -> Frame:
        """The answer to a question that changes nothing, asked until it comes, each time with another tag."""
        sendings, asked, since = 0, dict[int, float](), 0.0
        while True:
            sendings, hurried = self._again(sendings, sendings_allowed or self._sendings), False
            send = True
            while True:
                if send:
                    tag = self._new_tag()
                    self._send(request(kind, tag, number, **rest))
                    asked[tag] = since = time.monotonic()
                frame = self._receive(since + self._patience.seconds(sendings))
                if frame is None:
                    break
                if frame.kind is kind and frame.tag in asked:
                    self._patience.answered(time.monotonic() - asked[frame.tag])
                    return frame
                send = _trouble(frame) and not hurried
                hurried |= send
                self.counters.resent += send

    def _new_tag(self) -> int:
        self._tag = (self._tag + 1) % 256
        return self._tag

    def _again(self, sendings: int, allowed: int) -> int:
        """One sending more, if it is allowed."""
        if sendings < allowed:
            self.counters.resent += sendings > 0
            return sendings + 1
        if not self.counters.answers:
            damaged = self.counters.damaged
            raise DeviceError(
                f"nothing answers on {self._name} after {sendings} attempts"
                + (f", though {damaged} damaged frames came" if damaged else "")
                + ": check that the board is powered and holds a bitstream with the link, and that baud is the board's "
                "clock divided by its divisor."
            )
        raise DeviceError(
            f"the board on {self._name} has stopped answering: {sendings} attempts at one frame brought nothing; "
            "check the cable, then open the device again."
        )

    def _fetch(self) -> Frame:
        """Acknowledge, have what is missing sent again, and learn where the board stands."""
        return self._ask(Kind.FETCH, self._next)

    def _acknowledge(self) -> None:
        self._send(request(Kind.ACK, 0, self._next))

    def _send_write(self, number: int, burst: Burst) -> None:
        self._send(request(Kind.WRITE, number, address=burst.address, increment=burst.increment, data=burst.data))

    def _send(self, octets: bytes) -> None:
        try:
            self._port.write(octets)
        except OSError as error:
            raise self._gone(error) from error
        self.counters.sent += len(octets)

    def _receive(self, deadline: float) -> Frame | None:
        """The next answer; ``None`` if none comes in time."""
        while not self._answers:
            if time.monotonic() >= deadline:
                return None
            self._pump()
        return self._answers.popleft()

    def _pump(self) -> None:
        """Take what has come on the line, or wait a moment for it: samples are kept, answers put in a row."""
        try:
            octets = self._port.read(max(1, self._port.in_waiting))
        except OSError as error:
            raise self._gone(error) from error
        self.counters.received += len(octets)
        for stuffed in self._deframer.feed(octets):
            frame = parse(stuffed)
            if frame is None:
                self.counters.damaged += 1
                self._answers.append(DAMAGED)
            elif frame.kind is Kind.DATA:
                self._take(frame)
            else:
                self.counters.answers += 1
                self._answers.append(frame)

    def _take(self, frame: Frame) -> None:
        """Sample words: those that come next are kept and acknowledged, a gap is asked for again, once."""
        ahead = (frame.number - self._next) % INDICES
        behind = -ahead % INDICES
        if ahead and ahead < INDICES // 2:
            if self._asked_again != self._next:
                self._asked_again = self._next
                self.counters.resent += 1
                self._send(request(Kind.FETCH, self._new_tag(), self._next))
            return
        self.counters.repeated += min(behind, len(frame.words))
        fresh = frame.words[behind:]
        if len(fresh):
            self._words.append(fresh)
            self._kept += len(fresh)
            self._next = (self._next + len(fresh)) % INDICES
            self._asked_again = None
            self._acknowledge()

    def _gone(self, error: OSError) -> DeviceError:
        return DeviceError(f"the serial port {self._name} failed: {error}; was the board unplugged?")
