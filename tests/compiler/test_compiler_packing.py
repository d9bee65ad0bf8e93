"""Several programs in one run."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import weighted
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.hw.spec import CompileError, DiscreteModel, SpecError
from thermofab.hw.spec.discrete import factor_of

PATHS = [weighted(networkx.path_graph(3 + k), k) for k in range(3)]


def distribution_of(samples, distribution):
    number = np.ravel_multi_index(np.moveaxis(samples.node_states, -1, 0).astype(int), distribution.shape)
    return np.bincount(number.reshape(-1), minlength=len(distribution.probabilities)) / number.size


def test_each_part_has_its_own_distribution():
    """400,000 samples: the mean TV of so many over 32 states is 0.003; 0.02 is far beyond any chance below 1e-6."""
    packed = fab.pack(PATHS, "king-6x6")
    assert packed.whole.report.certificate.tv == 0 and len(packed.parts) == 3
    used = [site for part in packed.parts for sites in part.copies for site in sites]
    assert len(used) == len(set(used))
    for samples, source in zip(packed.sample(fab.Schedule(50, 6250), replicas=64, device="native"), PATHS):
        distribution = fab.exact(source)
        assert total_variation(distribution_of(samples, distribution), distribution.probabilities) < 0.02


def test_copies_of_one_program_are_independent():
    packed = fab.pack(PATHS[0], "king-6x6", copies=4)
    out = packed.sample(fab.Schedule(50, 4000), replicas=16, device="native")
    assert len(out) == 4
    first = np.stack([samples.node_states[..., 0] for samples in out]).reshape(4, -1) * 2.0 - 1
    correlation = np.corrcoef(first) - np.eye(4)
    # 64,000 samples of autocorrelation time below 4: a standard error of at most 0.008.
    assert np.max(np.abs(correlation)) < 0.05


def test_clamps_are_given_part_by_part():
    packed = fab.pack(PATHS[:2], "king-6x6")
    out = packed.sample(fab.Schedule(1, 20), clamps=[{0: True}, None], device="reference")
    assert out[0].node_states[..., 0].all() and not out[1].node_states[..., 0].all()
    inits = [[np.ones(3, bool)], [np.zeros(4, bool)]]
    out = packed.sample(fab.Schedule(0, 1), inits=inits, device="reference")
    assert out[0].node_states.all() and not out[1].node_states.any()
    with pytest.raises(SpecError, match=r"^clamps needs one entry for each of the 2 parts, got 1\.$"):
        packed.sample(fab.Schedule(1, 1), clamps=[None])
    with pytest.raises(SpecError, match=r"^inits\[1\] is missing: give the states of all parts, or none\.$"):
        packed.sample(fab.Schedule(0, 1), inits=[inits[0], None], device="reference")


def test_spins_and_categories_pack_together():
    model = DiscreteModel(("x", "s"), np.array([3, 0]), (factor_of([[1]], [[0]], np.array([[0.5, -0.5, 0.2]])),))
    packed = fab.pack([PATHS[0], model], "complete-20")
    spins, categories = packed.sample(fab.Schedule(20, 3000), replicas=32, device="native")
    assert spins.node_states.dtype == np.bool_ and categories.node_states.dtype == np.uint8
    distribution = fab.exact(model)
    assert total_variation(distribution_of(categories, distribution), distribution.probabilities) < 0.02


def test_nothing_and_too_much_are_refused():
    with pytest.raises(CompileError, match=r"^there is nothing to pack; give at least one program\.$"):
        fab.pack([], "king-6x6")
    with pytest.raises(CompileError, match=r"^copies must be at least 1, got 0\.$"):
        fab.pack(PATHS[0], "king-6x6", copies=0)
    with pytest.raises(CompileError, match=r"^the program has 60 nodes and the fabric king-6x6 only 36 sites"):
        fab.pack(PATHS[0], "king-6x6", copies=20)
    with pytest.raises(CompileError, match=r"^known clamps are of one program; fold them before packing"):
        fab.pack(PATHS, "king-6x6", clamp={0: True})
