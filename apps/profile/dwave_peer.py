"""dwave-samplers as samplers of a distribution: its annealer held at β = 1, and its exact tree decomposition."""

import numpy as np

from thermofab.apps.profile.method import Runner, Setting
from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec import IsingModel, SpecError, ToolMissingError

WIDEST = 20  # largest tree width that the decomposition is asked for


def _quadratic(problem: Problem):
    try:
        import dimod
        import dwave.samplers as samplers
    except ImportError as missing:
        raise ToolMissingError("this peer needs dwave-samplers: pip install dwave-samplers") from missing
    model = problem.model
    if not isinstance(model, IsingModel):
        raise SpecError("dwave-samplers takes spins and pairs of spins; this program has others.")
    couplings = {(i, j): -model.beta * w for (i, j), w in zip(model.edges.tolist(), model.couplings.tolist())}
    return samplers, dimod.BinaryQuadraticModel(
        dict(enumerate((-model.beta * model.biases).tolist())), couplings, "SPIN"
    )


def prepare_annealer(problem: Problem, setting: Setting) -> Runner:
    """Independent reads, each the state after ``warmup`` + 1 Gibbs sweeps at β = 1 from a random state: it keeps no
    chain, so every sample pays for its own warm-up."""
    samplers, bqm = _quadratic(problem)
    sampler, order = samplers.SimulatedAnnealingSampler(), list(range(len(problem.sizes)))

    def run(seed: int) -> np.ndarray:
        found = sampler.sample(
            bqm, num_reads=setting.chains * setting.samples, beta_schedule_type="custom", beta_schedule=[1.0],
            num_sweeps_per_beta=setting.warmup + 1, seed=seed, proposal_acceptance_criteria="Gibbs",
        )  # fmt: skip
        return _states(found, order, setting)

    return run


def prepare_tree(problem: Problem, setting: Setting) -> Runner:
    """Exact and independent draws by elimination along a tree decomposition; for narrow graphs only."""
    samplers, bqm = _quadratic(problem)
    import networkx
    from networkx.algorithms.approximation import treewidth_min_fill_in

    graph = networkx.Graph(list(bqm.quadratic))
    width = treewidth_min_fill_in(graph)[0] if graph.number_of_edges() else 1
    if width > WIDEST:
        raise SpecError(f"a tree decomposition of this graph has width {width}; up to {WIDEST} is practical.")
    sampler, order = samplers.TreeDecompositionSampler(), list(range(len(problem.sizes)))

    def run(seed: int) -> np.ndarray:
        reads = setting.chains * setting.samples
        return _states(sampler.sample(bqm, num_reads=reads, beta=1.0, marginals=False, seed=seed), order, setting)

    return run


def _states(found, order: list[int], setting: Setting) -> np.ndarray:
    places = [list(found.variables).index(k) for k in order]
    rows = found.record.sample
    if "num_occurrences" in found.record.dtype.names and len(rows) < setting.chains * setting.samples:
        rows = np.repeat(rows, found.record.num_occurrences, axis=0)
    # Reads may come sorted by energy: shuffled, so that any share of them is a chain.
    rows = np.random.default_rng(0).permutation(rows)
    return (rows[:, places] > 0).astype(np.uint8).reshape(setting.chains, setting.samples, -1)
