"""Derived seeds and batches: functions of their numbers alone."""

import numpy as np

from thermofab.models.seeds import batch_rows, derived


def test_derived_seeds_differ_by_every_number_and_its_place():
    seeds = {derived(seed, a, b) for seed in (0, 1) for a in range(10) for b in range(10)}
    assert len(seeds) == 200 and all(0 <= seed < 2**64 for seed in seeds)
    assert derived(3, 1, 2) == derived(3, 1, 2) != derived(3, 2, 1)
    assert derived(2**64 - 1, 5) != derived(0, 5)


def test_batches_pass_over_all_rows_in_an_order_of_each_pass():
    rows = np.concatenate([batch_rows(10, 4, step, seed=1) for step in range(5)])
    assert sorted(rows[:10].tolist()) == sorted(rows[10:].tolist()) == list(range(10))
    assert rows[:10].tolist() != rows[10:].tolist()
    # Batches larger than the data take several passes.
    assert np.bincount(batch_rows(3, 9, 0, seed=1)).tolist() == [3, 3, 3]
    assert np.array_equal(batch_rows(10, 4, 3, seed=1), rows[12:16])
