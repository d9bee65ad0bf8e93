"""Convergence of chains: autocorrelation, effective samples, split R-hat, traces, and the distance from exact where the
program is small.

With ρ(k) the autocorrelation at lag k, τ = ½ + Σ_k ρ(k) samples is the integrated autocorrelation time, and R chains of
S samples are worth R·S / 2τ independent ones. Over several observables together ρ is Σ_o cov_o(k) / Σ_o var_o: those
that vary most, and move slowest, count most, as in :func:`~thermofab.hw.spec.mixing.effective_samples`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.mixing import effective_of, observables, split_r_hat
from thermofab.hw.spec.samples import Samples

MOST_STATES = 2**16
_WINDOW = 5  # the sum over lags ends at the first beyond so many times itself
_DRAWS = 20


def autocorrelation(parts: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Of observables that come in arrays ``[R, S, k]``: ρ of all together, float64 ``[S]``, and τ of each, in samples.

    Means are those over all chains, so chains that have not met look slow, as they are.
    """
    total, times = np.zeros(0), []
    for part in parts:
        covariance = _covariance(np.asarray(part, dtype=np.float64))
        total = covariance.sum(axis=1) + (total if len(total) else 0.0)
        times += [autocorrelation_time(c / c[0]) if c[0] > 0 else 0.5 for c in covariance.T]
    if not len(total):
        raise SpecError("autocorrelation needs at least one observable.")
    return (total / total[0] if total[0] > 0 else np.eye(1, len(total))[0]), np.array(times)


def autocorrelation_time(rho: np.ndarray) -> float:
    """τ = ½ + Σρ in samples, summed to the first lag beyond five times itself; at least the ½ of independent ones."""
    sums = 0.5 + np.cumsum(rho[1:])
    if not len(sums):
        return 0.5
    beyond = np.flatnonzero(np.arange(1, len(sums) + 1) >= _WINDOW * sums)
    return float(max(0.5, sums[beyond[0]] if len(beyond) else sums[-1]))


def _covariance(values: np.ndarray) -> np.ndarray:
    """Mean over chains of the autocovariance, float64 ``[S, k]`` by lag, of ``[R, S, k]``."""
    length = values.shape[1]
    centred = values - values.mean(axis=(0, 1))
    size = 1 << (2 * length - 1).bit_length()
    spectrum = np.fft.rfft(centred, size, axis=1)
    power = np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=0), size, axis=0)[:length]
    return power / (len(values) * np.arange(length, 0, -1))[:, None]


@dataclass(frozen=True)
class Convergence:
    """What a run's chains say of themselves.

    Attributes:
        chains, samples: how many, and samples of each.
        effective: independent samples that all chains together are worth, by the spread of the chains' means.
        tau: integrated autocorrelation time of all observables together, in sweeps.
        slowest: of the slowest observable, in sweeps.
        r_hat: largest split R-hat.
        tv: total variation distance of the samples' histogram from the exact distribution, where that has at most 2^16
            states and no node is clamped; else ``None``.
        tv_least: mean of that distance for as many exact independent draws as there are samples.
        tv_most, tv_error: mean and standard deviation for ``effective`` draws. Joint states forget faster than the
            means that effective samples are of, so a right run is between the two.
    """

    chains: int
    samples: int
    effective: float
    tau: float
    slowest: float
    r_hat: float
    tv: float | None = None
    tv_least: float | None = None
    tv_most: float | None = None
    tv_error: float | None = None

    def __str__(self) -> str:
        text = (
            f"{self.effective:.3g} effective of {self.chains * self.samples} samples, autocorrelation time "
            f"{self.tau:.3g} sweeps (slowest {self.slowest:.3g}), R-hat {self.r_hat:.4g}"
        )
        if self.tv is None:
            return text
        return f"{text}, TV {self.tv:.3g} where exact draws have {self.tv_least:.3g} to {self.tv_most:.3g}"


def convergence(samples: Samples, *, exact: bool = True) -> Convergence:
    """Of a program's samples, kept ones; ``exact`` asks for the distance from the enumerated distribution.

    Raises:
        SpecError: samples of a bare image, fewer than 8 chains or fewer than 20 samples of each.
    """
    program = samples.program
    if program is None:
        raise SpecError("convergence is judged by a program's nodes; run a Program instead of a bare image.")
    chains, count, _ = samples.sites.shape
    if chains < 8 or count < 20:
        raise SpecError(f"convergence needs 8 chains of 20 samples or more, got {chains} of {count}.")
    states, kept = samples.node_states, samples.kept
    effective = chains * effective_of(observables(program.model, states), kept)
    rho, times = autocorrelation(observables(program.model, states))
    steps = samples.schedule.steps_per_sample
    r_hat = max(split_r_hat(part, kept) for part in observables(program.model, states))
    tv = _distance(samples, effective) if exact else None
    tau = steps * autocorrelation_time(rho)
    return Convergence(chains, count, effective, tau, steps * float(times.max()), r_hat, *(tv or ()))


def energy_trace(samples: Samples) -> np.ndarray:
    """The energy of every chain and sample in the user's units, float64 ``[R, S]``: the trace to look at first."""
    return samples.energies()


def histogram_distance(states: np.ndarray, sizes: tuple[int, ...], truth: np.ndarray) -> float:
    """Total variation distance of the histogram of states, integers ``[K, n]`` of nodes of so many states each, from
    ``truth`` ``[Π sizes]``, the first node most significant.
    """
    codes = np.asarray(np.ravel_multi_index(tuple(states.T.astype(np.int64)), sizes))
    return float(0.5 * np.abs(np.bincount(codes, minlength=len(truth)) / len(codes) - truth).sum())


def distance_of_draws(truth: np.ndarray, count: int, seed: int = 0) -> tuple[float, float]:
    """Mean and standard deviation of the distance of the histogram of ``count`` exact draws, from 20 of them."""
    rng = np.random.default_rng(seed)
    drawn = [0.5 * np.abs(rng.multinomial(count, truth) / count - truth).sum() for _ in range(_DRAWS)]
    return float(np.mean(drawn)), float(np.std(drawn, ddof=1))


def _distance(samples: Samples, effective: float) -> tuple[float, float, float, float] | None:
    program = samples.program
    assert program is not None
    sizes = tuple(int(q) or 2 for q in program.model.categories)
    clamped = samples.conditioned or np.any(samples.image.clamps >= 0)
    if np.sum(np.log2(sizes)) > np.log2(MOST_STATES) or program.clamped_blocks or clamped:
        return None
    log = program.model.log_weight().reshape(-1)
    truth: np.ndarray = np.exp(log - log.max())
    truth /= truth.sum()
    states = samples.node_states[samples.kept]
    least, _ = distance_of_draws(truth, len(states))
    most, error = distance_of_draws(truth, max(1, round(min(effective, len(states)))))
    return histogram_distance(states, sizes, truth), least, most, error
