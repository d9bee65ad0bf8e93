"""Sets of experts drawn on a fabric, each with the exact probability with which it was drawn.

For prompt x with scores g_i(x) = (q̂_i(x) - λ c_i)/T, calibrated quality less cost over temperature, and pair terms P
from residual co-correctness, the distribution asked for is

    P(S | x) ∝ exp(Σ_{i∈S} g_i + Σ_{i<j∈S} P_ij),     |S| = k.

The fabric samples the same energy with a soft cardinality A(Σn - k)², and states of another cardinality are passed
over; a shift of all scores changes nothing among sets of one size, so it is chosen to make that size likely. Every row
runs on ``chains`` chains from fair coins for ``sweeps`` sweeps, and the first chain that holds k experts decides; if
none does, the set of the k largest scores is taken. The distribution after so many sweeps is enumerated from the
compiled integers and activation tables, so the propensity of the set taken is known whether or not the chains have
mixed: with v the probability of cardinality k and R chains,

    propensity(S) = (1 - (1 - v)^R)·p(S)/v + (1 - v)^R·[S holds the k largest scores].

Experts already asked are clamped to 1 and excluded ones to 0, by the fabric's own clamps.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from thermofab.hw.spec import Device, FabricSpec, Program, Schedule, SpecError, open_device
from thermofab.hw.spec.image import FREE
from thermofab.models.hybrid.fields import FieldLayout
from thermofab.models.hybrid.selection import selection_couplings, selection_fields
from thermofab.models.seeds import derived

MOST_EXPERTS = 16  # whose 2^16 sets are enumerated for every draw
BITS, LARGEST = 9, 6.0  # of a spin's field: 512 levels between ±6, so log-odds of ±12
_HALVINGS = 16  # of a range of some 80: the shift need not be found better than to .002


@dataclass(frozen=True, eq=False)
class SetDraws:
    """Sets drawn for N rows.

    Attributes:
        sets: bool ``[N, K]``.
        propensities: exact probability with which each row's set was drawn, float64 ``[N]``.
        yields: probability v that a chain holds a set of the wanted size, float64 ``[N]``.
        missed: rows none of whose chains did, bool ``[N]``.
    """

    sets: np.ndarray
    propensities: np.ndarray
    yields: np.ndarray
    missed: np.ndarray


class SetSampler:
    """Draws sets of K experts on a device; compiled once, for all prompts.

    Args:
        experts: K, 2 to 16.
        pairs: P, symmetric float ``[K, K]`` with a diagonal of 0; by default 0.
        cardinality: A ≥ 0.
        device: a name for :func:`~thermofab.hw.spec.open_device`, or an open device of ``spec``.
        spec: the fabric; by default the program's own graph, one site per spin and converter bit.
        chains: R.
        sweeps: of each chain.

    Raises:
        SpecError: a number outside its range, or pairs that are no symmetric matrix of that size.
    """

    def __init__(
        self,
        experts: int,
        pairs: np.ndarray | None = None,
        *,
        cardinality: float = 0.5,
        device: str | Device = "native",
        spec: FabricSpec | None = None,
        chains: int = 16,
        sweeps: int = 16,
    ) -> None:
        from thermofab.compiler import compile

        if not 2 <= experts <= MOST_EXPERTS:
            raise SpecError(
                f"sets are drawn from 2 to {MOST_EXPERTS} experts, whose sets can be enumerated; got {experts}."
            )
        if cardinality < 0 or chains < 1 or sweeps < 1:
            raise SpecError("a set sampler wants a cardinality term of at least 0, and at least one chain and sweep.")
        pairs = np.zeros((experts, experts)) if pairs is None else np.asarray(pairs, dtype=np.float64)
        if pairs.shape != (experts, experts) or not np.allclose(pairs, pairs.T) or np.diag(pairs).any():
            raise SpecError(
                f"pair terms are a symmetric [{experts}, {experts}] matrix with a diagonal of 0; got shape "
                f"{list(pairs.shape)}."
            )
        self.experts, self.pairs, self.cardinality = experts, pairs, cardinality
        self.chains, self.sweeps = chains, sweeps
        edges = tuple(combinations(range(experts), 2))
        self.layout = FieldLayout(experts, edges, BITS, LARGEST / (2**BITS - 1))
        couplings = selection_couplings(pairs[tuple(np.array(edges).T)], cardinality)
        self._spec = spec or self.layout.fabric()
        self.program: Program = compile(self.layout.ising(couplings), self._spec, seed=0, keep_zero=True)
        self._sites = np.array([copies[0] for copies in self.program.copies])
        self._device = open_device(device, self.program.fabric) if isinstance(device, str) else device

    def draw(
        self,
        scores: np.ndarray,
        k: int,
        *,
        seed: int,
        asked: np.ndarray | None = None,
        excluded: np.ndarray | None = None,
    ) -> SetDraws:
        """Draw one set per row.

        Args:
            scores: g, finite float ``[N, K]``.
            k: experts in a set, those already asked included.
            seed: of the run.
            asked: experts that every set of a row holds, bool ``[N, K]``.
            excluded: experts that none does, bool ``[N, K]``.

        Raises:
            SpecError: scores of another shape or not finite, or a row that has no set of k experts.
        """
        sets, missed, fallback, clamps = self._drawn(scores, k, seed, asked, excluded)
        return SetDraws(sets, *self._propensities(sets, fallback, k, clamps), missed)

    def sets(
        self,
        scores: np.ndarray,
        k: int,
        *,
        seed: int,
        asked: np.ndarray | None = None,
        excluded: np.ndarray | None = None,
    ) -> np.ndarray:
        """The sets of :meth:`draw` alone, bool ``[N, K]``: no propensity is enumerated, which for a dozen experts and
        many rows takes most of the time."""
        return self._drawn(scores, k, seed, asked, excluded)[0]

    def _drawn(
        self, scores: np.ndarray, k: int, seed: int, asked: np.ndarray | None, excluded: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Sets, which rows missed, sets of the largest scores, and clamps."""
        scores = np.asarray(scores, dtype=np.float64)
        clamps = self._clamps(scores, k, asked, excluded)
        held = self._held(clamps, seed)
        wanted = held.sum(axis=2) == k
        missed = ~wanted.any(axis=1)
        fallback = self._largest(scores, k, clamps)
        first = held[np.arange(len(scores)), wanted.argmax(axis=1)]
        return np.where(missed[:, None], fallback, first), missed, fallback, clamps

    def _held(self, clamps: np.ndarray, seed: int) -> np.ndarray:
        """Experts that every chain holds in the end, bool ``[N, R, K]``: a run per pattern of clamped experts, for a
        device clamps the same sites in all its chains."""
        self._device.load(self.program.image)
        patterns, of_row = np.unique(clamps == FREE, axis=0, return_inverse=True)
        held = np.empty((len(clamps), self.chains, self.experts), dtype=bool)
        for number in range(len(patterns)):
            rows = np.flatnonzero(of_row == number)
            run = self._device.run(
                Schedule(self.sweeps, 1),
                replicas=len(rows) * self.chains,
                clamp=clamps[rows].repeat(self.chains, 0),
                seed=derived(seed, number),
            )
            states = run.decoded(self.program, (tuple(range(self.experts)),)).states[0]
            held[rows] = np.asarray(states).reshape(len(rows), self.chains, self.experts)
        return held

    def distribution(
        self, scores: np.ndarray, k: int, asked: np.ndarray | None = None, excluded: np.ndarray | None = None
    ) -> np.ndarray:
        """Exact distribution of the set drawn, float64 ``[N, 2^K]``; expert i is bit i of a set's number."""
        scores = np.asarray(scores, dtype=np.float64)
        clamps = self._clamps(scores, k, asked, excluded)
        fallback = numbers(self._largest(scores, k, clamps))
        sizes = np.bitwise_count(np.arange(2**self.experts))
        different, of_row = np.unique(clamps, axis=0, return_inverse=True)
        drawn = np.stack([self._states(row) for row in different])[of_row] * (sizes == k)
        v = drawn.sum(axis=1, keepdims=True)
        miss = (1 - v) ** self.chains
        drawn *= np.divide(1 - miss, v, out=np.zeros_like(v), where=v > 0)
        drawn[np.arange(len(scores)), fallback] += miss[:, 0]
        return drawn

    def _clamps(self, scores: np.ndarray, k: int, asked: np.ndarray | None, excluded: np.ndarray | None) -> np.ndarray:
        """int8 ``[N, sites]``: converters, experts asked and excluded."""
        if scores.ndim != 2 or scores.shape[1] != self.experts or not np.isfinite(scores).all():
            raise SpecError(f"scores must be finite, of shape [rows, {self.experts}]; got {list(scores.shape)}.")
        none = np.zeros(scores.shape, dtype=bool)
        asked, excluded = (none if given is None else np.asarray(given, dtype=bool) for given in (asked, excluded))
        if asked.shape != scores.shape or excluded.shape != scores.shape:
            raise SpecError(f"asked and excluded experts have the shape of the scores, {list(scores.shape)}.")
        possible = (~excluded).sum(axis=1)
        if (asked & excluded).any() or (asked.sum(axis=1) > k).any() or (possible < k).any() or k < 1:
            raise SpecError(
                f"a row has no set of {k} experts: at most {k} may have been asked, none of them excluded, and at "
                f"least {k} must not be excluded."
            )
        codes = self.layout.codes(self._fields(scores, k, asked, excluded))
        clamps = np.full((len(scores), self.program.fabric.n_sites), FREE, dtype=np.int8)
        clamps[:, self._sites[self.experts :]] = codes.reshape(len(scores), -1)
        experts = clamps[:, self._sites[: self.experts]]
        clamps[:, self._sites[: self.experts]] = np.where(asked, 1, np.where(excluded, 0, experts))
        return clamps

    def _fields(self, scores: np.ndarray, k: int, asked: np.ndarray, excluded: np.ndarray) -> np.ndarray:
        """Fields ``[N, K]``, all scores of a row shifted by the c that solves Σ σ(g_i + Σ_j P_ij p_j + c) = k, where
        p_j are the probabilities so found: as many experts as wanted if they were independent."""
        free = ~(asked | excluded)
        open_places = k - asked.sum(axis=1, keepdims=True)
        probability = np.where(free, k / self.experts, asked)
        shift = np.zeros((len(scores), 1))
        for _ in range(2 if self.pairs.any() else 1):
            logits = scores + probability @ self.pairs
            low, high = -logits.max(axis=1, keepdims=True) - 40, -logits.min(axis=1, keepdims=True) + 40
            for _ in range(_HALVINGS):
                shift = (low + high) / 2
                too_many = (free * _sigmoid(logits + shift)).sum(axis=1, keepdims=True) > open_places
                low, high = np.where(too_many, low, shift), np.where(too_many, shift, high)
            probability = np.where(free, _sigmoid(logits + shift), asked)
        fields = selection_fields(scores + shift, self.pairs.sum(axis=1), k, self.cardinality)
        return fields.clip(-self.layout.largest, self.layout.largest)

    def _largest(self, scores: np.ndarray, k: int, clamps: np.ndarray) -> np.ndarray:
        """bool ``[N, K]``: the experts asked, and the largest scores of the others that are not excluded."""
        held = clamps[:, self._sites[: self.experts]]
        ranked = np.where(held == 1, np.inf, np.where(held == 0, -np.inf, scores))
        order = np.argsort(-ranked, axis=1, kind="stable")[:, :k]
        sets = np.zeros(scores.shape, dtype=bool)
        np.put_along_axis(sets, order, True, axis=1)
        return sets

    def _states(self, clamps: np.ndarray) -> np.ndarray:
        """Distribution of a chain's set after its sweeps, float64 ``[2^K]``, from integers and tables."""
        from thermofab.compiler import stationary_distribution

        sites = self._sites[: self.experts]
        free = np.flatnonzero(clamps[sites] == FREE)
        asked = numbers(clamps[None, sites] == 1)[0]
        every = np.zeros(2**self.experts)
        if not len(free):
            every[asked] = 1.0
            return every
        found = stationary_distribution(self.program, clamps, sites=[int(sites[i]) for i in free], sweeps=self.sweeps)
        every[asked + found.states @ (1 << free)] = found.probabilities
        return every

    def _propensities(
        self, sets: np.ndarray, fallback: np.ndarray, k: int, clamps: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Propensities of ``sets`` and yields, float64 ``[N]`` each."""
        sizes = np.bitwise_count(np.arange(2**self.experts))
        different, of_row = np.unique(clamps, axis=0, return_inverse=True)
        states = [self._states(row) for row in different]
        v = np.array([distribution[sizes == k].sum() for distribution in states])[of_row]
        of_set = np.array([states[kind][taken] for kind, taken in zip(of_row, numbers(sets), strict=True)])
        miss = (1 - v) ** self.chains
        share = np.divide((1 - miss) * of_set, v, out=np.zeros_like(v), where=v > 0)
        return share + miss * (sets == fallback).all(axis=1), v


def numbers(sets: np.ndarray) -> np.ndarray:
    """int64 ``[N]``: the numbers of sets bool ``[N, K]``, expert i bit i."""
    return sets @ (1 << np.arange(sets.shape[1]))


def wanted_distribution(scores: np.ndarray, pairs: np.ndarray, k: int) -> np.ndarray:
    """What is asked for: P(S | x) of the module's first formula, float64 ``[N, 2^K]``, without a fabric."""
    experts = scores.shape[1]
    members = (np.arange(2**experts)[:, None] >> np.arange(experts) & 1).astype(np.float64)
    energies = scores @ members.T + np.einsum("si,ij,sj->s", members, pairs, members) / 2
    energies[:, members.sum(axis=1) != k] = -np.inf
    weights = np.exp(energies - energies.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))
