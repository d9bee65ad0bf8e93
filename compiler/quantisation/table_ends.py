r"""Table ends: what is lost where the activation table cannot be as cold as the fields that meet it.

The table gives P(n=1 | F) at the odds of a field F̃(F) = ½ logit P, which stops at ½ ln(2^t - 1), or where the table
does. Beyond, a site is told F̃ instead of κF, κ the step. Two things follow.

*Leak.* The unlikely value comes up more often than it should, E_p Σ_i (P̃_i - P_i) times per sweep; each is a state that
ought not to be there, usually for a sweep.

*Balance.* Wells of the distribution that are joined only by updates beyond the end lose their balance, since the
biases and the other couplings no longer change the rates between them. With δ_i(s) = F̃_i - κF_i the log density changes
by D where D(s_i = 1) - D(s_i = -1) = 2δ_i for all sites at once, weighted by the rate P(1-P) at which site i turns over
(the stationary response of a reversible chain to first order). D is fitted by least squares, site by site over the
neighbours' spins; the distance of p e^D from p is the loss to expect. It is an estimate: docs/quantisation.md says how
good; small programs are solved instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from thermofab.compiler.distributions.enumeration import tilted, total_variation
from thermofab.compiler.quantisation.layout_states import LayoutStates
from thermofab.hw.spec.activation import flip_probability, sigmoid_table
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.factors import differences

_RIDGE = 1e-9
_HELD = 0.05  # variance of a spin below which its end of a coupling counts for less
_COARSE = 32  # units of a threshold
_STATES_PER_VALUE = 4  # of clamped sites, at least, for a distance given each
# Sites beyond the end that are fitted on all states; of more, each on fewer.
_SITES = 400
_FEWER = 256
_ENTRIES = 2**24  # of states and sites that are looked at together


@dataclass(frozen=True)
class Ends:
    """What the ends of a table cost.

    Attributes:
        smooth: KL of the table's values from σ where they do not end, in nats: interpolation and rounded thresholds.
        leak: unlikely values that come up beside those that should, per sweep, all sites together.
        kl: of the fitted model from the integers', in nats.
        tv: likewise, total variation; ``None`` where the states to judge by have not mixed.
        reached: sites whose fields come near the end or pass beyond it in some state.
    """

    smooth: float
    leak: float
    kl: float
    tv: float | None
    reached: int

    def times(self, factor: float) -> "Ends":
        """Of a program ``factor`` times as large: sums grow with it, a small total variation with its root."""
        tv = None if self.tv is None else min(self.tv * float(np.sqrt(factor)), 1.0)
        return Ends(self.smooth * factor, self.leak * factor, self.kl * factor, tv, int(np.ceil(self.reached * factor)))


def table_ends(
    states: LayoutStates,
    spec: FabricSpec,
    weights: np.ndarray,
    biases: np.ndarray,
    factors: np.ndarray,
    free: np.ndarray,
    step: float,
    shift: int,
) -> Ends:
    """The cost of the standard table at ``step`` and ``shift`` for integers on a fabric.

    Args:
        states: of the sites in use, under the distribution that is wanted.
        weights, biases, factors: int64, as an image's.
        free: bool ``[N]``, sites that are updated.
    """
    fields, matrix = integer_fields(states, spec, weights, biases, factors)
    most = int(np.max(np.abs(fields), initial=0)) + 1
    every = np.arange(-most, most + 1)
    up = flip_probability(spec, sigmoid_table(spec, step, shift), shift, every)
    seen = 0.5 * (np.log(up) - np.log1p(-up))
    ideal = step * every
    coldest = 0.5 * np.log(2.0**spec.threshold_bits - 1)
    beyond = np.abs(ideal) > min(step * (spec.table_size / 2 - 1) * 2.0**shift, coldest)
    # Thresholds of a few units are rounded coarsely: rates between wells feel that too.
    lost = np.where(beyond | (np.abs(ideal) > coldest - 0.5 * np.log(_COARSE)), seen - ideal, 0.0)
    least = np.minimum(up, 1 - up)
    extra = np.where(beyond, np.maximum(least - 1 / (1 + np.exp(np.minimum(2 * np.abs(ideal), 700.0))), 0.0), 0.0)
    at = fields + most  # indices into tables of all fields
    # An error ε of P(n=1) costs about ε²/2P(1-P).
    p = 1 / (1 + np.exp(-2 * ideal.clip(-300, 300)))
    # P(1-P) by the smaller of the two, which keeps its digits.
    unlikely = np.exp(-2 * np.abs(ideal).clip(0, 300))
    rate = unlikely / (1 + unlikely) ** 2
    cost = np.where(beyond, 0.0, (up - p) ** 2 / (2 * rate))
    live = free[states.sites]
    smooth = leak = 0.0
    ended = lost != 0
    touched = np.zeros(len(live), dtype=bool)
    for rows in _some_rows(at):
        seen_here = at[rows] if live.all() else at[rows][:, live]
        smooth += float(states.weights[rows] @ cost[seen_here].sum(axis=1))
        leak += float(states.weights[rows] @ extra[seen_here].sum(axis=1))
        touched |= np.any(ended[at[rows]] & (states.weights[rows, None] > 0), axis=0)
    reached = np.flatnonzero(live & touched)
    if not len(reached):
        return Ends(smooth, leak, 0.0, 0.0, 0)
    change = _fitted_change(states, matrix, lost[at], rate[at], reached)
    kl, tv = _conditional_loss(states.weights, change, states.spins[:, ~live] > 0)
    return Ends(smooth, leak, kl, tv, len(reached))


def _some_rows(matrix: np.ndarray) -> Iterator[slice]:
    """The rows of a matrix in pieces, for what is made of all of them would not fit for large fabrics."""
    most = max(_ENTRIES // max(matrix.shape[1], 1), 1)
    return (slice(first, first + most) for first in range(0, len(matrix), most))


def _conditional_loss(weights: np.ndarray, change: np.ndarray, clamped: np.ndarray) -> tuple[float, float]:
    """KL and total variation of p e^change from p given the clamped sites, bool ``[M, c]``: means over their values.

    What differs between values of clamped sites only is no error: they are not sampled.
    """
    group = np.zeros(len(weights), dtype=np.int64)
    if clamped.shape[1]:
        group = np.unique(clamped, axis=0, return_inverse=True)[1].reshape(-1)
        if group.max() > len(weights) // _STATES_PER_VALUE:
            group[:] = 0  # too few states of each to tell
    kl = tv = 0.0
    for value in range(int(group.max()) + 1):
        there = group == value
        share = float(weights[there].sum())
        if share > 0:
            given = weights[there] / share
            after, log_mean = tilted(given, change[there])
            kl += share * max(log_mean - float(given @ change[there]), 0.0)
            tv += share * total_variation(after, given)
    return kl, tv


def integer_fields(
    states: LayoutStates, spec: FabricSpec, weights: np.ndarray, biases: np.ndarray, factors: np.ndarray
) -> tuple[np.ndarray, scipy.sparse.csr_matrix]:
    """Fields int64 ``[M, k]`` of the sites in use, and which of them are neighbours, ``[k, k]``."""
    topology, sites = spec.topology, states.sites
    place = np.full(topology.n_sites, -1)
    place[sites] = np.arange(len(sites))
    there = np.flatnonzero((weights != 0) & np.all(place[topology.edges] >= 0, axis=1))
    i, j = place[topology.edges[there]].T
    both = np.concatenate([weights[there]] * 2).astype(np.float64)
    matrix = scipy.sparse.csr_matrix(
        (both, (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(len(sites), len(sites))
    )
    fields = np.empty(states.spins.shape, dtype=np.int64)
    for rows in _some_rows(states.spins):
        fields[rows] = np.round(np.asarray(states.spins[rows] @ matrix) + biases[sites])
    if np.any(factors):
        inputs, added = topology.factor_inputs, differences(topology.factors, factors)
        bits = np.zeros((len(states.spins), topology.n_sites), dtype=np.int64)
        bits[:, sites] = states.spins > 0
        for site, others, start, width in zip(inputs.sites.tolist(), inputs.others, inputs.starts, inputs.widths):
            if place[site] >= 0 and np.any(added[start : start + 2**width]):
                address = sum(bits[:, other] << k for k, other in enumerate(others[:width].tolist()))
                fields[:, place[site]] += added[start + np.asarray(address)]
    return fields, matrix


def _fitted_change(
    states: LayoutStates, matrix: scipy.sparse.csr_matrix, lost: np.ndarray, rates: np.ndarray, reached: np.ndarray
) -> np.ndarray:
    """The change of log p, float64 ``[M]``, fitted to what the sites ``reached`` lose, ``[M, k]``, by their ``rates``.

    A coupling is fitted at both ends, and each gives half of it, but for a site that is held in one state: what its
    rare flips would make of a coupling the other end never sees.
    """
    spins, p = states.spins, states.weights
    some = slice(None)
    if len(reached) > _SITES and len(spins) > _FEWER:
        some = slice(None, None, len(spins) // _FEWER)
    few, share = spins[some].astype(np.float64), p[some] / p[some].sum()
    half = 0.5 * np.minimum((1 - (p @ spins) ** 2) / _HELD, 1.0)
    change = np.zeros(len(spins))
    for site in reached.tolist():
        near = matrix.indices[matrix.indptr[site] : matrix.indptr[site + 1]]
        terms = np.concatenate([np.ones((len(few), 1)), few[:, near]], axis=1)
        flux = share * rates[some, site]
        weighted = (flux / max(flux.sum(), 1e-300))[:, None] * terms
        gram = terms.T @ weighted
        gram[np.diag_indices_from(gram)] += _RIDGE
        fit = np.linalg.solve(gram, weighted.T @ lost[some, site])
        change += spins[:, site] * (fit[0] + half[site] * (spins[:, near] @ fit[1:]))
    return change
