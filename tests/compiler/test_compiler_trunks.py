"""Trunks: the bound, and what compile does with it."""

import re

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import boltzmann, distribution_over_roots, laid_out, model_of, paired, weighted
from thermofab.compiler.distributions.enumeration import kl, total_variation
from thermofab.compiler.distributions.trunks import kl_bound, log_ratio_range, root_distribution, tv_bound
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import MARGINS, RootAndWire, _strengthened
from thermofab.hw.spec import Bounded, Exact, RefusedError

# Four neighbours a site and a torus: K6 embeds, and its nodes of five edges cannot do without trunks.
TORUS = "g4-4x4-torus"


@pytest.mark.parametrize("seed", range(24))
def test_the_bound_holds_on_dense_models(seed):
    graph = networkx.gnm_random_graph(6, 13 + seed % 3, seed=seed)
    source = weighted(graph, seed, coupling=0.25 + 0.15 * (seed % 4))
    draft = laid_out(source, TORUS, tolerance=1.0, seed=seed)
    assert draft.layout.n_trunks > 0
    user = boltzmann(model_of(source))
    for margin in MARGINS[::3]:
        layout = _strengthened(draft.layout, margin)
        distribution = root_distribution(layout, draft.edges, draft.couplings, draft.biases)
        r = log_ratio_range(layout.trunk_couplings, layout.trunk_loads)
        ratio = np.log(distribution / user)
        assert ratio.max() - ratio.min() <= r + 1e-12
        assert total_variation(user, distribution) <= tv_bound(r) + 1e-12
        assert kl(user, distribution) <= kl_bound(r) + 1e-12
        assert kl(distribution, user) <= kl_bound(r) + 1e-12


def test_the_bound_is_attained_by_a_single_trunk():
    """Two nodes joined to both ends of a trunk, read with its ends pulled either way: range exactly R."""
    source = networkx.Graph()
    source.add_nodes_from(range(3))
    source.add_edge(0, 1, weight=0.5)
    source.add_edge(0, 2, weight=0.3)
    draft = laid_out(source, "g4-1x4")
    assert draft.layout.n_trunks == 0
    layout = type(draft.layout)(
        copies=((0, 1), (2,), (3,)),
        method="by hand",
        wire_of=np.array([0, 1]),
        wire_sites=np.array([0, 1]),
        wire_ends=np.array([[1, 2], [1, 3]]),
        trunk_sites=np.array([2]),
        trunk_ends=np.array([[0, 1]]),
        trunk_loads=np.array([0.8]),
        trunk_couplings=np.array([1.1]),
    )
    distribution = root_distribution(layout, np.array([[0, 1], [0, 2]]), np.array([0.5, 0.3]), np.zeros(3))
    ratio = np.log(distribution / boltzmann(model_of(source)))
    assert ratio.max() - ratio.min() == pytest.approx(log_ratio_range(np.array([1.1]), np.array([0.8])), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_contracted_distribution_equals_the_distribution_of_all_sites(seed):
    draft = laid_out(weighted(networkx.complete_graph(6), seed), TORUS, tolerance=0.3, seed=seed)
    assert draft.layout.n_trunks > 0
    contracted = root_distribution(draft.layout, draft.edges, draft.couplings, draft.biases)
    assert np.max(np.abs(contracted - distribution_over_roots(draft))) < 1e-12


@pytest.mark.parametrize("tolerance", [0.3, 0.03, 0.003])
def test_the_certificate_is_true_and_within_tolerance(tolerance):
    source = weighted(networkx.complete_graph(6), 3)
    draft = laid_out(source, TORUS, tolerance=tolerance)
    assert isinstance(draft.certificate, Bounded) and draft.certificate.tv <= tolerance
    assert total_variation(distribution_over_roots(draft), boltzmann(model_of(source))) <= draft.certificate.tv + 1e-12


def test_a_looser_tolerance_takes_weaker_trunks():
    source = weighted(networkx.complete_graph(6), 3)
    loose, tight = (laid_out(source, TORUS, tolerance=t).layout.trunk_couplings for t in (0.2, 0.002))
    assert loose.max() < tight.max()


@pytest.mark.parametrize("tolerance", [None, 1e-9])
def test_trunks_are_refused_with_a_tolerance_that_would_do(tolerance):
    source = weighted(networkx.complete_graph(6), 3)
    asked = r"" if tolerance is None else r" and not within tolerance=1e-09"
    draft = Place()(paired(Source(lower(source), fab.fabric(TORUS))))
    with pytest.raises(
        RefusedError,
        match=rf"^the program compiles onto g4-4x4-torus only approximately{asked}: \d+ couplings between copies carry "
        r"several edges, TV ≤ \S+ \(enumerated\)\. Pass a tolerance of at least that, or take a fabric that holds "
        r"the program's graph directly, or with more sites and more neighbours a site than the program's nodes have "
        r"edges\.$",
    ) as caught:
        RootAndWire(tolerance=tolerance, discard=None)(draft)
    found = re.search(r"TV ≤ (\S+) ", str(caught.value))
    assert found is not None
    assert isinstance(RootAndWire(tolerance=float(found[1]))(draft).certificate, Bounded)
    assert isinstance(fab.compile(source, "complete-6").report.certificate, Exact)


def test_large_programs_are_bounded_without_enumeration():
    draft = laid_out(weighted(networkx.complete_graph(12), 0, coupling=0.1), "chimera-4x4", tolerance=0.5)
    assert isinstance(draft.certificate, Bounded) and draft.certificate.how == "bounded"
    assert draft.certificate.tv == tv_bound(log_ratio_range(draft.layout.trunk_couplings, draft.layout.trunk_loads))
