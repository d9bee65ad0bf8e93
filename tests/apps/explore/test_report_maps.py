"""Maps: what is where, what is joined, and what is cut; names in pictures that do not cover one another."""

import itertools

import numpy as np
import pytest

from thermofab.apps.explore import Candidate, Record, workload
from thermofab.apps.explore.report.atlas import atlas
from thermofab.apps.explore.report.labels import label_marks
from thermofab.apps.explore.report.maps import GRAIN, fabric_map
from thermofab.apps.pages.palette import node_colours
from thermofab.compiler import compile


def lengths(lines):
    ends = np.array(lines, dtype=float).reshape(-1, 2, 2)
    return np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) / GRAIN


def placed(name, on):
    candidate = Candidate.of(name)
    return candidate, compile(on.model, candidate.spec(on.model), tolerance=1.0, seed=0, verify=False).copies


def test_a_map_has_every_used_site_once_and_joins_what_is_coupled():
    on = workload("spin-glass")
    candidate, copies = placed("g8-8x8", on)
    found = fabric_map(candidate.spec(on.model).topology, on, copies)
    assert {(site, node) for _, _, node, site in found["sites"] if node >= 0} == {
        (site, node) for node, sites in enumerate(copies) for site in sites
    }
    assert len(found["sites"]) == found["of"] == 64  # small fabrics are shown as a whole
    node_at = {(x, y): node for x, y, node, _ in found["sites"]}
    pairs = {tuple(sorted(edge)) for edge in on.model.edges.tolist()}
    met = {tuple(sorted((node_at[a, b], node_at[c, d]))) for a, b, c, d in found["couplings"]}
    assert met == pairs  # an embedding meets every coupling, and no other line is drawn
    assert all(node_at[a, b] == node_at[c, d] >= 0 for a, b, c, d in found["joins"])
    # A node's copies hang together by its joins: a tree or more.
    assert len(found["joins"]) >= sum(len(sites) - 1 for sites in copies) and not found["stubs"]


def test_a_torus_is_cut_where_nothing_sits():
    on = workload("spin-glass")
    candidate = Candidate.of("king-16x16-torus")
    # Two copies of the first node on either side of the seam, one site of another node beside them.
    copies = ((15 * 16 + 15, 0), (1,))
    found = fabric_map(candidate.spec(on.model).topology, on, copies)
    assert not found["stubs"] and lengths(found["joins"]) == pytest.approx([2**0.5], abs=0.05)
    assert len(found["sites"]) <= 25 and found["of"] == 256


def test_lines_round_a_full_torus_become_stubs():
    on = workload("spin-glass")
    ring = tuple((16 * row + column,) for row in range(0, 16, 2) for column in range(16))
    candidate = Candidate.of("king-16x16-torus")
    # Node 0 goes once round a row, so that wherever it is cut one line crosses.
    found = fabric_map(candidate.spec(on.model).topology, on, (tuple(range(16)), *ring[16:17]))
    assert len(found["joins"]) == 15 and len(found["stubs"]) == 2
    assert max(lengths(found["joins"])) == pytest.approx(1, abs=0.05) and max(lengths(found["stubs"])) < 0.6


def test_of_nodes_that_are_several_spins_the_map_says_that_it_numbers_spins():
    on = workload("potts")
    candidate, copies = placed("complete-64", on)
    assert len(copies) > on.model.n_nodes == 9
    found = fabric_map(candidate.spec(on.model).topology, on, copies)
    assert found["what"] == "spins" and not found["couplings"]


def test_maps_of_one_embedding_are_made_once_and_no_more_than_fit():
    on = workload("expert-router")
    records = []
    for name in ("complete-20", "king-6x6"):
        candidate, copies = placed(name, on)
        for bits in (6, 8):
            one = candidate.but(weight_bits=bits)
            records.append(Record(one, on.name, f"{name} {bits}", True, None, {}, {}, copies))
    maps, numbers = atlas(records)
    assert len(maps) == 2 and list(numbers.values()) == [0, 0, 1, 1]
    few, first = atlas(records, most=1)
    assert few == maps[:1] and list(first) == ["complete-20 6", "complete-20 8"]


def test_white_figures_can_be_read_on_the_colour_of_every_node():
    assert len(set(node_colours(24))) == 24
    for colour in node_colours(24):
        parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (0.05 + linear @ [0.2126, 0.7152, 0.0722]) > 3.9


def test_names_beside_marks_cover_neither_names_nor_marks():
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    figure = Figure(figsize=(9, 5), layout="constrained", dpi=100)
    axes = figure.subplots()
    draw = np.random.default_rng(0)
    # Half of them in a heap, as fabrics of one rate and a distance of nothing are.
    places = np.concatenate([draw.random((8, 2)), [0.5, 0.1] + 0.02 * draw.random((8, 2))])
    axes.scatter(*places.T)
    named = [(x, y, f"king-12x12 spatial {k}") for k, (x, y) in enumerate(places)]
    left_out = label_marks(figure, axes, named, [])
    renderer = figure.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
    boxes = [Text.get_window_extent(text, renderer) for text in axes.texts]
    assert len(boxes) + len(left_out) == 16 and len(boxes) >= 12
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for x, y in axes.transData.transform(places):
        assert not any(box.contains(x, y) for box in boxes)
