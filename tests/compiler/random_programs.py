"""Random programs for the comparison of reported with independent distances: plain data, and the fabric of each.

A program is made from its number alone, so that another release compiles the same ones.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import networkx
import numpy as np

import thermofab as fab
from thermofab.compiler import fabric_of
from thermofab.hw.spec import DiscreteModel, IsingModel
from thermofab.hw.spec.discrete import factor_of

SIGMAS = (0.3, 0.6, 1.0, 1.5, 2.0, 3.0)
WEIGHT_BITS = (4, 6, 8, 10, 12, 16)
KINDS = ("sparse", "clique", "strong edge", "two spins", "wires", "trunks", "factors")
# Graphs of which some edges have no edge of the fabric: hidden sites stand for them.
_WIRED = (
    ("g4-3x3", networkx.cycle_graph(3)),
    ("g4-3x3", networkx.cycle_graph(5)),
    ("g4-3x4", networkx.cycle_graph(7)),
    ("g4-3x3", networkx.complete_graph(4)),
    ("king-3x3", networkx.complete_graph(3)),
    ("king-3x3", networkx.wheel_graph(5)),
    ("king-3x3", networkx.complete_bipartite_graph(2, 3)),
    ("cubic-2x2x3", networkx.complete_graph(4)),
)


@dataclass(frozen=True, eq=False)
class RandomProgram:
    """A program of spins, and where it goes.

    Attributes:
        number: what it was made from.
        kind, sigma: of :data:`KINDS`, and the deviation of the couplings.
        biases: float64 ``[n]``.
        terms: (spins, J), P ∝ exp(Σ b s + Σ J Π s).
        fabric: a name; ``""`` for a fabric of the program's own graph or factors.
        widths: of the fabric.
        options: of compile.
    """

    number: int
    kind: str
    sigma: float
    biases: np.ndarray
    terms: tuple[tuple[tuple[int, ...], float], ...]
    fabric: str
    widths: dict[str, Any]
    options: dict[str, Any]

    @property
    def n(self) -> int:
        return len(self.biases)

    def source(self) -> Any:
        """What is compiled."""
        if self.kind == "factors":
            factors = [factor_of([list(spins)], [[]], np.array([j])) for spins, j in self.terms]
            factors += [factor_of([[k]], [[]], np.array([b])) for k, b in enumerate(self.biases)]
            return DiscreteModel(tuple(range(self.n)), np.zeros(self.n, dtype=np.int64), tuple(factors))
        pairs = sorted((min(spins), max(spins), j) for spins, j in self.terms)
        edges = np.array([pair[:2] for pair in pairs], dtype=np.int64).reshape(-1, 2)
        return IsingModel(tuple(range(self.n)), self.biases, edges, np.array([pair[2] for pair in pairs]))

    def spec(self) -> Any:
        """The fabric."""
        if self.kind == "factors":
            return fab.fabric(fabric_of(self.source()), **self.widths)
        if self.fabric:
            return fab.fabric(self.fabric, **self.widths)
        graph = networkx.Graph()
        graph.add_nodes_from(range(self.n))
        graph.add_edges_from((u, v) for (u, v), _ in self.terms)
        return fab.fabric(graph, **self.widths)

    def described(self) -> dict[str, Any]:
        """All that is needed to make it again, JSON-ready."""
        return {
            "number": self.number,
            "kind": self.kind,
            "sigma": self.sigma,
            "biases": self.biases.tolist(),
            "terms": [[list(spins), j] for spins, j in self.terms],
            "fabric": self.fabric or "its own",
            "widths": self.widths,
            "options": {name: str(value) for name, value in self.options.items()},
        }


def random_program(number: int, profiles: dict[str, dict[str, Any]]) -> RandomProgram:
    """Program ``number``: kinds in turn, couplings N(0, σ), biases of deviation 0.3 to 1, any weight width;
    ``profiles`` are widths of fabrics, drawn from.
    """
    rng = np.random.default_rng([1105, number])
    kind = KINDS[number % len(KINDS)]
    sigma = float(rng.choice(SIGMAS))
    profile = list(profiles)[int(rng.integers(len(profiles)))]
    widths = {**profiles[profile], "weight_bits": int(rng.choice(WEIGHT_BITS))}
    if widths["weight_bits"] > 11:
        widths["bias_bits"] = widths["weight_bits"] + 4
    made = _MAKERS[kind](rng, sigma)
    return replace(made, number=number, kind=kind, sigma=sigma, widths=widths)


def larger_program(number: int, profiles: dict[str, dict[str, Any]]) -> RandomProgram:
    """Program ``number`` of 15 to 18 spins, more than compile enumerates, on a graph of two colours and its own fabric:
    paths, grids, random graphs, couplings N(0, σ), of which one in three programs has a strong one.
    """
    rng = np.random.default_rng([1106, number])
    sigma = float(rng.choice(SIGMAS))
    profile = list(profiles)[int(rng.integers(len(profiles)))]
    kind = ("path", "grid", "sparse")[number % 3]
    if kind == "path":
        graph = networkx.path_graph(int(rng.integers(15, 19)))
    elif kind == "grid":
        graph = networkx.grid_2d_graph(*((2, 8), (2, 9), (3, 5), (3, 6), (4, 4))[int(rng.integers(5))])
    else:
        graph = networkx.bipartite.gnmk_random_graph(8, 9, int(rng.integers(16, 29)), seed=int(rng.integers(2**31)))
    made = _program(rng, graph, sigma)
    terms = list(made.terms)
    if rng.random() < 1 / 3:
        at = int(rng.integers(len(terms)))
        terms[at] = (terms[at][0], float(rng.choice([-1, 1]) * rng.uniform(2, 6)))
    widths = {**profiles[profile], "weight_bits": int(rng.choice(WEIGHT_BITS[2:]))}
    if widths["weight_bits"] > 11:
        widths["bias_bits"] = widths["weight_bits"] + 4
    return replace(made, number=number, kind=kind, sigma=sigma, widths=widths, terms=tuple(terms))


def profile_of(program: RandomProgram) -> tuple[int, int]:
    """Threshold and dither bits."""
    return program.widths.get("threshold_bits", 12), program.widths.get("dither_bits", 4)


def _program(
    rng: np.random.Generator,
    graph: networkx.Graph,
    sigma: float,
    fabric: str = "",
    options: dict[str, Any] | None = None,
) -> RandomProgram:
    graph = networkx.convert_node_labels_to_integers(graph, ordering="sorted")
    biases = rng.normal(size=len(graph)) * rng.uniform(0.3, 1.0)
    terms = tuple(((int(u), int(v)), float(sigma * rng.normal())) for u, v in sorted(graph.edges))
    return RandomProgram(0, "", sigma, biases, terms, fabric, {}, options or {})


def _sparse(rng: np.random.Generator, sigma: float) -> RandomProgram:
    n = int(rng.integers(3, 11))
    m = int(rng.integers(n - 1, min(2 * n, n * (n - 1) // 2) + 1))
    return _program(rng, networkx.gnm_random_graph(n, m, seed=int(rng.integers(2**31))), sigma)


def _clique(rng: np.random.Generator, sigma: float) -> RandomProgram:
    return _program(rng, networkx.complete_graph(int(rng.integers(3, 7))), sigma)


def _strong_edge(rng: np.random.Generator, sigma: float) -> RandomProgram:
    """A path or a grid of couplings N(0, σ/2) with one of 2 to 6."""
    if rng.random() < 0.5:
        graph = networkx.path_graph(int(rng.integers(3, 11)))
    else:
        graph = networkx.grid_2d_graph(*((2, 2), (2, 3), (2, 4), (2, 5), (3, 3))[int(rng.integers(5))])
    made = _program(rng, graph, sigma / 2)
    terms = list(made.terms)
    at = int(rng.integers(len(terms)))
    terms[at] = (terms[at][0], float(rng.choice([-1, 1]) * rng.uniform(2, 6)))
    return replace(made, terms=tuple(terms))


def _two_spins(rng: np.random.Generator, sigma: float) -> RandomProgram:
    made = _program(rng, networkx.path_graph(2), sigma, "king-5x5")
    strength = float(rng.choice([-1, 1]) * rng.uniform(1, 7))
    return replace(made, terms=(((0, 1), strength),))


def _wires(rng: np.random.Generator, sigma: float) -> RandomProgram:
    name, graph = _WIRED[int(rng.integers(len(_WIRED)))]
    return _program(rng, graph, sigma, name)


def _trunks(rng: np.random.Generator, sigma: float) -> RandomProgram:
    """A star whose centre is a line of copies between its leaves, or K5 with copies given or found; copies that may
    break within a tolerance, or discarded.
    """
    sigma = min(sigma, 1.5)
    options: dict[str, Any] = {} if rng.random() < 0.5 else {"tolerance": 0.9}
    if rng.random() < 0.6:
        columns = int(rng.integers(3, 5))
        # Row 1 of three rows is the centre; rows 0 and 2 are leaves.
        leaves = [(row, column) for row in (0, 2) for column in range(columns)]
        keep = leaves[: int(rng.integers(columns + 1, min(len(leaves), 6) + 1))]
        copies = [[columns + column for column in range(columns)], *([row * columns + column] for row, column in keep)]
        return _program(rng, networkx.star_graph(len(keep)), sigma, f"g4-3x{columns}", {**options, "copies": copies})
    if rng.random() < 0.3:
        return _program(rng, networkx.complete_graph(5), sigma, "g4-4x4-torus", options)
    # King rows of 4: sites 1, 2, 5, 6 are K4, and a line around their lower side touches all of them.
    copies = [[1], [2], [5], [6], [4, 9, 10, 7]]
    return _program(rng, networkx.complete_graph(5), sigma, "king-3x4", {**options, "copies": copies})


def _factors(rng: np.random.Generator, sigma: float) -> RandomProgram:
    n = int(rng.integers(3, 8))
    rows = {tuple(sorted(rng.permutation(n)[: int(rng.integers(3, 5 if n > 3 else 4))].tolist())) for _ in range(3)}
    pairs = [pair for pair in combinations(range(n), 2) if rng.random() < 0.3]
    terms = tuple((tuple(row), float(sigma * rng.normal())) for row in [*sorted(rows), *pairs])
    return RandomProgram(0, "", sigma, rng.normal(size=n) * rng.uniform(0.3, 1.0), terms, "", {}, {})


_MAKERS = {
    "sparse": _sparse,
    "clique": _clique,
    "strong edge": _strong_edge,
    "two spins": _two_spins,
    "wires": _wires,
    "trunks": _trunks,
    "factors": _factors,
}
