"""Consistent overhead byte stuffing (Cheshire & Baker 1999): octets without zeros, so that a zero ends a frame.

A code octet c says that c - 1 octets without a zero follow, and then, unless c is 255 or the frame ends, a zero that
is not sent. n octets become at most n + 1 + n // 254. A receiver that lost its place finds it at the next zero.
"""

LONGEST_RUN = 254


def cobs_encode(content: bytes) -> bytes:
    """``content`` in octets that are never zero, without the delimiter."""
    out = bytearray()
    *parts, last = content.split(b"\0")
    for part in parts:
        while len(part) >= LONGEST_RUN:  # a run of 254 carries no zero: the zero after it takes a code of its own
            out += b"\xff" + part[:LONGEST_RUN]
            part = part[LONGEST_RUN:]
        out.append(len(part) + 1)
        out += part
    while len(last) > LONGEST_RUN:
        out += b"\xff" + last[:LONGEST_RUN]
        last = last[LONGEST_RUN:]
    out.append(len(last) + 1)
    return bytes(out + last)


def cobs_decode(stuffed: bytes) -> bytes | None:
    """Inverse of :func:`cobs_encode`; ``None`` where ``stuffed`` cannot have come from it."""
    out, place, end = bytearray(), 0, len(stuffed)
    if b"\0" in stuffed or not stuffed:
        return None
    while place < end:
        code = stuffed[place]
        run = stuffed[place + 1 : place + code]
        if len(run) != code - 1:
            return None
        out += run
        place += code
        if code != 255 and place < end:
            out.append(0)
    return bytes(out)
