"""Discarded copies: the distribution of the kept samples, the yield that is promised, and what is refused."""

import json

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import boltzmann, laid_out, model_of, paired, weighted
from thermofab.compiler.certify.exactness import fabric_couplings
from thermofab.compiler.distributions.broken import least_share
from thermofab.compiler.distributions.enumeration import log_weights, marginal, normalised, states
from thermofab.compiler.distributions.trunks import whole_distribution
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.discard import DiscardBroken, copies_of, share_of
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise
from thermofab.hw.spec import Program, RefusedError, Rejecting, Schedule, SpecError

# Four neighbours a site: nodes of five edges need copies that carry several.
TORUS = "g4-4x4-torus"


def kept_over_roots(draft, clamp=None):
    """Distribution of the roots over states of all sites in use whose trunks are whole, and the share of such
    states."""
    clamp = clamp or {}
    couplings, biases = fabric_couplings(draft)
    copies = draft.layout.copies
    members = [site for sites in copies for site in sites]
    index = {site: k for k, site in enumerate(members)}
    ends = [
        (index[a], index[b], c)
        for (a, b), c in zip(draft.fabric.topology.edges.tolist(), couplings.tolist())
        if a in index and b in index
    ]
    pairs = np.array([(a, b) for a, b, _ in ends]).reshape(-1, 2)
    distribution = normalised(log_weights(len(members), biases[members], pairs, np.array([c for _, _, c in ends])))[0]
    bits = states(len(members))
    for k, value in clamp.items():
        for site in copies[k]:
            distribution = np.where(bits[:, index[site]] == value, distribution, 0.0)
    distribution /= distribution.sum()
    for a, b in draft.layout.trunk_ends.tolist():
        distribution = np.where(bits[:, index[a]] == bits[:, index[b]], distribution, 0.0)
    roots = [index[sites[0]] for k, sites in enumerate(copies) if k not in clamp]
    return marginal(distribution / distribution.sum(), len(members), roots), float(distribution.sum())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("coupling", [0.2, 0.8, 1.6])
def test_the_kept_samples_have_the_programs_distribution(seed, coupling):
    """By enumeration of every site in use, at the strengths the pass chose and at much weaker ones."""
    source = weighted(networkx.complete_graph(6), seed, coupling=coupling)
    draft = laid_out(source, TORUS, seed=seed)
    assert isinstance(draft.certificate, Rejecting) and draft.layout.n_trunks > 0
    distribution, share = kept_over_roots(draft)
    assert np.max(np.abs(distribution - boltzmann(model_of(source)))) < 1e-9
    assert draft.certificate.how == "enumerated" and draft.certificate.yield_ == pytest.approx(share, rel=1e-9)
    assert share >= 0.2
    weaker = DiscardBroken(least_yield=0.0, aim=0.01)(draft)
    distribution, share = kept_over_roots(weaker)
    assert np.max(np.abs(distribution - boltzmann(model_of(source)))) < 1e-9
    assert isinstance(weaker.certificate, Rejecting)
    assert share == pytest.approx(weaker.certificate.yield_, rel=1e-9)
    assert np.all(weaker.layout.trunk_couplings <= draft.layout.trunk_couplings)


@pytest.mark.parametrize("value", [False, True])
def test_given_clamped_nodes_too(value):
    graph = weighted(networkx.complete_graph(6), 2)
    lowered = Lowered(model_of(graph), ((1, 2, 3, 4, 5),), ((0,),))
    draft = RootAndWire()(Place()(paired(Source(lowered, fab.fabric(TORUS)))))
    assert draft.layout.n_trunks > 0
    distribution, share = kept_over_roots(draft, {0: value})
    assert np.max(np.abs(distribution - fab.exact(lowered.model, clamp={0: value}).probabilities)) < 1e-9
    assert isinstance(draft.certificate, Rejecting)
    assert share >= draft.certificate.yield_ - 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_the_yield_estimated_from_trees_is_near_the_enumerated_one_and_above_the_bound(seed):
    source = weighted(networkx.gnm_random_graph(6, 13 + seed % 3, seed=seed), seed, coupling=0.2 + 0.15 * seed)
    draft = laid_out(source, TORUS, seed=seed)
    assert draft.layout.n_trunks > 0
    layout = draft.layout
    exact = whole_distribution(layout, draft.edges, draft.couplings, draft.biases).sum()
    assert copies_of(draft).share(layout.trunk_couplings) == pytest.approx(exact, rel=0.2)
    assert least_share(layout.trunk_couplings, layout.trunk_loads) <= exact
    assert share_of(draft, layout, copies_of(draft), enumerate_up_to=0)[0] == pytest.approx(exact, rel=0.2)


def test_the_yield_of_one_node_of_two_trunks_is_exact_from_its_tree():
    """A star: with one node of copies there are no two broken nodes to be coupled."""
    draft = paired(Source(lower(weighted(networkx.star_graph(7), 1)), fab.fabric("g4-4x4")))
    draft = RootAndWire(discard=DiscardBroken(enumerate_up_to=0))(Place()(draft))
    assert draft.layout.n_trunks > 0
    exact = whole_distribution(draft.layout, draft.edges, draft.couplings, draft.biases).sum()
    assert copies_of(draft).share(draft.layout.trunk_couplings) == pytest.approx(exact, rel=1e-9)


