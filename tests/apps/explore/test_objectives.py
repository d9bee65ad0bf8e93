"""Fronts and volumes, against plain definitions."""

import numpy as np
import pytest

from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.objectives import Objective, front, hypervolume, point_of
from thermofab.apps.explore.record import Measure, Record
from thermofab.hw.spec import SpecError


def test_the_front_is_what_no_other_betters():
    assert front([(1, 5), (2, 2), (3, 1), None, (3, 3), (2, 2)]) == [0, 1, 2, 5]


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_hypervolume_is_the_share_of_the_box_that_is_bettered(dimensions):
    """Against counting of a grid of cells, on which the points lie: equal but for rounding."""
    draw = np.random.default_rng(dimensions)
    points = draw.integers(0, 8, (6, dimensions)).astype(float)
    cells = np.stack(np.meshgrid(*[np.arange(8) + 0.5] * dimensions, indexing="ij"), -1).reshape(-1, dimensions)
    covered = np.any(np.all(cells[:, None] > points[None], axis=2), axis=1).sum()
    assert hypervolume(points.tolist(), [8.0] * dimensions) == pytest.approx(covered)
    assert hypervolume([[9.0] * dimensions, None], [8.0] * dimensions) == 0.0


def test_objectives_are_logarithms_with_a_floor_and_workloads_go_together():
    rate, distance = Objective.of("max:ess_per_second"), Objective.of("min:tv")
    assert rate.together([10.0, 1000.0]) == pytest.approx(-2.0) and rate.shown(-2.0) == pytest.approx(100)
    assert distance.over == "worst" and distance.together([0.0, 0.1]) == pytest.approx(-1.0)
    assert distance.cost(0.0) == distance.cost(0.004)
    assert Objective.from_json(distance.to_json()) == distance
    for wrong in ("tv", "least:tv", "max:"):
        with pytest.raises(SpecError, match="max:MEASURE"):
            Objective.of(wrong)


def test_points_that_cannot_run_or_exceed_a_limit_are_kept_with_the_reason():
    one = Candidate.of("g8-4x4")
    fine = Record(one, "a", "k", True, None, {"tv": Measure(0.2, "", "measured")})
    refused = Record(one, "b", "l", False, "too small", {})
    objectives = (Objective.of("min:tv"),)
    assert point_of([fine], objectives, {}).costs is not None
    both = point_of([fine, refused], objectives, {})
    assert both.costs is None and both.reason == "b: too small" and both.violation == 1
    beyond = point_of([fine], objectives, {"tv": 0.1})
    assert beyond.costs is None and "above the limit" in str(beyond.reason) and beyond.violation == 1
    assert "not known" in str(point_of([fine], (Objective.of("max:speed"),), {}).reason)
