"""Programs that the profiler has: small enough to enumerate, of three kinds."""

from collections.abc import Callable

import networkx
import numpy as np

from thermofab.apps.profile.problem import Problem, problem_of
from thermofab.compiler import rbm
from thermofab.hw.spec import DiscreteModel, IsingModel, SpecError
from thermofab.hw.spec.discrete import factor_of


def grid_spin_glass(side: int = 4, spread: float = 0.7, seed: int = 0) -> IsingModel:
    """Spins of a square grid, normal couplings of that standard deviation and biases of a third of it, β = 1."""
    draw, graph = (
        np.random.default_rng(seed),
        networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(side, side)),
    )
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    return IsingModel(
        tuple(range(side**2)), spread / 3 * draw.standard_normal(side**2), edges,
        spread * draw.standard_normal(len(edges)),
    )  # fmt: skip


def small_rbm(visible: int = 8, hidden: int = 6, spread: float = 0.6, seed: int = 0) -> IsingModel:
    """A restricted Boltzmann machine of ±1 units with normal weights, without data behind it."""
    draw = np.random.default_rng(seed)
    weights = spread * draw.standard_normal((visible, hidden))
    model = rbm(weights, 0.3 * draw.standard_normal(visible), 0.3 * draw.standard_normal(hidden), units="spin")
    return IsingModel(tuple(range(model.n_nodes)), model.biases, model.edges, model.couplings)


def potts(side: int = 3, states: int = 3, coupling: float = 0.8) -> DiscreteModel:
    """The Potts model on a square grid: E = -coupling · (equal neighbours), with a small field for state 0."""
    graph = networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(side, side))
    edges = sorted(tuple(sorted(edge)) for edge in graph.edges)
    pair, n = coupling * np.eye(states), side**2
    field = 0.2 * np.eye(states)[0]
    return DiscreteModel(
        tuple(range(n)),
        np.full(n, states),
        (
            factor_of([[]] * len(edges), edges, np.array([pair] * len(edges))),
            factor_of([[]] * n, [[k] for k in range(n)], np.array([field] * n)),
        ),
    )


BUILTIN: dict[str, tuple[Callable[[], IsingModel | DiscreteModel], str]] = {
    "spin-glass": (grid_spin_glass, "spin glass on a 4×4 grid, 16 spins, normal couplings of deviation 0.7"),
    "rbm": (small_rbm, "restricted Boltzmann machine, 8 + 6 units of ±1, normal weights of deviation 0.6"),
    "potts": (potts, "Potts model on a 3×3 grid, 3 states, coupling 0.8"),
}


def builtin(name: str) -> Problem:
    """A problem by name.

    Raises:
        SpecError: there is none of that name.
    """
    if name not in BUILTIN:
        raise SpecError(f"unknown program '{name}'; built in are {', '.join(BUILTIN)}, or give a program file.")
    make, said = BUILTIN[name]
    return problem_of(make(), name, said)
