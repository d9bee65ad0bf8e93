"""Seeds derived from a seed and numbers such as a step or a phase, by SplitMix64 (thermofab.hw.spec.seeding).

Every random choice of a training run is a function of (seed, step, …) and of nothing that happened before, so that a
run resumed from a checkpoint makes the choices that an uninterrupted one would have made.
"""

import numpy as np

from thermofab.hw.spec.seeding import GOLDEN, MASK64, mix64


def derived(seed: int, *numbers: int) -> int:
    """A 64-bit seed: h ← mix((h ^ number) + G) for each number in turn, from h = mix(seed + G)."""
    state = mix64(np.array([(seed + GOLDEN) & MASK64], dtype=np.uint64))
    for number in numbers:
        state = mix64((state ^ np.uint64(number)) + np.uint64(GOLDEN))
    return int(state[0])


def batch_rows(n_rows: int, size: int, step: int, seed: int) -> np.ndarray:
    """int64 ``[size]``: the rows of mini-batch number ``step``; each pass over the rows is shuffled anew."""
    rows, start = [], step * size
    while len(rows) < size:
        epoch, place = divmod(start + len(rows), n_rows)
        order = np.random.default_rng(derived(seed, epoch)).permutation(n_rows)
        rows.extend(order[place : place + size - len(rows)].tolist())
    return np.array(rows)
