"""Observers: statistics of a run that grow as it goes, so that memory does not grow with samples.

    energy, distribution = device.observe(schedule, [Energies(), Histogram(sites=(0, 3, 7))], replicas=64).results

An observer names what it looks at (states of some sites, energies, or the kernel's own counts of moments) and folds
pieces of a run into what it carries. Devices record no more than observers ask for, a bounded piece at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from thermofab.hw.spec import SpecError

MOST_HISTOGRAM_SITES = 20


class Observer(ABC):
    """Folds pieces of a run.

    Attributes:
        sites: whose states to look at: an integer array, ``True`` for all, ``None`` for none.
        energies: whether to look at energies.
    """

    sites: Any = None
    energies: bool = False

    @abstractmethod
    def start(self, replicas: int, n_sites: int) -> Any:
        """What is carried before the first sample."""

    @abstractmethod
    def fold(self, carry: Any, states: Any, energies: Any) -> Any:
        """The carry after more samples: ``states`` bool ``[R, S, sites]``, ``energies`` int64 ``[R, S]``."""

    def result(self, carry: Any) -> Any:
        return carry


class EnergyStatistics(NamedTuple):
    """By replica, in units of an integer weight: ``mean`` and ``variance`` float64 ``[R]``, over ``samples``."""

    mean: np.ndarray
    variance: np.ndarray
    samples: int

    def heat_capacity(self, beta: float) -> np.ndarray:
        """β²·Var(E), float64 ``[R]``; ``beta`` an integer weight's worth of energy (β·step for standard tables)."""
        return beta**2 * self.variance


@dataclass(frozen=True)
class Energies(Observer):
    """Mean and variance of the energy, from exact integer sums about the first energy of each replica."""

    energies: bool = True

    def start(self, replicas: int, n_sites: int) -> Any:
        return None

    def fold(self, carry: Any, states: Any, energies: np.ndarray) -> Any:
        origin, total, squares, count = (energies[:, :1], 0, 0, 0) if carry is None else carry
        moved = (energies - origin).astype(np.float64)
        return origin, total + moved.sum(axis=1), squares + (moved**2).sum(axis=1), count + moved.shape[1]

    def result(self, carry: Any) -> EnergyStatistics:
        origin, total, squares, count = carry
        mean = total / count
        return EnergyStatistics(origin[:, 0] + mean, squares / count - mean**2, count)


class AutocorrelationFunction(NamedTuple):
    """``rho`` float64 ``[lags + 1]``, lag 0 first; ``mean`` and ``variance`` of the series over all replicas."""

    rho: np.ndarray
    mean: float
    variance: float

    def time(self) -> float:
        """Integrated autocorrelation time in samples, ½ + Σρ, summed to the first lag beyond five times itself."""
        tau = 0.5
        for lag, value in enumerate(self.rho[1:], 1):
            tau += float(value)
            if lag >= 5 * tau:
                break
        return tau


class _Series(NamedTuple):
    """Series ``[R, time]`` folded: first and last values, sums of products by lag, their sum and length."""

    origin: float
    head: np.ndarray
    tail: np.ndarray
    products: np.ndarray
    total: float
    count: int


