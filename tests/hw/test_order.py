"""Orders: trees of relays, their colours, and the rules they must keep on a fabric."""

import json

import numpy as np
import pytest

from thermofab.hw.spec import IDLE, FabricSpec, Image, Order, SpecError, fabric, sigmoid_table
from thermofab.hw.spec.clocks import RELAY_CLOCKS, RELAY_TURN, relay_width, sweep_clocks

# A path of three sites is one tree, read at its middle, and the last two sites are another; site 5 is idle.
PATH = fabric("g4-1x6", architecture="relay", tile=1)
COLOURS, PARENTS = [0, 0, 0, 1, 1, IDLE], [1, -1, 1, -1, 3, -1]


def image(spec: FabricSpec = PATH, *, weights=(0, 0, 5, 0, 0), biases=(1, 2, 3, -4, -5, 0), **changes) -> Image:
    made = {
        "weights": np.array(weights),
        "biases": np.array(biases),
        "tables": np.tile(sigmoid_table(spec, 0.02, 2), (spec.levels, 1)),
        "shift": 2,
        "clamps": np.full(spec.n_sites, -1),
        "order": Order(np.array(COLOURS), np.array(PARENTS)),
    }
    return Image(spec, **{**made, **changes})


def test_roots_depths_and_heights():
    order = Order(np.array(COLOURS), np.array(PARENTS))
    assert order.roots.tolist() == [1, 1, 1, 3, 3, 5] and order.depths.tolist() == [1, 0, 1, 0, 1, 0]
    assert order.is_root.tolist() == [False, True, False, True, False, False]
    assert order.heights.tolist() == [1, 1] and order.sites_of(3).tolist() == [3, 4]


def test_a_tree_is_one_site_of_summed_weights():
    """Red if a part of a field is lost or counted twice: the merged image has all biases and weights, once."""
    merged = image().merged
    assert merged.roots.tolist() == [1, 3] and merged.places.tolist() == [0, 0, 0, 1, 1, -1]
    assert merged.image.biases.tolist() == [6, -9] and merged.image.weights.tolist() == [5]
    assert merged.weights_of.tolist() == [-1, -1, 0, -1, -1]
    # |b| + |w| = 14, and 3 of dither: 18 values either side of 0.
    assert merged.field_bits == 6


def test_parallel_edges_add_up():
    spec = fabric("g4-2x3", architecture="relay", tile=1)
    order = Order(np.array([0, 0, 0, 1, 1, 1]), np.array([-1, 0, 1, -1, 3, 4]))
    weights = np.zeros(spec.topology.n_edges, dtype=int)
    for i, w in ((0, 3), (1, -7), (2, 100)):
        weights[spec.topology.edge_index[i, i + 3]] = w
    made = image(spec, weights=weights, biases=np.zeros(6), order=order)
    assert made.merged.image.weights.tolist() == [96]


def test_an_image_with_an_order_comes_back_from_a_file():
    made = image()
    again = Image.from_json(json.loads(json.dumps(made.to_json())), PATH)
    assert again == made and again.order is not None and again.order.parents.tolist() == PARENTS
    assert made.digest != image(order=Order(np.array(COLOURS), np.array([-1, 0, 1, -1, 3, -1]))).digest


def test_the_clocks_of_a_sweep_count_heights():
    made = image()
    assert relay_width(made) == 13 > made.merged.field_bits  # a generator's word takes that long
    assert sweep_clocks(made) == 2 * (13 + 2 * 1 + RELAY_CLOCKS) + RELAY_TURN


