r"""The conditional distribution of tomorrow's state, log-linear in what is known today, as a model that a fabric holds.

    P(y | x) ∝ exp(θ_y + Σ_k φ_{k,y} s_k),   s_k = ±1 the conditions,

a Boltzmann machine whose conditions are clamped: y is a categorical node, and every condition shares a table with it.
The likelihood is concave; it is maximised exactly, with a Gaussian prior on φ and its second differences along y.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.apps.trading.encoding import CONDITIONS, PROBABILITIES, STATES
from thermofab.hw.spec import DiscreteModel
from thermofab.hw.spec.discrete import factor_of


@dataclass(frozen=True)
class Prior:
    """Precisions: of φ about 0, of its second differences along y, and of θ about the states' own frequencies."""

    size: float = 40.0
    roughness: float = 40.0
    base: float = 40.0


@dataclass(frozen=True, eq=False)
class Conditional:
    """θ float64 ``[32]`` and φ float64 ``[7, 32]``."""

    theta: np.ndarray
    phi: np.ndarray

    def log_probabilities(self, conditions: np.ndarray) -> np.ndarray:
        """float64 ``[..., 32]`` from bool ``[..., 7]``."""
        field = self.theta + np.where(conditions, 1.0, -1.0) @ self.phi
        top = field.max(axis=-1, keepdims=True)
        return field - top - np.log(np.exp(field - top).sum(axis=-1, keepdims=True))

    def model(self) -> DiscreteModel:
        """Nodes ``"return"`` of 32 states, and the conditions by name, all spins; their own distribution is uniform."""
        n = len(CONDITIONS)
        categories = np.array([STATES] + [0] * n)
        factors = [factor_of([[]], [[0]], self.theta[None])]
        factors += [factor_of([[1 + k]], [[0]], self.phi[k][None]) for k in range(n)]
        return DiscreteModel(("return", *CONDITIONS), categories, tuple(factors))


def fit_conditional(
    states: np.ndarray,
    conditions: np.ndarray,
    prior: Prior = Prior(),  # noqa: B008
    start: Conditional | None = None,
) -> Conditional:
    """The most probable θ and φ given states int ``[n]`` and conditions bool ``[n, 7]``: L-BFGS from 0 or ``start``."""
    from scipy.optimize import minimize

    spins = np.where(conditions, 1.0, -1.0)
    n, k = spins.shape
    base = np.log(np.diff(np.concatenate([[0.0], PROBABILITIES, [1.0]])))
    design = np.concatenate([np.ones((n, 1)), spins], axis=1)
    seen = np.zeros((n, STATES))
    seen[np.arange(n), states] = 1.0
    second = np.diff(np.eye(STATES), 2, axis=0)
    penalty = prior.size * np.eye(STATES) + prior.roughness * second.T @ second

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        change = flat.reshape(k + 1, STATES)
        field = design @ change + base
        top = field.max(axis=1, keepdims=True)
        weight = np.exp(field - top)
        total = weight.sum(axis=1, keepdims=True)
        value = -np.sum((field - top)[np.arange(n), states] - np.log(total[:, 0]))
        slope = design.T @ (weight / total - seen)
        pull = change[1:] @ penalty
        value += 0.5 * np.sum(change[1:] * pull) + 0.5 * prior.base * np.sum(change[0] ** 2)
        slope[0] += prior.base * change[0]
        slope[1:] += pull
        return float(value), slope.reshape(-1)

    first = np.zeros((k + 1, STATES)) if start is None else np.concatenate([start.theta[None] - base, start.phi])
    found = minimize(loss, first.reshape(-1), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    change = found.x.reshape(k + 1, STATES)
    return Conditional(
        base + change[0] - (base + change[0]).mean(), change[1:] - change[1:].mean(axis=1, keepdims=True)
    )
