"""What the host writes into a relay fabric, and what it refuses to."""

import numpy as np
import pytest

from tests.present import present
from thermofab.hw.host.architectures import loading_of, register_map
from thermofab.hw.host.relay.loading import RelayLoading, check_limits
from thermofab.hw.host.relay.plan import COLOURS, EVENT_WORDS, plan_of, source_of
from thermofab.hw.spec import NO_PARENT, DeviceError, Image, Order, SpecError, UnsupportedError, fabric, sigmoid_table
from thermofab.sim.conformance import random_image


def image_of(spec, order: Order | None = None, **changes) -> Image:
    given = {
        "weights": np.zeros(spec.topology.n_edges),
        "biases": np.zeros(spec.n_sites),
        "tables": np.tile(sigmoid_table(spec, 0.05, spec.min_shift), (spec.levels, 1)),
        "shift": spec.min_shift,
        "clamps": np.full(spec.n_sites, -1),
        "order": order,
    }
    return Image(spec, **{**given, **changes})


def test_taps_are_found():
    assert source_of("lfsr64").taps == (0, 1, 3, 4)
    assert source_of("lfsr32").taps == (0, 2, 6, 7)
    assert source_of("xoshiro128+").taps == ()


def test_groups_hold_every_site_once_and_fit_a_word():
    for name in ("g4-6x6", "g8-7x5", "g12-9x12", "complete-25"):
        spec = fabric(name, architecture="relay")
        plan = plan_of(spec)
        assert sorted(site for group in plan.groups for site in group) == list(range(spec.n_sites))
        assert max(map(len, plan.groups)) * spec.topology.max_degree <= 32


def test_events_are_the_colours_one_after_another_the_deepest_sites_first():
    spec = fabric("g4-2x3", architecture="relay", tile=1)  # 0 1 2 / 3 4 5
    parents = np.array([NO_PARENT, 0, 1, NO_PARENT, 3, NO_PARENT])
    image = image_of(spec, Order(np.array([0, 0, 0, 1, 1, -1]), parents))
    loading = RelayLoading(spec)
    list(loading.image(image))
    base = loading.map["EVENTS"].base
    where, data = loading.clamps(1, np.array([True, True, True, False, False, False]))
    assert dict(zip((where - base - EVENT_WORDS).tolist(), data.tolist())) == {
        0: 0b100, 1: 0b010, 2: 0b000, 3: 0b10000, 4: 0b01000,
    }  # fmt: skip
    again = [write for write in loading.image(image) if write[0][0] == base + EVENT_WORDS]
    assert len(again) == 1 and np.array_equal(again[0][1], data), "clamps outlive an image"


def test_one_site_has_the_same_contents_under_any_seed_of_another():
    """Generators of relays and idle sites are left out."""
    spec = fabric("g4-2x2", architecture="relay", tile=1)
    loading = RelayLoading(spec)
    list(loading.image(image_of(spec, Order(np.array([0, 0, -1, 0]), np.array([NO_PARENT, 0, -1, NO_PARENT])))))
    words = np.arange(8, dtype=np.uint32).reshape(4, 2)
    where, data = loading.seeds(words)
    other = words.copy()
    other[[1, 2]] = 99
    assert np.array_equal(loading.seeds(other)[1], data)
    other[3] = 98
    assert not np.array_equal(loading.seeds(other)[1], data)


def test_limits_are_refused_by_name():
    long = fabric("g4-1x300", architecture="relay", tile=1)
    path = np.arange(300) - 1
    with pytest.raises(DeviceError, match="300 levels of trees in all, and a relay fabric keeps events for 255"):
        check_limits(image_of(long, Order(np.zeros(300, dtype=int), path)))
    many = fabric("complete-1", architecture="relay")
    assert check_limits(image_of(many)) is None
    crowd = fabric("g4-9x9", architecture="relay", tile=8)
    assert present(image_of(crowd).order).n_colours == 64
    check_limits(image_of(crowd))
    with pytest.raises(DeviceError, match=f"has 81 colours, and a relay fabric keeps generators for {COLOURS}"):
        check_limits(image_of(crowd, Order(np.arange(81), np.full(81, NO_PARENT))))
    wide = fabric("g4-9x9", architecture="relay", bias_bits=20)
    order = Order(np.arange(81) % 60, np.full(81, NO_PARENT))
    with pytest.raises(DeviceError, match="60 colours of fields of 21 bits, and a relay fabric keeps 1024 bits"):
        check_limits(image_of(wide, order, biases=np.full(81, wide.bias_max)))


def test_a_cycle_of_parents_is_refused_where_the_order_is_made():
    with pytest.raises(SpecError, match="lead round in a cycle and never to a root"):
        Order(np.zeros(4, dtype=int), np.array([1, 2, 0, NO_PARENT]))


def test_what_cannot_be_built_is_refused():
    spec = fabric("g4-3x3", architecture="relay")
    image = image_of(spec)
    for ask in (register_map, loading_of):
        with pytest.raises(UnsupportedError, match="always loads its weights, trees and order"):
            ask(spec, image)
    with pytest.raises(UnsupportedError, match="has 34 neighbours, and a cell of a relay fabric has at most 32"):
        loading_of(fabric("complete-35", architecture="relay"))


def test_seeds_before_an_image_are_refused():
    with pytest.raises(DeviceError, match="load an image before them"):
        RelayLoading(fabric("g4-3x3", architecture="relay")).seeds(np.zeros((9, 2), dtype=np.uint32))


@pytest.mark.parametrize("seed", range(3))
def test_writes_stay_in_their_arrays(seed):
    spec = fabric("g8-7x6", architecture="relay", rng=["lfsr64", "lfsr32", "xoshiro128+"][seed])
    image = random_image(np.random.default_rng(seed), spec)
    loading = RelayLoading(spec)
    words = np.zeros((spec.n_sites, 4 if seed == 2 else 2 - seed), dtype=np.uint32)
    bits = np.ones(spec.n_sites, dtype=bool)
    writes = [*loading.image(image), loading.clamps(1, bits), loading.states(bits), loading.seeds(words)]
    known = {r.base + k for r in loading.map.registers if "W" in r.access for k in range(r.count)}
    for where, data in writes:
        assert len(where) == len(data) and set(np.asarray(where).tolist()) <= known
        assert data.min() >= 0 and data.max() < 2**32
