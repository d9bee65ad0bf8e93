r"""Trunks: what finite couplings between copies do to the distribution over roots.

With the wires summed out, roots and trunk ends are spins of one model. Write d_f = ±1 for whether the ends of trunk f
agree. Against the distribution with all copies equal, the distribution over roots s has the extra factor

    r(s) = Σ_d Π_{f: d_f = -1} e^{-2 Jc_f} · e^{A(s, d) - A(s, 1)},

and turning over the copies beyond f changes A by at most 2 G_f, G_f the sum of |J| over the model edges that f
carries. So Π(1 + e^{-2(Jc+G)}) ≤ r ≤ Π(1 + e^{-2(Jc-G)}), and log r has range at most

    R = Σ_f ln (1 + e^{-2(Jc_f - G_f)}) / (1 + e^{-2(Jc_f + G_f)}).

Two distributions whose log ratio has range R differ by TV ≤ tanh(R/4), attained by two-point distributions, and by KL ≤
R²/8 (Hoeffding's lemma). Conditioning on clamped nodes keeps R.
"""

import numpy as np

from thermofab.compiler.distributions.enumeration import log_weights, marginal, normalised
from thermofab.compiler.ir.layout import Layout


def log_ratio_range(trunk_couplings: np.ndarray, trunk_loads: np.ndarray) -> float:
    """R for couplings Jc and loads G, float64 ``[t]`` each."""
    jc, g = np.asarray(trunk_couplings), np.asarray(trunk_loads)
    return float(np.sum(np.logaddexp(0, -2 * (jc - g)) - np.logaddexp(0, -2 * (jc + g))))


def tv_bound(log_range: float) -> float:
    return float(np.tanh(log_range / 4))


def kl_bound(log_range: float) -> float:
    return log_range**2 / 8


def root_distribution(layout: Layout, edges: np.ndarray, couplings: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """The compiled real-valued model's distribution over the nodes, float64 ``[2^n]``, clamped nodes taken as free."""
    distribution, total, _ = _joint_distribution(layout, edges, couplings, biases)
    return marginal(distribution, total, list(range(len(layout.copies))))


def whole_distribution(layout: Layout, edges: np.ndarray, couplings: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """P(nodes, no trunk broken), float64 ``[2^n]``: it sums to the share of samples in which no trunk is."""
    distribution, total, trunks = _joint_distribution(layout, edges, couplings, biases)
    whole = distribution.reshape((2,) * total).copy()
    for a, b in trunks:
        for value in (0, 1):
            broken: list[int | slice] = [slice(None)] * total
            broken[a], broken[b] = value, 1 - value
            whole[tuple(broken)] = 0.0
    return marginal(whole.reshape(-1), total, list(range(len(layout.copies))))


def _joint_distribution(
    layout: Layout, edges: np.ndarray, couplings: np.ndarray, biases: np.ndarray
) -> tuple[np.ndarray, int, list[list[int]]]:
    """Distribution of the nodes and of the trunks' other ends, the number of these spins, and the two spins of every
    trunk.

    Wires are summed out beforehand, so the cost is 2^(nodes + trunks).
    """
    n = len(layout.copies)
    spin_of = {layout.copies[k][0]: k for k in range(n)}
    for site in layout.trunk_ends.reshape(-1).tolist():
        spin_of.setdefault(site, len(spin_of))
    # A clamped node has all its copies at its value: they are one spin.
    wires = [
        [spin_of.get(site, node) for site, node in zip(ends, nodes)]
        for ends, nodes in zip(layout.wire_ends.tolist(), edges.tolist())
    ]
    trunks = [[spin_of[site] for site in ends] for ends in layout.trunk_ends.tolist()]
    total = len(spin_of)
    weight = log_weights(
        total,
        np.concatenate([biases, np.zeros(total - n)]),
        np.array(wires + trunks, dtype=np.int64).reshape(-1, 2),
        np.concatenate([couplings, layout.trunk_couplings]),
    )
    return normalised(weight)[0], total, trunks


def conditional_tv(p: np.ndarray, q: np.ndarray, clamped: np.ndarray) -> float:
    """Largest TV of the free nodes' distributions over all values of the clamped ones; ``p``, ``q`` float64
    ``[2^n]``."""
    n, fixed = len(clamped), np.flatnonzero(clamped).tolist()
    axes = fixed + np.flatnonzero(~clamped).tolist()
    rows = [distribution.reshape((2,) * n).transpose(axes).reshape(2 ** len(fixed), -1) for distribution in (p, q)]
    rows = [distribution / distribution.sum(axis=1, keepdims=True) for distribution in rows]
    return float(np.max(0.5 * np.abs(rows[0] - rows[1]).sum(axis=1)))