@pytest.mark.parametrize(
    "colours, parents, sentence",
    [
        ([0, 0, 0], [1, 2, 0], r"^the parents of site 0 lead round in a cycle and never to a root"),
        ([0, 0], [0, 0], r"^the parents of site 0 lead round in a cycle"),
        ([0, 1], [-1, 0], r"^site 1 of colour 1 has the parent 0 of colour 0; a tree is updated at once"),
        ([0, -1, -1], [-1, -1, 1], r"^site 2 has a parent but no colour; give its tree a colour"),
        ([0, 2, 2], [-1, -1, -1], r"^colours of an order must be 0…C-1 with every colour used, got \[0, 2\]\.$"),
        ([0, 0], [-1, 2], r"^parents of an order must be integers from -1 to 1\.$"),
        ([0, 0], [-1], r"^an order has a colour and a parent for every site, got shapes \(2,\) and \(1,\)\.$"),
    ],
)
def test_an_order_that_is_none_is_refused(colours, parents, sentence):
    with pytest.raises(SpecError, match=sentence):
        Order(np.array(colours), np.array(parents))


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"order": Order(np.array([0, 0, 0, 1, 1, -1]), np.array([2, -1, 1, -1, 3, -1]))},
         r"^site 0 has the parent 2, which is no neighbour of its on g4-1x6\.$"),
        ({"weights": (1, 0, 5, 0, 0)}, r"^sites 0 and 1 share a tree, and the weight between them is 1; it must be 0"),
        ({"weights": (0, 0, 5, 0, 2)}, r"^sites 4 and 5 are not both in a tree, and the weight between them is 2"),
        ({"order": Order.of_roots(np.zeros(6, dtype=int))}, r"^sites 2 and 3 have the same colour, and the weight"),
        ({"biases": (1, 2, 3, 4, 5, 6)}, r"^site 5 is idle and has a bias; it must be 0\.$"),
        ({"clamps": np.array([1, -1, -1, -1, -1, -1])}, r"^site 0 is a relay and clamped; clamp the root of its tree"),
        ({"clamps": np.array([-1, -1, -1, -1, -1, 0])}, r"^site 5 is idle and clamped; clamp the root of its tree"),
        ({"order": Order.of_roots(np.zeros(5, dtype=int))}, r"^the order is of 5 sites, and this fabric has 6\.$"),
        ({"order": Order.of_roots(np.full(6, -1)), "weights": (0,) * 5, "biases": (0,) * 6},
         r"^the order has no colour, so nothing would ever be updated"),
    ],
)  # fmt: skip
def test_integers_that_an_order_gives_no_meaning_are_refused(changes, sentence):
    with pytest.raises(SpecError, match=sentence):
        image(**changes)


def test_two_roots_of_a_colour_do_not_share_a_draw_unit():
    spec = fabric("g4-4x4", architecture="relay")
    assert spec.draw_units.reshape(4, 4).tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    plain = {"weights": np.zeros(spec.topology.n_edges, dtype=int), "biases": np.zeros(16, dtype=int)}
    with pytest.raises(SpecError, match=r"^roots 0 and 5 of colour 0 share draw unit 0, which draws once a colour"):
        image(spec, **plain, order=Order.of_roots(spec.topology.colours))
    by_default = image(spec, **plain, order=None).order
    assert by_default is not None and by_default.n_colours == 4
    private = fabric(spec, tile=1)
    alone = image(private, **plain, order=None).order
    assert alone is not None and np.array_equal(alone.colours, spec.topology.colours)
    assert private.digest != spec.digest


def test_orders_and_relays_are_for_fabrics_that_have_them():
    plain = {"weights": np.zeros(15, dtype=int), "biases": np.zeros(6, dtype=int)}
    with pytest.raises(
        SpecError, match=r"^a spatial fabric updates its sites in its topology's order; leave the order"
    ):
        image(fabric("g4-1x6"), weights=np.zeros(5, dtype=int))
    order = Order(np.arange(6) // 2, np.array([-1, 0, -1, 2, -1, 4]))
    with pytest.raises(SpecError, match=r"^site 1 has a parent, and a dense fabric has no relays; take one with"):
        image(fabric("complete-6", architecture="dense"), **plain, order=order)
    with pytest.raises(SpecError, match=r"^tile=2 shares draw units among the cells of a relay fabric on a lattice"):
        fabric("complete-6", architecture="relay", tile=2)


def test_sums_beyond_the_width_of_a_field_are_refused():
    spec = fabric("complete-4", architecture="relay", weight_bits=16, bias_bits=24)
    order = Order(np.array([0, 0, 1, 1]), np.array([-1, 0, -1, 2]))
    weights = np.zeros(6, dtype=int)
    weights[[1, 2]] = 32767  # of site 0 to sites 2 and 3
    with pytest.raises(SpecError, match=r"^the couplings of a tree add up to 65534, beyond the 16 bits"):
        image(spec, weights=weights, biases=np.zeros(4, dtype=int), order=order)
    with pytest.raises(SpecError, match=r"^the biases of a tree add up to 10000000, beyond the 24 bits"):
        image(spec, weights=0 * weights, biases=np.array([5000000, 5000000, 0, 0]), order=order)
    with pytest.raises(SpecError, match=r"^the field of root 2 may reach 8388700, beyond the 24 bits that a field may"):
        image(spec, weights=np.array([0, 100, 0, 0, 0, 0]), biases=np.array([0, 0, 8388600, 0]), order=order)
