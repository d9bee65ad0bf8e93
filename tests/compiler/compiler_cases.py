"""Models and brute-force distributions shared by the compiler's tests."""

import networkx
import numpy as np

from thermofab.compiler.certify.exactness import fabric_couplings
from thermofab.compiler.distributions.enumeration import log_weights, marginal, normalised
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Paired, Source, Wired
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.hw.spec import DiscreteModel, IsingModel, fabric


def weighted(graph: networkx.Graph, seed: int, coupling: float = 0.8, bias: float = 0.4) -> networkx.Graph:
    """``graph`` with normal weights and biases."""
    rng = np.random.default_rng(seed)
    graph = networkx.convert_node_labels_to_integers(graph)
    for node in graph:
        graph.nodes[node]["bias"] = float(rng.normal() * bias)
    for u, v in graph.edges:
        graph.edges[u, v]["weight"] = float(rng.normal() * coupling)
    return graph


def pairwise(model: IsingModel | DiscreteModel) -> IsingModel:
    """``model``, which has spins and couplings of two."""
    assert isinstance(model, IsingModel)
    return model


def model_of(graph: networkx.Graph) -> IsingModel:
    return pairwise(lower(graph).model)


def paired(stage: Source) -> Paired:
    """A program of spins and couplings of two, canonical."""
    made = Canonicalise()(stage)
    assert isinstance(made, Paired)
    return made


def laid_out(source, name: str, tolerance=None, seed: int = 0) -> Wired:
    """The program after placement and wiring, in real numbers."""
    return RootAndWire(tolerance=tolerance)(Place(seed=seed)(paired(Source(lower(source), fabric(name)))))


def distribution_over_roots(stage: Wired, clamp: dict[int, bool] | None = None) -> np.ndarray:
    """The distribution of the roots of the nodes not in ``clamp``, by enumerating every site in use; all copies of a
    clamped node hold its value.
    """
    clamp = clamp or {}
    couplings, biases = fabric_couplings(stage)
    copies = stage.layout.copies
    members = [site for k, sites in enumerate(copies) if k not in clamp for site in sites]
    value = {site: (1.0 if clamp[k] else -1.0) for k, sites in enumerate(copies) if k in clamp for site in sites}
    index = {site: k for k, site in enumerate(members)}
    fields = np.array([biases[site] for site in members])
    edges, strengths = [], []
    for (a, b), coupling in zip(stage.fabric.topology.edges.tolist(), couplings.tolist()):
        if a in index and b in index:
            edges.append((index[a], index[b]))
            strengths.append(coupling)
        elif a in index and b in value:
            fields[index[a]] += coupling * value[b]
        elif b in index and a in value:
            fields[index[b]] += coupling * value[a]
    assert len(members) <= 20
    distribution = normalised(log_weights(len(members), fields, np.array(edges).reshape(-1, 2), np.array(strengths)))[0]
    return marginal(distribution, len(members), [index[sites[0]] for k, sites in enumerate(copies) if k not in clamp])


def boltzmann(model: IsingModel) -> np.ndarray:
    return normalised(log_weights(model.n_nodes, model.beta * model.biases, model.edges, model.beta * model.couplings))[
        0
    ]
