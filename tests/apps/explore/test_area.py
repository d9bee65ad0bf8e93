"""The area model: what was placed is told from what is fitted, memories are counted, errors are of points left out."""

import pytest

from thermofab.apps.explore import Candidate
from thermofab.apps.explore.area import QUANTITIES, area_of, fit, model_of
from thermofab.apps.explore.parts import block_rams, either_memory, parts_of
from thermofab.apps.explore.synthesised import HELD_OUT, POINTS, built, point_spec
from thermofab.apps.explore.workloads import workload
from thermofab.hw.spec import SpecError, fabric


def test_a_placed_fabric_is_measured_and_another_modelled_with_its_error():
    placed = area_of(fabric("complete-64", architecture="dense"))
    assert placed.standing == "measured" and placed.lut4 == 1605 and placed.errors == {}
    other = area_of(fabric("complete-200", architecture="dense"))
    assert other.standing == "modelled" and set(other.errors) == set(QUANTITIES)
    assert "left-out error" in other.how("lut4") and not other.beyond
    assert "counted" in other.how("block_ram")


@pytest.mark.parametrize("architecture", ["spatial", "relay", "dense", "systolic"])
def test_the_model_grows_with_the_fabric_and_is_near_its_points(architecture):
    model = model_of(architecture)
    assert max(model.errors.values()) < 0.35
    small, large = {
        "dense": ("complete-64", "complete-256"), "systolic": ("g8-16x16-torus", "g8-32x32-torus")
    }.get(architecture, ("g8-8x8", "g8-16x16"))  # fmt: skip
    less, more = (model.of(fabric(name, architecture=architecture)) for name in (small, large))
    assert less["lut4"] < more["lut4"] and less["flip_flops"] < more["flip_flops"]


def test_block_rams_of_every_placed_fabric_are_counted_right():
    """A memory too many or too few, or the wrong shape of one, would show: placed counts are whole numbers."""
    wrong = [
        (point, parts_of(point_spec(point)).block_ram)
        for point in POINTS + HELD_OUT
        if not point.digest and parts_of(point_spec(point)).block_ram != point.block_ram
    ]
    assert not wrong


def test_memories_take_the_cheapest_shape():
    assert block_rams(512, 36) == 1 and block_rams(513, 36) == 2 and block_rams(1024, 18) == 1
    assert block_rams(16384, 1) == 1 and block_rams(4096, 12) == 3
    assert either_memory(16, 8) == (0, 12.0)
    assert either_memory(1024, 8) == (1, 0)


def test_widths_generators_and_factors_cost_what_they_are_made_of():
    """Each change by itself, and in the quantity that it must show in."""
    model = model_of("spatial")
    plain = model.of(fabric("king-6x6"))
    wider = model.of(fabric("king-6x6", weight_bits=12))
    assert wider["lut4"] > plain["lut4"]
    fine = model.of(fabric("king-6x6", profile="fine"))
    assert fine["block_ram"] > plain["block_ram"] and fine["lut4"] > plain["lut4"]
    longer = model.of(fabric("king-6x6", rng="xoshiro128+"))
    assert longer["flip_flops"] > plain["flip_flops"] + 36 * 64 * 0.9  # 64 bits of state more a site
    deeper = model.of(fabric("king-6x6", table_bits=10))
    assert deeper["block_ram"] > plain["block_ram"]
    four, six = (model.of(fabric(name)) for name in ("pdit4-3x3", "pdit8-3x3"))
    assert six["lut4"] > 2 * four["lut4"]  # tables of 2^6 entries for tables of 2^4
    assert six["megahertz"] < four["megahertz"]  # and deeper ones to read
    dense = model_of("dense")
    assert (
        dense.of(fabric("complete-200", architecture="dense", weight_bits=4))["block_ram"]
        < dense.of(fabric("complete-200", architecture="dense", weight_bits=12))["block_ram"]
    )


def test_what_lies_outside_the_fitted_fabrics_is_said():
    assert not area_of(fabric("pdit8-4x4")).beyond
    far = area_of(fabric("pdit8-16x16"))
    assert far.standing == "modelled" and "768 sites" in far.beyond and "factors" in far.beyond
    assert "beyond what was fitted" in far.how("lut4")
    assert "weight_bits=16" in area_of(fabric("g8-8x8", weight_bits=16)).beyond
    assert "elements=8" in area_of(fabric("complete-64", architecture="dense", elements=8)).beyond
    assert "levels=8" in area_of(fabric("g8-8x8", levels=8)).beyond
    assert "moments" in area_of(fabric("g8-8x8", moment_bits=16)).beyond
    assert not area_of(fabric("complete-64", architecture="dense", weight_bits=6)).beyond


def test_graphs_of_programs_with_factors_have_an_area():
    """The portfolio's own graph was placed; the market's widths other than the default were not."""
    portfolio = area_of(Candidate.of("own").spec(workload("portfolio").model))
    assert portfolio.standing == "measured"
    narrow = area_of(Candidate.of("own", weight_bits=6).spec(workload("portfolio").model))
    assert narrow.standing == "modelled" and 1000 < narrow.lut4 < portfolio.lut4


def test_an_error_is_that_of_the_point_left_out():
    """Recomputed for one architecture, by fitting without each point."""
    dense = tuple(point for point in POINTS if point.architecture == "dense")
    for k, point in enumerate(dense):
        without = fit(dense[:k] + dense[k + 1 :], "dense")
        found = without.of(point_spec(point))["lut4"]
        assert abs(found / point.lut4 - 1) <= model_of("dense").errors["lut4"] + 1e-9


def test_nothing_held_out_is_fitted():
    fitted = {built(point_spec(point)) for point in POINTS}
    assert not [point for point in HELD_OUT if not point.digest and built(point_spec(point)) in fitted]
    assert len({point.digest for point in HELD_OUT if point.digest}) == len([p for p in HELD_OUT if p.digest])


def test_too_few_points_are_refused():
    with pytest.raises(SpecError, match="two placed"):
        fit(POINTS[:1], "spatial")
