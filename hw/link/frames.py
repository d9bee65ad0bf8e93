"""The link's frames, as octets: what the host asks and what the board answers.

A frame on the line is COBS(content) and a zero. Content is 32-bit words, the low octet first:

    header  kind + 16·increment | tag | 16-bit number                           (from the host)
            kind + 128·busy     | tag | 16-bit number                           (from the board)
    address                                    WRITE and READ only
    data    up to ``DATA_WORDS`` words         WRITE, INFO's answer, READ's answer, DATA
    CRC-32 of all octets before it             reflected, 0xEDB88320, as in Ethernet and zlib

    kind     from the host                                   the board's answer
    INFO     tag                                             tag, w; link words, then registers 0…15
    WRITE    sequence number; address; data                  the same, and the sequence number it waits for next
    READ     tag, number of words; address                   tag, w; the words
    ACK      -, samples before this word have come           none
    FETCH    tag, the same, and send again from there        tag, w; then DATA
    DATA     (never)                                         by itself: -, index of the first word; sample words
    REFUSED  (never)                                         to a frame that fails its check, or is none of these

w is the index, modulo 2^12, of the next sample word the fabric will give.
"""

import zlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from thermofab.hw.link.cobs import cobs_decode, cobs_encode

PROTOCOL_VERSION = 1
DATA_WORDS = 60  # words of data in the longest frame: 252 octets of content, 254 on the line with the zero
RING_WORDS = 256  # sample words the board keeps until they are acknowledged
INDEX_BITS = 12  # sample words are numbered modulo 2^INDEX_BITS: sixteen rings
INFO_LINK_WORDS = 3
INFO_REGISTERS = 16  # the head of every register map: identity, sizes, digest
BUSY = 0x80
INCREMENT = 0x10
CRC_POLYNOMIAL = 0xEDB88320
CRC_RESIDUE = 0xDEBB20E3  # of the register, after any content followed by its CRC


class Kind(IntEnum):
    """What a frame is."""

    INFO = 0
    WRITE = 1
    READ = 2
    ACK = 3
    FETCH = 4
    DATA = 5
    REFUSED = 6


@dataclass(frozen=True)
class Frame:
    """A frame from the board.

    Attributes:
        kind: of the answer.
        busy: the fabric was running when the frame was made.
        tag: of the request answered.
        number: w; for a WRITE, the sequence number that the board waits for; for DATA, the index of its first word.
        words: uint32, its data.
    """

    kind: Kind
    busy: bool
    tag: int
    number: int
    words: np.ndarray


def seal(content: bytes) -> bytes:
    """Content with its CRC, stuffed, between two zeros: the first ends whatever noise came before."""
    return b"\0" + cobs_encode(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"


def unseal(stuffed: bytes) -> bytes | None:
    """The content of what stood between two zeros; ``None`` where it was damaged."""
    octets = cobs_decode(stuffed)
    if octets is None or len(octets) < 8 or len(octets) % 4:
        return None
    content, check = octets[:-4], octets[-4:]
    return content if zlib.crc32(content).to_bytes(4, "little") == check else None


def request(kind: Kind, tag: int, number: int = 0, *, address: int | None = None, increment: bool = False,
            data: bytes = b"") -> bytes:  # fmt: skip
    """A frame for the board, ready for the line."""
    head = bytes([kind | INCREMENT * increment, tag & 0xFF]) + (number & 0xFFFF).to_bytes(2, "little")
    return seal(head + (b"" if address is None else address.to_bytes(4, "little")) + data)


def answer(frame: Frame) -> bytes:
    """The same for a frame from the board: what the gateware sends."""
    head = bytes([frame.kind | BUSY * frame.busy, frame.tag]) + frame.number.to_bytes(2, "little")
    return seal(head + np.asarray(frame.words, dtype="<u4").tobytes())[1:]


def parse(stuffed: bytes) -> Frame | None:
    """A frame from the board out of what stood between two zeros; ``None`` where it was damaged."""
    content = unseal(stuffed)
    if content is None or content[0] & ~BUSY > max(Kind):
        return None
    number = int.from_bytes(content[2:4], "little")
    words = np.frombuffer(content, dtype="<u4", offset=4).astype(np.uint32)
    return Frame(Kind(content[0] & ~BUSY), bool(content[0] & BUSY), content[1], number, words)


class Deframer:
    """Cuts a stream of octets at its zeros."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> list[bytes]:
        """What now stands whole between two zeros, without the empty ones."""
        *whole, self._rest = (self._rest + octets).split(b"\0")
        return [part for part in whole if part]
