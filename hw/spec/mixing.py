"""Mixing: how many independent samples a run is worth, from the spread of its chains' means."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.model import IsingModel


@dataclass(frozen=True)
class Mixing:
    """How fast a program's samples become independent.

    Attributes:
        per_megacycle: effective samples per million clock cycles of one replica, discarded ones not counted.
        kept: share of the samples whose copies agree.
        how: how it was found.
    """

    per_megacycle: float
    kept: float
    how: str

    def __str__(self) -> str:
        return f"{self.per_megacycle:.3g} effective samples per million cycles, {self.kept:.3g} kept ({self.how})"


def effective_samples(values: np.ndarray, kept: np.ndarray | None = None) -> float:
    """Independent samples that one chain's average is worth, over several observables together.

    With σ² an observable's variance and v that of the chains' means about their mean, it is Σσ² / Σv: observables that
    vary most, and move slowest, count most. At least 8 chains give a figure within a third or so of the truth for a few
    dozen observables; chains that have not met count as next to none.

    Args:
        values: float ``[R, S, k]``, k observables of R chains of S samples.
        kept: bool ``[R, S]``, the samples that count; chains without any are left out.
    """
    return effective_of([np.asarray(values)], kept)


def effective_of(parts: Iterable[np.ndarray], kept: np.ndarray | None = None) -> float:
    """As :func:`effective_samples`, of observables that come in several arrays ``[R, S, k]``, one held at a time."""
    variance = between = 0.0
    for part in parts:
        values = np.asarray(part, dtype=np.float64)
        use = np.ones(values.shape[:2], dtype=bool) if kept is None else np.asarray(kept, dtype=bool)
        counts = use.sum(axis=1)
        values, use, counts = values[counts > 0], use[counts > 0], counts[counts > 0]
        if len(counts) < 2:
            return 0.0
        means = np.einsum("rsk,rs->rk", values, use) / counts[:, None]
        share = counts / counts.sum()
        middle = share @ means
        variance += float(np.einsum("rsk,rs->", (values - middle) ** 2, use) / counts.sum())
        between += float((share @ (means - middle) ** 2).sum() / (1 - np.sum(share**2)))
    return variance / max(between, np.finfo(float).tiny)


def split_r_hat(values: np.ndarray, kept: np.ndarray | None = None) -> float:
    """Largest potential scale reduction of several observables, every chain split in two halves (Gelman et al.,
    Bayesian Data Analysis, 3rd edition, section 11.4): the square root of the pooled over the within-chain variance.
    Near 1 where chains agree; infinite where an observable stands still in every chain and differs between them.

    Args:
        values: float or bool ``[R, S, k]``, k observables of R chains of S samples.
        kept: bool ``[R, S]``, the samples that count; halves with fewer than two are left out.
    """
    values = np.asarray(values)
    half = values.shape[1] // 2
    parts = np.concatenate([values[:, :half], values[:, half : 2 * half]])
    if kept is None:
        counts = np.full(len(parts), half)
        means = parts.mean(axis=1)
        squares = means - means**2 if parts.dtype == np.bool_ else parts.var(axis=1)
    else:
        use = np.concatenate([kept[:, :half], kept[:, half : 2 * half]])
        counts = use.sum(axis=1)
        parts, use, counts = parts[counts > 1].astype(np.float64), use[counts > 1], counts[counts > 1]
        means = np.einsum("rsk,rs->rk", parts, use) / counts[:, None]
        squares = np.einsum("rsk,rs->rk", parts**2, use) / counts[:, None] - means**2
    if len(counts) < 2 or half < 2:
        return float("nan")
    within = (np.maximum(squares, 0.0) * (counts / (counts - 1))[:, None]).mean(axis=0)
    between = means.var(axis=0, ddof=1)
    length = counts.mean()
    moving = (within > 1e-12) | (between > 1e-12)
    if not np.any(moving):
        return 1.0
    with np.errstate(divide="ignore"):
        ratio = (length - 1) / length + between[moving] / within[moving]
    return float(np.sqrt(ratio.max()))


def observables(model: IsingModel | DiscreteModel, states: np.ndarray) -> Iterator[np.ndarray]:
    """The observables ``[R, S, k]`` whose means mixing is measured by, a few at a time: spins, products of the pairs of
    spins that the model couples, and whether a categorical node is in each of its states.

    Args:
        model: whose nodes they are.
        states: bool or integers ``[R, S, n]``.
    """
    spin = np.asarray(model.categories) == 0
    for nodes in _few(np.flatnonzero(spin)):
        yield np.where(states[..., nodes], 1.0, -1.0)
    if isinstance(model, IsingModel):
        for edges in _few(np.arange(len(model.edges))):
            i, j = model.edges[edges].T
            yield np.where(states[..., i] == states[..., j], 1.0, -1.0)
    for k in np.flatnonzero(~spin):
        yield states[..., k, None] == np.arange(model.categories[k])


def _few(numbers: np.ndarray) -> Iterator[np.ndarray]:
    """``numbers`` in groups of at most 64."""
    for first in range(0, len(numbers), 64):
        yield numbers[first : first + 64]
