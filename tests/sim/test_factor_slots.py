"""Factors of a site are looked up together in XLA: what is added is the sum of what each would add."""

import jax.numpy as jnp
import numpy as np
import pytest

from thermofab.hw.spec import fabric
from thermofab.sim.functional.factors import LARGEST_TABLES, WIDEST
from thermofab.sim.functional.kernel import Kernel


@pytest.mark.parametrize("name", ["pdit4-3x3", "pdit8-2x3", "pdit8-12x12-torus"])
def test_what_is_added_is_the_sum_over_factors(name):
    spec = fabric(name)
    topology, kernel = spec.topology, Kernel(spec)
    inputs = topology.factor_inputs
    rng = np.random.default_rng(0)
    entries = int(inputs.starts[-1] + 2 ** inputs.widths[-1])
    differences = rng.integers(-50, 51, entries).astype(np.int32)
    states = rng.random((16, topology.n_sites)) < 0.5
    wanted = np.zeros((16, topology.n_sites), dtype=np.int64)
    for m, site in enumerate(inputs.sites):
        near = inputs.others[m, : inputs.widths[m]]
        wanted[:, site] += differences[inputs.starts[m] + (states[:, near] << np.arange(len(near))).sum(axis=1)]
    masks = jnp.concatenate([mask.reshape(-1, 16) for mask in kernel.masks(states)])
    for group in kernel.layout.groups:
        found = sum(
            np.asarray(slot.look_up(jnp.asarray(slot.table(topology, differences)), masks)) for slot in group.factors
        )
        assert np.array_equal(found, wanted[:, group.sites.reshape(-1)].T)
        sizes = [slot.width for slot in group.factors]
        assert max(sizes) <= WIDEST and (max(sizes) <= 5 or max(len(group.sites) << w for w in sizes) <= LARGEST_TABLES)


def test_a_site_of_many_factors_takes_few_look_ups():
    """A site of a pdit8 grid has up to three factors, which share its cell: two look-ups at most."""
    kernel = Kernel(fabric("pdit8-2x3"))
    assert max(len(group.factors) for group in kernel.layout.groups) <= 2
