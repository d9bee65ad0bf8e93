"""Lists of register writes as bursts: runs of consecutive addresses, or of one address."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from thermofab.hw.link.frames import DATA_WORDS
from thermofab.hw.spec import DeviceError


@dataclass(frozen=True)
class Burst:
    """The data of one WRITE: to ``address`` and, if ``increment``, the addresses after it."""

    address: int
    increment: bool
    data: bytes


def bursts(addresses: np.ndarray, data: np.ndarray) -> Iterator[Burst]:
    """The writes ``data[k]`` to ``addresses[k]``, in order, in as few bursts as a greedy reader finds."""
    where = np.atleast_1d(np.asarray(addresses, dtype=np.int64))
    what = (np.atleast_1d(np.asarray(data)).astype(np.int64) & 0xFFFFFFFF).astype("<u4")
    if where.shape != what.shape:
        raise DeviceError(f"a write needs an address for each word, got {len(where)} addresses and {len(what)} words.")
    if len(where) and (where.min() < 0 or where.max() >= 2**32):
        bad = where[(where < 0) | (where >= 2**32)][0]
        raise DeviceError(f"addresses lie in 0…2^32-1, got {bad}.")
    steps = np.diff(where)
    breaks = np.flatnonzero(np.diff(steps)) + 1  # where the step from one address to the next changes
    at, total = 0, len(where)
    while at < total:
        step = int(steps[at]) if at < total - 1 else 1
        if step in (0, 1):
            later = breaks[np.searchsorted(breaks, at, side="right") :]
            end = min(int(later[0]) + 1 if len(later) else total, at + DATA_WORDS)
        else:
            end = at + 1
        yield Burst(int(where[at]), step != 0, what[at:end].tobytes())
        at = end
