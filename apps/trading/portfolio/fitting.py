r"""Fitting pair tables exactly: maximum likelihood by enumeration, with a prior about the tables that it starts from.

    maximise Σ_c w_c [⟨M_c, T_c⟩ - log Z(T_c)] - ½ λ (|R|² + ρ |second differences of R|²),   R = T - T_start,

over settings c of the market bits, M_c being the pair marginals seen, or wanted, under each. It is concave; L-BFGS
takes it from the start. With marginals of a copula and λ near 0 it is the projection of a mixture of copulas; with the
days' own counts and λ by cross-validation it is the residual that data add.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from thermofab.apps.trading.portfolio.cells import STATES, pairs_of
from thermofab.apps.trading.portfolio.tables import Tables, log_weights, pair_marginals, within_reach

_SECOND = np.diff(np.eye(STATES), 2, axis=0)
_BENT = _SECOND.T @ _SECOND


@dataclass(frozen=True)
class Prior:
    """Precisions of the residual: ``size`` about 0 in units of days, and ``roughness`` of its second differences along
    both assets' states, as a multiple of it."""

    size: float = 1e-4
    roughness: float = 0.0

    def pull(self, residual: np.ndarray) -> np.ndarray:
        """Precision times residual, of tables ``[..., 8, 8]``."""
        pulled = residual + self.roughness * (_BENT @ residual + residual @ _BENT)
        return self.size * pulled


@dataclass(frozen=True, eq=False)
class Evidence:
    """What tables are fitted to.

    Attributes:
        settings: of market bits, bool ``[m, k]``; one row of none where there are none.
        weights: of the settings, float64 ``[m]``: days.
        marginals: of pairs under each, float64 ``[m, pairs, 8, 8]``, each summing to 1.
    """

    settings: np.ndarray
    weights: np.ndarray
    marginals: np.ndarray


def evidence_of(states: np.ndarray, market: np.ndarray) -> Evidence:
    """The days' own: states int ``[n, d]`` under market bits bool ``[n, k]``."""
    settings, number = np.unique(market, axis=0, return_inverse=True)
    number = number.reshape(-1)
    pairs = pairs_of(states.shape[1])
    counts = np.zeros((len(settings), len(pairs), STATES, STATES))
    for p, (i, j) in enumerate(pairs):
        np.add.at(counts[:, p], (number, states[:, i], states[:, j]), 1.0)
    weights = np.bincount(number, minlength=len(settings)).astype(np.float64)
    return Evidence(settings, weights, counts / weights[:, None, None, None])


def fit_tables(start: Tables, evidence: Evidence, prior: Prior, most: int = 200, freeze: bool = False) -> Tables:
    """The likeliest tables under ``prior`` about ``start``; ``most`` iterations.

    With ``freeze`` what depends on the market bits stays as it is.
    """
    d, k, pairs = start.assets, start.bits, len(start.pair)
    signs = np.concatenate([np.ones((len(evidence.weights), 1)), np.where(evidence.settings, 1.0, -1.0)], axis=1)
    share = evidence.weights / evidence.weights.sum()
    days = evidence.weights.sum()
    singles_seen = _singles(evidence.marginals, d)
    centre = _flat(start)
    free = np.concatenate([[[1.0]], np.full((k, 1), 0.0 if freeze else 1.0)])
    cut = d * STATES

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        change = _reached(free * flat.reshape(1 + k, -1), d)
        whole = centre + change
        value, slope = 0.0, np.zeros_like(whole)
        for c, sign in enumerate(signs):
            own = sign @ whole
            weight = log_weights(own[:cut].reshape(d, STATES), own[cut:].reshape(pairs, STATES, STATES))
            top = weight.max()
            chance = np.exp(weight - top)
            total = chance.sum()
            chance /= total
            made = pair_marginals(chance)
            seen = np.concatenate([singles_seen[c].reshape(-1), evidence.marginals[c].reshape(-1)])
            value -= share[c] * float(seen @ own - top - np.log(total))
            gap = np.concatenate([_singles(made[None], d)[0].reshape(-1), made.reshape(-1)]) - seen
            slope += share[c] * sign[:, None] * gap
        pulled = np.empty_like(change)
        pulled[:, :cut] = prior.size * change[:, :cut]
        pulled[:, cut:] = prior.pull(change[:, cut:].reshape(-1, STATES, STATES)).reshape(1 + k, -1)
        value += 0.5 * float((change * pulled).sum()) / days
        return value, (free * _reached(slope + pulled / days, d)).reshape(-1)

    found = minimize(
        loss, np.zeros(centre.size), jac=True, method="L-BFGS-B", options={"maxiter": most, "ftol": 1e-10, "gtol": 1e-6}
    )
    whole = centre + _reached(free * found.x.reshape(1 + k, -1), d)
    single, pair = whole[:, :cut].reshape(-1, d, STATES), whole[:, cut:].reshape(-1, pairs, STATES, STATES)
    return Tables(single[0], pair[0], single[1:], pair[1:])


def _singles(marginals: np.ndarray, assets: int) -> np.ndarray:
    """float64 ``[m, d, 8]`` of pair marginals ``[m, pairs, 8, 8]``."""
    first = marginals[:, : assets - 1].sum(axis=2)  # of pairs (0, j): the assets 1 … d - 1
    return np.concatenate([marginals[:, :1].sum(axis=3), first], axis=1)


def _flat(tables: Tables) -> np.ndarray:
    """float64 ``[1 + k, d·8 + pairs·64]``: what is there always, then by market bit."""
    single = np.concatenate([tables.single[None], tables.single_shift])
    pair = np.concatenate([tables.pair[None], tables.pair_shift])
    return np.concatenate([single.reshape(len(single), -1), pair.reshape(len(pair), -1)], axis=1)


def _reached(change: np.ndarray, assets: int) -> np.ndarray:
    """Changes whose rows after the first are brought within reach of the fabric's factors."""
    cut = assets * STATES
    made = change.copy()
    pair = change[1:, cut:].reshape(-1, STATES, STATES)
    made[1:, cut:] = within_reach(pair).reshape(change[1:, cut:].shape)
    return made
