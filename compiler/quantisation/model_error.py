r"""Model error: what changed couplings and biases do to a distribution, as KL(wanted ‖ got).

With E the energy (β in it) and Δ the change of -E, KL = ln E_p[e^Δ] - E_p[Δ] ≈ ½ Var_p(Δ), p the wanted distribution:
all states of a small model, else states of a Gibbs run on its real-valued couplings. Without states, terms are taken
apart: the sum of every coupling's and bias's own KL.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.compiler.distributions.enumeration import log_weights, normalised, states, tilted, total_variation
from thermofab.compiler.distributions.gibbs import gibbs_states
from thermofab.compiler.ir.factor_tables import FactorTables
from thermofab.compiler.ir.stages import Paired
from thermofab.hw.spec.model import to_spins

# Entries of the matrix of terms of sampled states.
_ENTRIES = 4_000_000
# Of the terms' own KL. On the models of docs/quantisation.md the error is 0.3 to 1.2 times their sum where integers are
# the nearest, and a third of that where they are refitted.
_LEAST_SHARE = 0.05
_LARGEST = 1e15  # change of a parameter, whose square single precision still holds


@dataclass(frozen=True, eq=False)
class View:
    """States of the distribution at one β: ``terms`` ``[M, m+n+entries]``, the products s_i s_j, the spins, and 1 for
    the entries of tables that the state selects, times β, with their means under ``distribution`` ``[M]`` taken off;
    ``held_out`` are the second half of sampled ones; ``spins`` ±1 ``[M, n]`` are the states, sampled ones of
    ``chains`` chains, those of one sweep together.
    """

    terms: np.ndarray
    distribution: np.ndarray
    held_out: np.ndarray | None
    spins: np.ndarray
    chains: int = 0


@dataclass(frozen=True, eq=False)
class ModelError:
    """The error of couplings, biases and tables that stand for ``wanted``, a mean over the views."""

    wanted: np.ndarray
    views: tuple[View, ...]
    how: str
    tables: FactorTables = FactorTables()

    @staticmethod
    def of(
        draft: Paired, enumerate_up_to: int, sampled: bool, betas: Sequence[float] = (1.0,), held_out: bool = True
    ) -> "ModelError":
        """At every factor on β in ``betas``: enumerated up to so many nodes, sampled above or taken apart. Without
        ``held_out``, sampled views keep no half of their states apart, for which a large model has no room.
        """
        n, wanted = draft.n, np.concatenate([draft.couplings, draft.biases, draft.tables.values])
        if n <= enumerate_up_to:
            every = states(n)
            views, tables = [], draft.tables.log_weights(every)
            for beta in betas:
                weights = log_weights(n, beta * draft.biases, draft.edges, beta * draft.couplings)
                distribution = normalised(weights + beta * tables)[0]
                terms = beta * _terms(to_spins(every), draft)
                views.append(View(terms - distribution @ terms, distribution, None, to_spins(every)))
            return ModelError(wanted, tuple(views), "enumerated")
        if not sampled:
            return ModelError(wanted, (), "terms taken apart", draft.tables)
        views, count = [], 0
        for beta in betas:
            spins, chains = gibbs_states(
                draft.edges, beta * draft.couplings, beta * draft.biases,
                tables=(draft.tables.rows, beta * draft.tables.values), most=max(_ENTRIES // len(wanted), 64),
            )  # fmt: skip
            terms = _terms(spins, draft).astype(np.float32)
            if beta != 1.0:
                terms *= np.float32(beta)
            # The order of sweeps, so that either half holds all chains.
            half, count = len(terms) // 2, len(terms)
            apart = terms[half:] - terms[half:].mean(axis=0) if held_out else None
            terms -= terms.mean(axis=0)
            views.append(View(terms, np.full(count, 1 / count), apart, spins, chains))
        return ModelError(wanted, tuple(views), f"sampled, {count} states", draft.tables)

    def kl(self, got: np.ndarray) -> float:
        """Enumerated: KL. Sampled: ½ Var(Δ), whose estimate a few states do not rule. Else the terms' own."""
        if self.how != "enumerated":
            return self.second_order(got)
        total = 0.0
        for view in self.views:
            change = view.terms @ (got - self.wanted)
            total += max(tilted(view.distribution, change)[1], 0.0)
        return total / len(self.views)

    def tv(self, got: np.ndarray) -> float | None:
        """Total variation over the first view's states where they are enumerated, else ``None``."""
        if self.how != "enumerated":
            return None
        view = self.views[0]
        change = view.terms @ (got - self.wanted)
        return total_variation(tilted(view.distribution, change)[0], view.distribution)

    def second_order(self, got: np.ndarray) -> float:
        """½ Var_p(Δ), or the sum of the terms' own KL; over sampled states at least a twentieth of that sum: states of
        a distribution of few states do not tell what a change does beside them, and may all change alike."""
        if not self.views:
            return self._apart(got)
        change = np.clip(got - self.wanted, -_LARGEST, _LARGEST)
        found = float(
            sum(0.5 * (view.distribution @ (view.terms @ change.astype(view.terms.dtype)) ** 2) for view in self.views)
        ) / len(self.views)
        if self.how == "enumerated" or self._at_most_apart(change) * _LEAST_SHARE <= found:
            return found
        return max(found, _LEAST_SHARE * self._apart(got))

    def _at_most_apart(self, change: np.ndarray) -> float:
        """A bound on :meth:`_apart`, quickly: the KL of one pair or spin is at most half its change squared."""
        return np.inf if len(self.tables) else 0.5 * float(change @ change)

    def _apart(self, got: np.ndarray) -> float:
        """The sum of the KL of every coupling, bias and table alone."""
        alone = len(self.wanted) - len(self.tables.values)
        return float(np.sum(pair_kl(self.wanted[:alone], got[:alone]))) + self.tables.own_kl(got[alone:])


def _terms(spins: np.ndarray, draft: Paired) -> np.ndarray:
    """What couplings, biases and tables multiply in states ±1 ``[M, n]``."""
    parts = [spins[:, draft.edges[:, 0]] * spins[:, draft.edges[:, 1]], spins]
    if len(draft.tables):
        parts.append(draft.tables.indicators(spins > 0))
    return np.concatenate(parts, axis=1)


def pair_kl(wanted: np.ndarray, got: np.ndarray) -> np.ndarray:
    """KL of one pair coupled by ``got`` (or one spin in the field ``got``) from one coupled by ``wanted``: elementwise
    (J-J') tanh J + ln cosh J' - ln cosh J, ½ (J-J')² / cosh² J where they are close.
    """
    j, k = np.broadcast_arrays(np.asarray(wanted, dtype=np.float64), np.asarray(got, dtype=np.float64))
    slope = np.tanh(j)
    close = np.abs(j - k) < 1e-3
    # Far apart only: the difference of logarithms loses what is left of it near 0.
    far = (j - k) * slope + _log_cosh(k) - _log_cosh(j)
    return np.where(close, 0.5 * (j - k) ** 2 * (1 - slope**2), np.maximum(far, 0.0))


def _log_cosh(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    return size + np.log1p(np.exp(-2 * size)) - np.log(2.0)
