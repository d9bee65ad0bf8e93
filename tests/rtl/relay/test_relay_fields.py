"""Relay fabrics against the reference, in Amaranth's simulator: every field, every state, and the clocks they take."""

from dataclasses import replace

import numpy as np
import pytest

from tests.rtl.relay.relay_simulation import compared
from thermofab.hw.spec import NO_PARENT, FabricSpec, Image, Order, fabric, sigmoid_table
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.sim.conformance import random_image

NARROW = {"architecture": "relay", "table_bits": 5, "threshold_bits": 8, "levels": 2}
SPECS = {
    "no neighbours": fabric("complete-1", **NARROW),
    "tiles": fabric("g8-5x6-torus", **NARROW),
    "a unit a site": fabric("king-4x4", tile=1, **NARROW),
    "large tiles": fabric("king-7x5", tile=3, rng="lfsr32", **NARROW),
    "other generator": fabric("g4-4x5", rng="xoshiro128+", **NARROW),
    "long words": fabric("g4-4x4", word_bits=32, dither_bits=12, min_shift=3, **NARROW),
    "no dither": fabric("g4-4x4", dither_bits=0, **NARROW),
    "wide": fabric("complete-9", weight_bits=15, bias_bits=16, **NARROW),
}


@pytest.mark.parametrize("name", SPECS)
def test_fields_and_states(name):
    """Random trees and clamps; then with weights and biases as large as they get."""
    spec = SPECS[name]
    for seed in range(3):
        image = random_image(np.random.default_rng([seed, spec.n_sites]), spec)
        if seed == 2:
            image = image.replace(biases=np.sign(image.biases) * spec.bias_max)
        compared(image, ((2, 0, 0), (2, 1, 0)))


def one_tree(spec: FabricSpec, parents: np.ndarray, others: np.ndarray, seed: int = 0) -> Image:
    """A tree with these parents, and roots of their own at ``others``, all coupled as strongly as can be."""
    rng, top = np.random.default_rng(seed), spec.topology
    colours = np.zeros(spec.n_sites, dtype=int)
    colours[others] = 1 + np.arange(len(others))
    between = colours[top.edges[:, 0]] != colours[top.edges[:, 1]]
    return Image(
        fabric=spec,
        weights=np.where(between, rng.choice([-1, 1], top.n_edges) * spec.weight_max, 0),
        biases=rng.choice([-1, 1], spec.n_sites) * spec.bias_max,
        tables=np.tile(sigmoid_table(spec, 2e-4, 4), (spec.levels, 1)),
        shift=4,
        clamps=np.full(spec.n_sites, -1),
        seed=seed,
        order=Order(colours, parents),
    )


def chain_with_leaves(rows: int, columns: int) -> np.ndarray:
    """Site 0 the root of a chain through the first row; each site below it hangs from the one above."""
    parents = np.full(rows * columns, NO_PARENT)
    parents[1:columns] = np.arange(columns - 1)
    below = np.arange(columns, 2 * columns)
    parents[below] = below - columns
    return parents


def test_a_deep_chain_takes_two_clocks_a_site_and_loses_nothing():
    spec = fabric("g4-3x12", **NARROW)
    image = one_tree(spec, chain_with_leaves(3, 12), np.arange(24, 36))
    assert image.order is not None and image.order.heights[0] == 12
    assert compared(image, ((3, 0, 0),)) - compared(image, ((2, 0, 0),)) == sweep_clocks(image)


def test_a_star():
    spec = fabric("king-3x3", **NARROW)
    parents = np.full(9, 4)
    parents[[4, 0, 8]] = NO_PARENT
    compared(one_tree(spec, parents, np.array([0, 8])), ((4, 0, 0),))


def test_sweeps_take_what_the_formula_says():
    for seed in range(4):
        spec = list(SPECS.values())[1 + seed % 4]
        image = random_image(np.random.default_rng([3, seed]), spec)
        cycles = [compared(image, ((sweeps, 0, 0),)) for sweeps in (1, 4)]
        assert cycles[1] - cycles[0] == 3 * sweep_clocks(image)


def test_a_phase_chooses_its_clamps():
    """Trees are clamped and freed as the masks of phases go, and a clamped tree follows its root."""
    spec, rng = SPECS["tiles"], np.random.default_rng(5)
    image = random_image(rng, spec)
    assert image.order is not None
    masks = [rng.random(spec.n_sites) < 0.5 for _ in range(2)]
    masks = [mask[image.order.roots] for mask in masks]
    compared(image, ((2, 0, 0), (2, 1, 1), (1, 0, 0), (2, 0, 1)), masks)
    compared(image, ((2, 0, 1), (2, 0, 0)), [np.ones(spec.n_sites, dtype=bool), np.zeros(spec.n_sites, dtype=bool)])


def test_the_architecture_is_part_of_what_computes_not_of_what_is_computed():
    """A unit a site or one for four: the same bits, where the order suits both."""
    spec = SPECS["tiles"]
    image = random_image(np.random.default_rng(8), spec)
    private = replace(spec, tile=1)
    compared(image, ((2, 0, 0),))
    compared(Image(private, image.weights, image.biases, image.tables, image.shift, image.clamps, image.seed,
                   order=image.order), ((2, 0, 0),))  # fmt: skip