def test_a_program_names_its_checks_and_samples_drop_what_fails_them():
    """False alarm below 1e-6: the yield's and the moments' errors are within 6 standard errors of the replicas'."""
    source = weighted(networkx.complete_graph(6), 3)
    program = fab.compile(source, TORUS)
    certificate = program.report.certificate
    assert isinstance(certificate, Rejecting) and certificate.tv == 0.0
    assert str(certificate).startswith("exact over samples whose copies agree, yield 0.")
    assert len(program.checks) > 0
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert again.checks == program.checks and again.digest == program.digest
    assert again.report.certificate == certificate
    samples = program.sample(Schedule(300, 400, 8), replicas=128, device="native", discard=False)
    kept = samples.kept
    agree = np.ones_like(kept)
    for a, b in program.checks:
        agree &= samples.sites[:, :, a] == samples.sites[:, :, b]
    assert np.array_equal(kept, agree) and not kept.all()
    per_chain = kept.mean(axis=1)
    assert abs(per_chain.mean() - certificate.yield_) < 6 * per_chain.std() / np.sqrt(len(per_chain))
    (states_kept,) = samples.accepted()
    assert states_kept.shape == (int(kept.sum()), 6)
    distribution = fab.exact(source)
    spins = np.where(samples.node_states, 1.0, -1.0)
    wanted = distribution.probabilities @ np.where(distribution.states, 1.0, -1.0)
    chains = np.stack([spins[r][kept[r]].mean(axis=0) for r in range(128)])
    error = chains.std(axis=0) / np.sqrt(len(chains))
    assert np.all(np.abs(chains.mean(axis=0) - wanted) < 6 * error + 3e-3)
    assert np.allclose(samples.moments().first, spins[kept].mean(axis=0))
    assert len(samples.to_dimod()) == len(states_kept)


def test_the_integer_program_is_verified_over_its_kept_states():
    source = weighted(networkx.complete_graph(6), 3)
    verified = fab.compile(source, TORUS, verify=True).report
    assert isinstance(verified.certificate, Rejecting)
    assert verified.end_to_end_tv is not None and verified.end_to_end_tv < 0.01
    assert verified.quantisation.kl == pytest.approx(verified.quantisation.predicted_kl, rel=0.5, abs=2e-5)


def test_samples_none_of_which_is_kept_are_refused():
    program = fab.compile(weighted(networkx.complete_graph(6), 3), TORUS)
    samples = program.sample(Schedule(0, 1, 1), replicas=1, device="reference", discard=False)
    a, b = program.checks[0]
    sites = samples.sites.copy()
    sites[:, :, a], sites[:, :, b] = True, False
    broken = type(samples)(sites, samples.image, samples.schedule, "test", samples.ledger, program, samples.blocks)
    with pytest.raises(SpecError, match=r"^none of the 1 samples has copies that agree; take more samples, or compile"):
        broken.moments()
    assert broken.accepted()[0].shape == (0, 6)


def test_too_low_a_yield_is_refused():
    draft = paired(Source(lower(weighted(networkx.complete_graph(6), 3)), fab.fabric(TORUS)))
    with pytest.raises(
        RefusedError,
        match=r"^the program compiles onto g4-4x4-torus only with \d+ couplings between copies that carry several "
        r"edges, and even with couplings of 0\.5 only a share of \S+ of the samples would have copies that agree; at "
        r"least 0\.2 is asked for\. Pass a tolerance, or take a fabric that holds the program's graph directly, or "
        r"with more sites and more neighbours a site than the program's nodes have edges\.$",
    ):
        RootAndWire(discard=DiscardBroken(strongest=0.5))(Place()(draft))


def test_sample_states_returns_as_many_samples_as_were_asked_for_all_of_them_kept():
    """False alarm below 1e-6: twelve first moments within 6 standard errors, from chains 40 sweeps a sample apart."""
    import jax
    import thrml
    from thrml.models import IsingEBM, IsingSamplingProgram
    from thrml.pgm import AbstractNode

    n = 6
    rng = np.random.default_rng(5)
    nodes: list[AbstractNode] = [thrml.SpinNode() for _ in range(n)]
    pairs = [(i, j) for i in range(n) for j in range(i)]
    ebm = IsingEBM(
        nodes,
        [(nodes[i], nodes[j]) for i, j in pairs],
        jax.numpy.asarray(0.3 * rng.normal(size=n)),
        jax.numpy.asarray(0.5 * rng.normal(size=len(pairs))),
        jax.numpy.asarray(1.0),
    )
    program = IsingSamplingProgram(ebm, [thrml.Block([node]) for node in nodes], [])
    compiled = fab.compile(program, TORUS)
    assert compiled.checks
    schedule = thrml.SamplingSchedule(200, 3000, 10)
    (found,) = fab.sample_states(
        jax.random.key(1), program, schedule, None, [], [thrml.Block(nodes)], fabric=TORUS, device="native"
    )
    assert found.shape == (3000, n)
    spins = np.where(np.asarray(found), 1.0, -1.0)
    distribution = fab.exact(program)
    wanted = distribution.probabilities @ np.where(distribution.states, 1.0, -1.0)
    batches = spins.reshape(30, 100, n).mean(axis=1)
    assert np.all(np.abs(batches.mean(axis=0) - wanted) < 6 * batches.std(axis=0) / np.sqrt(30) + 3e-3)


def test_a_table_that_cannot_be_as_cold_as_the_trunks_is_named():
    source = weighted(networkx.complete_graph(6), 3)
    placed = (Place()(paired(Source(lower(source), fab.fabric(TORUS, threshold_bits=bits)))) for bits in (4, 12))
    short, long = (ScaleAndQuantise()(RootAndWire()(one)).certificate for one in placed)
    assert short.how.endswith(", less with probabilities no smaller than 2^-4: use profile='fine'")
    assert long.how == "enumerated"