@dataclass(frozen=True, eq=False)
class Autocorrelation(Observer):
    """Autocorrelation up to ``lags`` samples of the energy, or of the mean spin of ``sites``.

    ρ(k) = ⟨(x_t - μ)(x_{t+k} - μ)⟩ / σ², averages over replicas and time with the mean and variance of the whole run.
    """

    lags: int
    sites: Any = None
    energies: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        if isinstance(self.lags, bool) or not isinstance(self.lags, int) or self.lags < 1:
            raise SpecError(f"lags must be an integer of at least 1, got {self.lags!r}.")
        object.__setattr__(self, "energies", self.sites is None)

    def start(self, replicas: int, n_sites: int) -> Any:
        return None

    def fold(self, carry: Any, states: Any, energies: Any) -> Any:
        series = energies.astype(np.float64) if self.sites is None else 2 * states.mean(axis=2) - 1
        if carry is None:
            # About the first value, so that products of large energies lose no digits.
            carry = _Series(float(series[0, 0]), series[:, :0], series[:, :0], np.zeros(self.lags + 1), 0.0, 0)
        series = series - carry.origin
        joined = np.concatenate([carry.tail, series], axis=1)
        old, length = carry.tail.shape[1], joined.shape[1]
        products = carry.products.copy()
        for lag in range(min(self.lags, length - 1) + 1):
            first = max(old, lag)
            products[lag] += np.vdot(joined[:, first:], joined[:, first - lag : length - lag])
        head = np.concatenate([carry.head, series], axis=1)[:, : self.lags] if carry.head.shape[1] < self.lags else None
        return _Series(
            carry.origin,
            carry.head if head is None else head,
            joined[:, -self.lags :],
            products,
            carry.total + float(series.sum()),
            carry.count + series.shape[1],
        )

    def result(self, carry: Any) -> AutocorrelationFunction:
        if carry.count <= self.lags:
            raise SpecError(f"autocorrelation up to lag {self.lags} needs more than {self.lags} samples per replica.")
        replicas, lags = len(carry.head), np.arange(self.lags + 1)
        mean = carry.total / (replicas * carry.count)
        pairs = replicas * (carry.count - lags)
        # Sums over the earlier and the later values of all pairs a lag apart.
        earlier = carry.total - np.concatenate([[0], np.cumsum(carry.tail[:, ::-1].sum(axis=0))])
        later = carry.total - np.concatenate([[0], np.cumsum(carry.head.sum(axis=0))])
        covariance = (carry.products - mean * (earlier + later)) / pairs + mean**2
        variance = covariance[0]
        rho = covariance / variance if variance > 0 else np.ones_like(covariance)
        return AutocorrelationFunction(rho, carry.origin + mean, float(variance))


@dataclass(frozen=True, eq=False)
class Histogram(Observer):
    """How often chosen sites were in each joint state, int64 ``[2^k]``; the first site is the lowest bit."""

    sites: Any

    def __post_init__(self) -> None:
        if not 1 <= len(self.sites) <= MOST_HISTOGRAM_SITES:
            raise SpecError(
                f"a histogram is over 1 to {MOST_HISTOGRAM_SITES} sites, got {len(self.sites)}; "
                "use several histograms, or a fold."
            )

    def start(self, replicas: int, n_sites: int) -> np.ndarray:
        return np.zeros(2 ** len(self.sites), dtype=np.int64)

    def fold(self, carry: np.ndarray, states: np.ndarray, energies: Any) -> np.ndarray:
        codes = states.reshape(-1, len(self.sites)) @ (1 << np.arange(len(self.sites)))
        return carry + np.bincount(codes, minlength=len(carry))


@dataclass(frozen=True, eq=False)
class Fold(Observer):
    """A fold of the user's: ``update(carry, states) -> carry`` with states bool ``[R, S, sites]``, compiled by JAX.

    The carry, any PyTree of arrays, stays on JAX's device between pieces. ``S`` varies, so an update that depends on
    its value is compiled again for it.
    """

    update: Callable[[Any, Any], Any]
    initial: Any
    sites: Any = True

    def start(self, replicas: int, n_sites: int) -> Any:
        import jax

        return jax.jit(self.update), self.initial

    def fold(self, carry: Any, states: Any, energies: Any) -> Any:
        compiled, value = carry
        return compiled, compiled(value, states)

    def result(self, carry: Any) -> Any:
        return carry[1]


@dataclass(frozen=True)
class SiteMoments(Observer):
    """First and second moments as :class:`~thermofab.hw.spec.samples.Counts`, counted inside the kernel."""

    def start(self, replicas: int, n_sites: int) -> None:
        return None

    def fold(self, carry: Any, states: Any, energies: Any) -> None:
        return None


@dataclass(frozen=True, eq=False)
class Observed:
    """What observers made of a run: ``results`` in their order; ``ledger`` what it cost."""

    results: tuple[Any, ...]
    ledger: Any
