"""The area model: what was placed is told from what is fitted, and errors are of points left out."""

import pytest

from thermofab.apps.explore.area import QUANTITIES, area_of, fit, model_of
from thermofab.apps.explore.synthesised import POINTS
from thermofab.hw.spec import SpecError, fabric


def test_a_placed_fabric_is_measured_and_another_modelled_with_its_error():
    placed = area_of(fabric("complete-64", architecture="dense"))
    assert placed.standing == "measured" and placed.lut4 == 1605 and placed.errors == {}
    other = area_of(fabric("complete-200", architecture="dense"))
    assert other.standing == "modelled" and set(other.errors) == set(QUANTITIES)
    assert "left-out error" in other.how("lut4") and not other.beyond
    assert area_of(fabric("complete-64", architecture="dense", weight_bits=6)).beyond


@pytest.mark.parametrize("architecture", ["spatial", "relay", "dense", "systolic"])
def test_the_model_grows_with_the_fabric_and_is_near_its_points(architecture):
    model = model_of(architecture)
    assert max(model.errors.values()) < 0.6
    small, large = {
        "dense": ("complete-64", "complete-256"), "systolic": ("g8-16x16-torus", "g8-32x32-torus")
    }.get(architecture, ("g8-8x8", "g8-16x16"))  # fmt: skip
    less, more = (model.of(fabric(name, architecture=architecture)) for name in (small, large))
    assert less["lut4"] < more["lut4"] and less["flip_flops"] < more["flip_flops"]


def test_an_error_is_that_of_the_point_left_out():
    """Recomputed for one point, by fitting without it."""
    dense = tuple(point for point in POINTS if point.architecture == "dense")
    for k, point in enumerate(dense):
        without = fit(dense[:k] + dense[k + 1 :], "dense")
        found = without.of(fabric(point.topology, architecture="dense"))["lut4"]
        assert abs(found / point.lut4 - 1) <= model_of("dense").errors["lut4"] + 1e-9


def test_too_few_points_and_factors_are_refused():
    with pytest.raises(SpecError, match="two placed"):
        fit(POINTS[:1], "spatial")
    with pytest.raises(SpecError, match="factors"):
        area_of(fabric("pdit4-2x2"))
