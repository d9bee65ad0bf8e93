"""Applications of the variation study, small enough that the truth is known."""

from collections.abc import Callable
from functools import cache

import networkx
import numpy as np

from thermofab.apps.profile.building import built
from thermofab.apps.profile.builtin import potts
from thermofab.apps.profile.learnt import digits, router, trader
from thermofab.apps.profile.variation import Application
from thermofab.compiler import exact
from thermofab.hw.spec import DiscreteModel, IsingModel, Samples, Schedule
from thermofab.hw.spec.discrete import factor_of

_BETAS = (0.4, 0.7, 1.0, 1.5, 2.2, 3.2)


def annealing(side: int = 8, seed: int = 1) -> Application:
    """A spin glass annealed to its ground state."""
    graph = networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(side, side, periodic=True))
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    couplings = np.random.default_rng(seed).standard_normal(len(edges))
    model = IsingModel(tuple(range(side**2)), np.zeros(side**2), edges, couplings)
    build = built(model, beta_levels=_BETAS)
    cold = len(_BETAS) - 1
    slow = Schedule(200, 40, 5, tuple((400, level) for level in range(cold)), cold)
    ground = float(build(8).sample(slow, replicas=512, seed=99, device="jax").energies().min())

    def loss(samples: Samples) -> float:
        return 100 * float((samples.energies().min(axis=1) - ground).mean()) / abs(ground)

    return Application(
        "annealing",
        f"spin glass on a {side}×{side} torus, normal couplings: a run's lowest energy above the lowest known",
        build, loss, 1.0, "% of the ground energy",
        Schedule(40, 20, 2, tuple((40, level) for level in range(cold)), cold),
    )  # fmt: skip


def _stripes() -> np.ndarray:
    """Bars and stripes of 3×3 pixels, bool ``[14, 9]``."""
    rows = [np.repeat([[k >> i & 1 for i in range(3)]], 3, axis=0) for k in range(8)]
    return np.unique(np.array([r.ravel() for r in rows] + [r.T.ravel() for r in rows], dtype=bool), axis=0)


@cache
def trained(hidden: int = 5, steps: int = 600, rate: float = 0.15, seed: int = 0) -> IsingModel:
    """A restricted Boltzmann machine of bars and stripes, by exact gradients with a small decay."""
    data = 2.0 * _stripes() - 1
    n, rng = data.shape[1], np.random.default_rng(seed)
    w, b, c = 0.1 * rng.standard_normal((n, hidden)), np.zeros(n), np.zeros(hidden)
    seen = 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1
    for _ in range(steps):
        free = seen @ b + np.log(2 * np.cosh(seen @ w + c)).sum(axis=1)
        p = np.exp(free - free.max())
        p /= p.sum()
        up, down = np.tanh(data @ w + c), np.tanh(seen @ w + c)
        w += rate * (data.T @ up / len(data) - (p[:, None] * seen).T @ down - 0.002 * w)
        b += rate * (data.mean(axis=0) - p @ seen)
        c += rate * (up.mean(axis=0) - p @ down)
    edges = np.array([(i, n + j) for i in range(n) for j in range(hidden)])
    return IsingModel(tuple(range(n + hidden)), np.concatenate([b, c]), edges, w.reshape(-1))


def boltzmann() -> Application:
    """A trained Boltzmann machine: how much farther its samples are from its data."""
    model, data = trained(), _stripes()
    wanted = data @ (1 << np.arange(9))

    def loss(samples: Samples) -> float:
        codes = samples.node_states[..., :9].reshape(-1, 9) @ (1 << np.arange(9))
        counts = np.bincount(codes, minlength=512) + 0.5
        return float(-np.log(len(wanted) * counts[wanted] / counts.sum()).mean())

    return Application(
        "boltzmann",
        "restricted Boltzmann machine of 3×3 bars and stripes, 9 + 5 units: KL of its samples from the data",
        built(model), loss, 0.05, "nats", Schedule(200, 500, 4),
    )  # fmt: skip


def returns(states: int = 16) -> Application:
    """A market node: one categorical variable of a day's return, as cells of a t distribution with 3 degrees."""
    edges = np.linspace(-5, 5, states)
    log_p = -2 * np.log1p(edges**2 / 3)
    model = DiscreteModel((0,), np.array([states]), (factor_of([[]], [[0]], log_p[None]),))
    truth = exact(model).probabilities

    def loss(samples: Samples) -> float:
        found = samples.frequencies()[0]
        return 0.5 * float(np.abs(found - truth).sum())

    return Application(
        "market node", "one node of 16 cells of a t distribution of 3 degrees, as a day's return is: TV from exact",
        built(model), loss, 0.02, "TV", Schedule(50, 500, 4),
    )  # fmt: skip


def potts_model() -> Application:
    """Marginals of a Potts model in a field."""
    model = potts()
    truth = exact(model).frequencies

    def loss(samples: Samples) -> float:
        found = samples.frequencies()
        return float(np.mean([0.5 * np.abs(f - t).sum() for f, t in zip(found, truth)]))

    return Application(
        "potts", "Potts model on a 3×3 grid, 3 states: mean TV of its nodes' distributions from exact",
        built(model), loss, 0.02, "TV", Schedule(100, 500, 4),
    )  # fmt: skip


APPLICATIONS: dict[str, Callable[[], Application]] = {
    "annealing": annealing,
    "boltzmann": boltzmann,
    "digits": digits,
    "market node": returns,
    "trading node": trader,
    "expert router": router,
    "potts": potts_model,
}
