r"""How fast a layer's chain forgets, given its input.

    ρ(k) = (E[s_τ s_{τ+k}] - M) / (1 - M),   M = E[s s'],

averaged over free sites, inputs x^t, and times τ; s' is the same site of an independent chain given the same input, so
that M = E[E[s | x^t]²] without bias. A chain that has not forgotten where it began agrees with itself more than with
another chain, so a stuck chain reads as ρ ≈ 1, whatever each single run looks like.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import Schedule, to_spins
from thermofab.models.boltzmann.sampler import FabricSampler
from thermofab.models.dtm.layer import Layer


@dataclass(frozen=True, eq=False)
class Autocorrelation:
    """``rho`` and its standard ``error`` (over inputs), float64 ``[lags]``; ``lags`` in sweeps."""

    lags: np.ndarray
    rho: np.ndarray
    error: np.ndarray

    def time(self) -> float:
        """Integrated autocorrelation time in sweeps, ½ + Σρ(k) up to the first ρ below two of its errors; the lags
        must be 1, 2, 3, ….
        """
        below = np.flatnonzero(self.rho < 2 * self.error)
        return 0.5 + float(np.sum(self.rho[: below[0] if len(below) else None]))


def autocorrelation(
    layer: Layer,
    sampler: FabricSampler,
    inputs: np.ndarray | None,
    *,
    warmup: int,
    spacing: int,
    lags: int,
    chains: int = 128,
    seed: int = 0,
) -> Autocorrelation:
    """ρ at ``spacing``, 2·``spacing``, … ``lags``·``spacing`` sweeps.

    Args:
        layer: the layer.
        sampler: of the layer.
        inputs: bool ``[chains, v]``, one x^t a pair of chains; ``None`` for a layer without input.
        warmup: sweeps before the first state.
        spacing: sweeps between states.
        lags: how many.
        chains: pairs of chains.
        seed: of the run.
    """
    doubled = None if inputs is None else np.concatenate([inputs, inputs])
    clamp = layer.clamps(2 * chains, doubled)
    program = sampler.holding(layer.machine)
    sites, _ = layer.sampled(sampler, program, Schedule(warmup, 2 * lags, spacing), clamp, seed)
    s = to_spins(sites[:, :, layer.roles.free]).astype(np.float32).reshape(2, chains, 2 * lags, -1)
    across = np.einsum("btn,bun->b", s[0], s[1], optimize=True) / (s.shape[2] ** 2 * s.shape[3])
    rho, error = [], []
    for lag in range(1, lags + 1):
        with_itself = np.mean(s[:, :, lag:] * s[:, :, :-lag], axis=(0, 2, 3), dtype=np.float64)
        # A ratio of means over inputs, and its error by the delta method.
        above, below = with_itself - across, 1.0 - across
        ratio = above.mean() / below.mean()
        rho.append(ratio)
        error.append(np.std(above - ratio * below, ddof=1) / (np.sqrt(chains) * below.mean()))
    return Autocorrelation(spacing * np.arange(1, lags + 1), np.array(rho), np.array(error))
