"""The sampled distribution is the certified one, and the certified one is as near the user's as the report says.

Every replica starts from fair coins and gives one sample after ``SWEEPS`` sweeps, so samples are independent, and
their distribution is known exactly: it is enumerated from the image's integers. Pearson's χ² of them is held to a
nominal 1e-10 a program, 4.4e-9 over all 44. That rate is asymptotic, and cells expected only ten times have heavier
tails than χ²; the factor of 200 that remains to 1e-6 is for that.
"""

import numpy as np
import pytest
from scipy.stats import chi2

from tests.distribution.programs import PROGRAMS, ROOMY, draw
from thermofab.compiler import compile, exact, stationary_distribution
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.hw.spec import FREE, Exact, Schedule, fabric

REPLICAS, SWEEPS = 2**15, 128
FALSE_ALARM = 1e-10
TOLERANCE = 0.35
# 8-bit weights on these programs: what rounding and the table may add to the certificate.
QUANTISATION = 0.012


def chi_square_p_value(counts: np.ndarray, distribution: np.ndarray) -> float:
    """P-value of counts under a distribution; states expected fewer than ten times are pooled."""
    expected = distribution * counts.sum()
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum())
    kept = wanted > 1e-9
    assert observed[~kept].sum() == 0, "a state of probability zero was sampled"
    statistic = float(((observed - wanted)[kept] ** 2 / wanted[kept]).sum())
    return float(chi2.sf(statistic, max(int(kept.sum()) - 1, 1)))


@pytest.mark.parametrize("number", range(PROGRAMS))
def test_sampled_distribution_is_the_certified_distribution(number, record_property):
    drawn = draw(number)
    program = compile(
        drawn.source, fabric(drawn.fabric, **drawn.overrides), tolerance=TOLERANCE, seed=number, verify=False
    )
    distribution = exact(drawn.source, clamp=drawn.clamp or None)
    clamps = np.full(program.fabric.n_sites, FREE)
    blocked = {k for block in program.clamped_blocks for k in block}
    for node, value in drawn.clamp.items():
        k = program.node_index[node]
        for site in program.copies[k] if k in blocked else program.copies[k][:1]:
            clamps[site] = value
    roots = [int(program.roots[program.node_index[node]]) for node in distribution.nodes]
    after = stationary_distribution(program, clamps, sites=roots, sweeps=SWEEPS).probabilities
    stationary = stationary_distribution(program, clamps, sites=roots).probabilities

    out = program.sample(
        Schedule(SWEEPS, 1), nodes=[list(distribution.nodes)], clamp=drawn.clamp or None, replicas=REPLICAS, seed=number
    )
    states = out.states[0][:, 0]
    counts = np.bincount(states @ (1 << np.arange(len(roots))[::-1]), minlength=len(after))
    p_value = chi_square_p_value(counts, after)
    certified = total_variation(stationary, distribution.probabilities)
    print(
        f"\n{number:>3} {drawn.story:<32} {drawn.fabric:<12} {program.report.sites:>3} sites  "
        f"{str(program.report.certificate)[:40]:<40} TV certified {certified:.4f} "
        f"sampled {total_variation(counts / REPLICAS, distribution.probabilities):.4f}  p {p_value:.3f}"
    )
    assert p_value > FALSE_ALARM, "the sampled distribution is not the one enumerated from the image"
    certificate = program.report.certificate
    assert certified <= certificate.tv + QUANTISATION
    assert isinstance(certificate, Exact) == (number < ROOMY)
    if certificate.how == "enumerated":  # not a bound only: the distance itself
        assert abs(certified - certificate.tv) <= QUANTISATION


@pytest.mark.parametrize("generator", ["lfsr64", "lfsr32", "xoshiro128+"])
def test_long_chains_have_the_stationary_distribution(generator):
    """What one snapshot a replica cannot show: successive draws of a site must be independent of each other.

    64 replicas, every sweep of 16,384 recorded, on a frustrated model of 9 spins. The variance of every state's
    frequency is taken from the replicas themselves, so correlation along a chain costs nothing; the largest of 512
    studentised deviations (63 degrees of freedom) exceeds 9 with probability below 3e-10.
    """
    spec = fabric("king-3x3", rng=generator)
    rng = np.random.default_rng(5)
    model = {
        edge: float(rng.choice([-0.45, 0.45]) + rng.uniform(-0.1, 0.1)) for edge in map(tuple, spec.topology.edges)
    }
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from((k, {"bias": float(b)}) for k, b in enumerate(rng.uniform(-0.3, 0.3, 9)))
    graph.add_weighted_edges_from((int(i), int(j), w) for (i, j), w in model.items())
    program = compile(graph, spec)
    distribution = stationary_distribution(program).probabilities
    replicas = 64
    states = program.sample(Schedule(200, 16_384), replicas=replicas, seed=3).states[0]
    numbers = states @ (1 << np.arange(9)[::-1])
    frequency = np.stack([np.bincount(row, minlength=512) / row.size for row in numbers])
    error = frequency.std(axis=0, ddof=1) / np.sqrt(replicas)
    common = distribution * states.shape[1] > 50
    deviation = np.abs(frequency.mean(axis=0) - distribution)[common] / error[common]
    print(f"\n{generator}: largest deviation {deviation.max():.2f} sigma of {common.sum()} states, "
          f"TV {total_variation(frequency.mean(axis=0), distribution):.5f}")  # fmt: skip
    assert deviation.max() < 9
