"""States of a pairwise spin model too large to enumerate, by Gibbs sampling of the real-valued model.

Several chains of fixed seed start from fair coins and sweep the nodes, P(s_i = +1 | rest) = σ(2 F_i); nodes that are
not coupled are updated together. Work is counted in fields computed, so the states are the same on every machine. What
is estimated from them is as good as the chains' mixing: a cold model gives rough figures.
"""

import numpy as np

from thermofab.hw.spec.colouring import graph_colouring, unique_pairs
from thermofab.hw.spec.factors import differences as real_differences
from thermofab.hw.spec.factors import factor_addresses, factor_inputs, factor_pairs

_WORK = 20_000_000
CHAINS = 64
_WARM_UP, RECORDED, _STRIDE = 64, 16, 4
_RUNGS = 16
_PIECE = 2**20  # neighbours' spins looked up at a time


def gibbs_states(
    edges: np.ndarray,
    couplings: np.ndarray,
    biases: np.ndarray,
    *,
    tables: tuple[tuple[tuple[int, ...], ...], np.ndarray] = ((), np.zeros(0)),
    recorded: int = RECORDED,
    most: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, int]:
    """±1 states int8 ``[M, n]``, the chains of one sweep together, and the number of chains: ``recorded`` states of
    each of 64 chains, fewer chains and sweeps for a large model. With ``most``, no sweep is made for states beyond the
    first so many.

    ``edges`` int ``[m, 2]``, ``couplings`` float64 ``[m]``, ``biases`` float64 ``[n]`` hold β already, and so do
    ``tables``, the spins of each and its terms of log P, as in :mod:`thermofab.hw.spec.factors`.
    """
    n = len(biases)
    near, _ = _neighbours(n, edges, couplings)
    sweeps = _WARM_UP + recorded * _STRIDE
    chains = int(np.clip(_WORK // (near.size * sweeps), 8, CHAINS))
    cut = max(near.size * sweeps * chains / _WORK, 1.0)
    if most is not None:
        recorded = min(recorded, -(-most // chains))
    warm, stride = max(int(_WARM_UP / cut), 8), max(int(_STRIDE / cut), 1)
    states = tempered_states(
        edges, couplings, biases, tables=tables, chains=chains, recorded=recorded, warm=warm, stride=stride, rungs=1,
        seed=seed,
    )  # fmt: skip
    return states[:most], chains


def tempered_states(
    edges: np.ndarray,
    couplings: np.ndarray,
    biases: np.ndarray,
    *,
    tables: tuple[tuple[tuple[int, ...], ...], np.ndarray] = ((), np.zeros(0)),
    chains: int = CHAINS,
    recorded: int = RECORDED,
    warm: int = 200,
    stride: int = _STRIDE,
    rungs: int | None = None,
    held: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """As :func:`gibbs_states`, with replica exchange: wells get their weights where a plain chain stays in one.

    Every chain is a ladder of ``rungs`` from a β at which fields are of order one half up to 1, geometric, by default
    at ratios of e^{1/5}; neighbouring rungs offer to exchange after every sweep, even and odd pairs in turn (Hukushima
    & Nemoto 1996). Spins where ``held`` int8 ``[n]`` is ±1 keep that value; 0 leaves them free. Returns ±1 int8
    ``[recorded * chains, n]``, the chains of one sweep together.
    """
    n = len(biases)
    near, weights = _neighbours(n, edges, couplings)
    added = _Tables(n, *tables)
    largest = float(np.max(np.sqrt(np.sum(weights.astype(np.float64) ** 2, axis=1)) + np.abs(biases), initial=0.0))
    largest += float(np.max(np.abs(tables[1]), initial=0.0))
    hottest = min(1.0, 0.5 / max(largest, 1e-300))
    if rungs is None:
        rungs = int(np.clip(1 + np.ceil(5 * np.log(1 / hottest)), 1, _RUNGS))
    betas = np.repeat(np.geomspace(1.0, hottest, rungs)[::-1], chains)
    draw = np.random.default_rng(seed)
    spins = np.where(draw.random((n + 1, rungs * chains)) < 0.5, np.float32(-1), np.float32(1))
    spins[n] = 0
    if held is not None:
        spins[:n] = np.where(held[:, None] != 0, held[:, None], spins[:n])
    joined = unique_pairs(np.concatenate([edges.reshape(-1, 2), factor_pairs(tables[0])]), n)
    colours = graph_colouring(n, joined) if len(joined) else np.zeros(n, dtype=np.int64)
    free = np.ones(n, dtype=bool) if held is None else held == 0
    groups = [np.flatnonzero((colours == colour) & free) for colour in range(int(colours.max()) + 1)]
    # Sites of a group do not see one another, so a group may be updated in pieces: what they hold in between is small.
    most = max(_PIECE // (near.shape[1] * rungs * chains), 1)
    pieces = [group[first : first + most] for group in groups for first in range(0, len(group), most)]
    states = np.empty((recorded, chains, n), dtype=np.int8)
    for sweep in range(warm + recorded * stride):
        for group in pieces:
            # P(s = +1) = σ(2βF) is u < σ(2βF), or logit(u) < 2βF.
            field = np.einsum("gd,gdc->gc", weights[group], spins[near[group]]) + biases[group, None]
            field += added(group, spins)
            uniform = draw.random((len(group), rungs * chains))
            spins[group] = np.where(np.log(uniform) - np.log1p(-uniform) < 2 * betas * field, 1, -1)
        # log P at β = 1: each coupling is seen from both ends.
        pairs = range(sweep % 2, rungs - 1, 2)
        if pairs:
            seen = 0.5 * np.einsum("gd,gdc->gc", weights, spins[near]) + biases[:, None]
            logs = np.einsum("gc,gc->c", seen, spins[:n]) + added.total(spins)
        for pair in pairs:
            low, high = np.arange(chains) + pair * chains, np.arange(chains) + (pair + 1) * chains
            gain = (betas[high[0]] - betas[low[0]]) * (logs[low] - logs[high])
            swap = np.log(draw.random(chains)) < gain
            a, b = low[swap], high[swap]
            spins[:, a], spins[:, b] = spins[:, b], spins[:, a]
        if sweep >= warm and (sweep - warm) % stride == stride - 1:
            states[(sweep - warm) // stride] = spins[:n, -chains:].T
    return states.reshape(-1, n)


class _Tables:
    """What tables add to fields: half the difference of their entries at s = +1 and s = -1."""

    def __init__(self, n: int, rows: tuple[tuple[int, ...], ...], values: np.ndarray) -> None:
        self._rows, self._values = rows, values
        self._inputs = factor_inputs(rows)
        self._halves = real_differences(rows, values) / 2
        self._of = [np.flatnonzero(self._inputs.sites == k) for k in range(n)] if rows else []

    def __call__(self, group: np.ndarray, spins: np.ndarray) -> np.ndarray | float:
        """``[g, chains]`` for the spins ``group``, from all ``[n + 1, chains]``."""
        if not self._of:
            return 0.0
        total = np.zeros((len(group), spins.shape[1]))
        for g, k in enumerate(group.tolist()):
            for m in self._of[k]:
                others = self._inputs.others[m, : self._inputs.widths[m]]
                address = (spins[others] > 0).T @ (1 << np.arange(len(others)))
                total[g] += self._halves[self._inputs.starts[m] + address]
        return total

    def total(self, spins: np.ndarray) -> np.ndarray | float:
        """Their terms of log P in states ``[n + 1, chains]``: ``[chains]``."""
        if not self._rows:
            return 0.0
        return self._values[factor_addresses(self._rows, (spins > 0).T)].sum(axis=-1)


def _neighbours(n: int, edges: np.ndarray, couplings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours ``[n, d]`` and couplings to them; padded with node n, which has none."""
    ends = np.concatenate([edges, edges[:, ::-1]]).astype(np.int64).reshape(-1, 2)
    order = np.argsort(ends[:, 0], kind="stable")
    ends, values = ends[order], np.concatenate([couplings, couplings])[order]
    degree = np.bincount(ends[:, 0], minlength=n)
    place = np.arange(len(ends)) - np.repeat(np.cumsum(degree) - degree, degree)
    near = np.full((n, max(int(degree.max(initial=0)), 1)), n, dtype=np.int64)
    weights = np.zeros(near.shape, dtype=np.float32)
    near[ends[:, 0], place], weights[ends[:, 0], place] = ends[:, 1], values
    return near, weights
