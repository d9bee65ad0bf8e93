"""Layouts: every neighbour is found at the tap the program names, every edge is counted once, no spin is read early."""

import networkx
import numpy as np
import pytest

from thermofab.hw.host.systolic.format import coefficient_format, packed
from thermofab.hw.host.systolic.layout import NONE, systolic_layout
from thermofab.hw.host.systolic.program import Select, slot_program
from thermofab.hw.host.systolic.timing import layout_of, timing_of
from thermofab.hw.spec import SpecError, Topology, fabric, topology
from thermofab.sim.conformance import families, random_topology

CASES = [
    ("g12-70x70-torus", 0), ("g12-70x70-torus", 18), ("g12-70x70", 0), ("g24-70x70-torus", 35), ("z1-32x32", 0),
    ("king-60x60-torus", 0), ("king-9x7", 2), ("cubic-4x4x4-torus", 0), ("cubic-3x4x5", 2), ("chimera-16", 4),
    ("g4-5x5-torus", 0), ("pegasus-2", 0), ("zephyr-1", 1), ("complete-8", 0), ("complete-1", 0),
]  # fmt: skip


def check(top, elements):
    layout = systolic_layout(top, elements, 12)
    assert sorted(layout.sites[layout.sites != NONE].tolist()) == list(range(top.n_sites))
    counted = np.zeros(top.n_edges, dtype=int)
    for i in range(top.n_sites):
        e, slot = layout.element_of[i], layout.slot_of[i]
        assert layout.sites[e, slot] == i
        found = set()
        for b, j in enumerate(layout.neighbours[i].tolist()):
            if j == NONE:
                continue
            wire = layout.inputs[layout.kind[e]][b]
            view = layout.views[wire.view]
            source = (e + wire.steps[wire.choice[slot]]) % layout.n_elements
            assert wire.view in layout.views_of[source]
            assert layout.sites[source, (slot + view.distances[view.choice[slot]]) % layout.n_slots] == j
            assert (slot - layout.slot_of[j]) % layout.n_slots >= layout.latency
            told = layout.late[slot, b] == (top.colours[j] > top.colours[i])
            assert told or (top.lattice is None and layout.n_elements > 1)
            if b < layout.n_weights:
                assert set(top.edges[layout.edges[i, b]].tolist()) == {i, j}
                counted[layout.edges[i, b]] += b < layout.owned and layout.counted[i, b]
                assert told or b >= layout.owned or not layout.counted[i, b]
                found.add(j)
        for f, places in enumerate(layout.places):
            others = layout.neighbours[i, list(places)].tolist()
            which = layout.factors[i, f]
            expected = (
                top.factor_inputs.others[which, : len(places)].tolist() if which != NONE else [NONE] * len(places)
            )
            assert others == expected, "a factor's other sites stand in its order"
        near = top.neighbour_table[0][i]
        assert found == set(near[near >= 0].tolist())
    assert np.all(counted >= 1), "an edge is counted nowhere"
    colours = [set(top.colours[row[row != NONE]].tolist()) for row in layout.sites.T]
    assert all(len(c) <= 1 for c in colours), "a slot updates sites of two colours"
    order = [c.pop() for c in colours if c]
    assert order == sorted(order), "colours are out of order"
    return layout


@pytest.mark.parametrize("name, elements", CASES)
def test_every_neighbour_is_found(name, elements):
    check(topology(name), elements)


@pytest.mark.parametrize("family", families())
def test_every_family(family):
    rng = np.random.default_rng(5)
    for _ in range(4):
        check(random_topology(rng, family), 0)


@pytest.mark.parametrize("elements", [2, 3, 5])
def test_graphs_on_several_elements(elements):
    """Sites of a slot are told together whether their neighbours are late, and no two need be alike."""
    for seed in range(4):
        graph = networkx.gnm_random_graph(14, 30, seed=seed)
        check(fabric(graph).topology, elements)


def test_edges_of_a_lattice_are_counted_once():
    layout = check(topology("g12-16x16-torus"), 0)
    owned = layout.edges[:, : layout.owned]
    assert sorted(owned.reshape(-1).tolist()) == list(range(topology("g12-16x16-torus").n_edges))


def test_a_large_lattice_wastes_no_slot():
    layout = layout_of(fabric("g12-70x70-torus", architecture="systolic"))
    assert (layout.n_elements, layout.n_slots, layout.utilisation) == (35, 140, 1.0)
    taps = [len(view.distances) for view in layout.views]
    assert len(taps) == 9 and max(taps) == 2


def test_elements_that_do_not_divide_the_columns_are_refused_in_a_sentence():
    with pytest.raises(
        SpecError, match=r"^the 70 columns of 'g12-70x70-torus' go to 1, 2, 3, .*, 18, 35 elements \(gr"
    ):
        systolic_layout(topology("g12-70x70-torus"), 34, 12)


def test_an_irregular_graph_is_refused_where_it_needs_too_many_taps():
    graph = Topology.from_networkx(networkx.random_regular_graph(3, 2000, seed=1), "random")
    with pytest.raises(SpecError, match=r"^'random' is too irregular for the systolic architecture: a neighbour is"):
        systolic_layout(graph, 0, 12)


def test_program_columns_give_back_the_choices():
    layout = layout_of(fabric("king-6x6-torus", architecture="systolic"))
    program = slot_program(layout)

    def shown(select: Select, slot: int) -> int:
        word = program.words[slot]
        bits = [word >> c & 1 if c >= 0 else -1 - c for c in select.columns]
        return sum(bit << k for k, bit in enumerate(bits))

    for slot in range(layout.n_slots):
        for view, select in zip(layout.views, program.views):
            assert shown(select, slot) == view.choice[slot]
        for kind, selects in zip(layout.inputs, program.inputs):
            for wire, select in zip(kind, selects):
                assert shown(select, slot) == wire.choice[slot]
        assert shown(program.used, slot) == layout.used[slot]
        assert [shown(select, slot) for select in program.late] == layout.late[slot, : layout.owned].tolist()


def test_latency_is_that_of_the_pipeline():
    for name in ("g4-6x6", "g12-16x16", "complete-1"):
        layout = layout_of(fabric(name, architecture="systolic"))
        assert layout.latency == timing_of(layout).latency and layout.n_slots > layout.latency + 2


def test_coefficients_are_packed_lowest_input_first():
    spec = fabric("g4-4x4", weight_bits=5, bias_bits=7)
    form = coefficient_format(spec, 4)
    assert (form.bits, form.lanes, form.lane_bits) == (27, 1, 32)
    lanes = packed(form, spec, np.array([[1, -1, 2, -15]]), np.array([-63]))
    assert int(lanes[0, 0]) == 1 | 31 << 5 | 2 << 10 | 17 << 15 | 65 << 20
    wide = coefficient_format(fabric("g12-16x16"), 12)
    assert (wide.bits, wide.lanes, wide.lane_bits) == (108, 3, 36)
