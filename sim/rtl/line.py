"""A bad line on purpose: a pseudo-terminal that passes frames on, damaged, dropped, repeated or with octets put in.

    with simulated_board(spec) as board, faulty_line(board, share=0.01, seed=1) as path:
        device = open_device(f"serial://{path}", spec)

A frame, either way, is hit with probability ``share``, by each kind of fault equally often.
"""

import os
import random
import select
import threading
import tty
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from thermofab.hw.spec import DeviceError

FAULTS = ("damage", "drop", "repeat", "insert", "truncate")


def hit(frame: bytes, fault: str, rng: random.Random) -> bytes:
    """``frame``, which ends in its zero, after ``fault``."""
    if fault == "drop":
        return b""
    if fault == "repeat":
        return frame + frame
    out = bytearray(frame)
    if fault == "truncate":
        return bytes(out[: rng.randrange(len(out))])
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out))
        if fault == "insert":
            out.insert(at, rng.randrange(256))
        else:
            out[at] ^= rng.randint(1, 255)
    return bytes(out)


class FaultyLine:
    """Between a reader, at :attr:`path`, and the port ``board``.

    Attributes:
        path: the port to open.
        faults: faults so far, by ``("up" or "down", kind)``; up is towards the reader.
        frames: frames so far, by direction.
    """

    def __init__(self, board: str, share: float, seed: int) -> None:
        if not 0 <= share < 1:
            raise DeviceError(f"the share of frames that are hit must lie in 0…1, 1 excluded, got {share}.")
        self.faults: Counter[tuple[str, str]] = Counter()
        self.frames: Counter[str] = Counter()
        self._share = share
        self._board = os.open(board, os.O_RDWR | os.O_NOCTTY)
        self._reader, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.path = os.ttyname(self._theirs)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._relay, args=(seed,), daemon=True)
        self._thread.start()

    def _relay(self, seed: int) -> None:
        ways = {
            self._reader: ("down", self._board, random.Random(2 * seed)),
            self._board: ("up", self._reader, random.Random(2 * seed + 1)),
        }
        rest = {source: b"" for source in ways}
        while not self._stop.is_set():
            for source in select.select(list(ways), [], [], 0.05)[0]:
                way, sink, rng = ways[source]
                *frames, rest[source] = (rest[source] + os.read(source, 4096)).split(b"\0")
                out = b"".join(self._pass(frame + b"\0", way, rng) for frame in frames)
                while out:
                    out = out[os.write(sink, out) :]

    def _pass(self, frame: bytes, way: str, rng: random.Random) -> bytes:
        if len(frame) == 1:
            return frame
        self.frames[way] += 1
        if rng.random() >= self._share:
            return frame
        fault = rng.choice(FAULTS)
        self.faults[way, fault] += 1
        return hit(frame, fault, rng)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for descriptor in (self._board, self._reader, self._theirs):
            os.close(descriptor)


@contextmanager
def faulty_line(board: str, share: float, seed: int) -> Iterator[str]:
    """The path of a port that leads to the port ``board`` over a :class:`FaultyLine`."""
    line = FaultyLine(board, share, seed)
    try:
        yield line.path
    finally:
        line.close()
