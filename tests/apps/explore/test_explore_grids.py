"""What benchmarks/explore/grids.py judges with: sweeps to a target, wires, spreads over seeds."""

import pytest
from explore.grids_summary import first_reaching, spread, summary, wire_cells, wired_update

from thermofab.hw.spec import fabric
from thermofab.hw.spec.costs import DTCA


def test_a_target_is_reached_between_two_points_in_the_logarithm_of_sweeps():
    assert first_reaching((1, 10, 100), (8.0, 4.0, 2.0), 3.0) == pytest.approx(10**1.5)
    assert first_reaching((1, 10, 100), (8.0, 4.0, 2.0), 4.0) == pytest.approx(10)


def test_a_target_that_is_left_again_counts_where_it_was_first_reached():
    assert first_reaching((1, 2, 4, 8), (5.0, 1.0, 5.0, 1.0), 1.0) == pytest.approx(2)


def test_a_target_below_all_scores_is_not_reached_and_one_above_all_at_once():
    assert first_reaching((3, 10), (8.0, 4.0), 3.9) is None
    assert first_reaching((3, 10), (8.0, 4.0), 8.0) == 3


@pytest.mark.parametrize(("family", "cells"), [("g8", 24), ("g12", 100), ("z1", 56), ("king", 12)])
def test_wires_are_those_of_a_site_with_all_its_neighbours(family, cells):
    """g8: four neighbours 1 away and four 4 + 1 away, and so on; king: four 1 and four 2 away."""
    assert wire_cells(fabric(f"{family}-40x40").topology) == cells


def test_wired_energy_is_the_models_at_its_own_wires_and_the_random_bit_without_any():
    assert wired_update(100, of=100) == pytest.approx(DTCA.per_update)
    assert wired_update(0, of=100) == pytest.approx(350e-18)


def test_a_spread_needs_every_seed():
    assert spread([1.0, None, 3.0]) is None
    assert spread([1.0, 3.0]) == {"mean": 2.0, "deviation": pytest.approx(2**0.5), "values": [1.0, 3.0]}


def _row(seed, sweeps, fid, threshold=0.0):
    return {
        "grid": "g8", "size": "16x16", "layers": 1, "sweeps": sweeps, "threshold": threshold, "seed": seed,
        "fid": fid, "mmd": [0.01, 0.002, 0.002], "held_out_mmd": 0.003, "tau": 9.0, "tau_complete": True,
        "rho_50": 0.1, "strongest_penalty": 0.0, "training_seconds": 1.0, "seconds": 2.0,
    }  # fmt: skip


def test_a_grid_is_judged_by_its_best_training_and_not_by_its_penalised_one():
    rows = [_row(s, k, fid) for s in (0, 1) for k, fid in ((10, [9.0, 5.0, 8.0]), (50, [9.0, 7.0, 4.0]))]
    rows += [_row(s, 50, [1.0, 1.0, 1.0], threshold=0.03) for s in (0, 1)]
    grid = summary(rows, ("g8",), (2, 10, 50))["grids"]["g8"]
    assert [at["mean"] for at in grid["fid_by_sweeps"]] == [9.0, 5.0, 4.0]
    assert grid["sweeps_to_fid"]["5"]["values"] == [pytest.approx(10)] * 2
    assert grid["sweeps_to_fid"]["2.5"] is None
    assert grid["at_fid"]["2.5"] is None
    reached = grid["at_fid"]["5"]
    assert reached["joules_dtca"]["mean"] == pytest.approx(10 * 256 * DTCA.per_update)
    assert reached["clocks"]["mean"] == pytest.approx(10 * grid["clocks_per_sweep"])
