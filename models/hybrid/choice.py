"""DeviceChoice: one of K options with probability ∝ weight, for a batch of rows, drawn by independent p-bits.

p-bit k is given the field h_k = ½ ln w_k (Σ w = 1), so P(n_k = 1) has odds w_k. The distribution of the states in which
exactly one is set is P(only k) ∝ w_k: the wanted one, exactly (up to rounding of the fields, and weights below
e^{2·h_min} counting as that much). Each sweep is a fresh draw, and at least 1/e of them have one set; the first that
has is taken.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from thermofab.hw.spec import Schedule, SpecError
from thermofab.models.hybrid.fields import DeviceFields, FieldLayout

SWEEPS = 48


class Chosen(NamedTuple):
    """Options int64 ``[R]``, and how many rows had no sweep with exactly one set (they take the likeliest option; less
    than one in 10⁹)."""

    options: np.ndarray
    misses: int


def choice_layout(options: int) -> FieldLayout:
    """What to compile for up to so many options."""
    return FieldLayout(n=options, bits=7, unit=4.0 / 127)


@dataclass(frozen=True, eq=False)
class DeviceChoice:
    """Draws with a compiled :func:`choice_layout`."""

    fields: DeviceFields

    def draw(self, weights: np.ndarray, *, seed: int) -> Chosen:
        """Draw one option per row.

        Args:
            weights: float ``[R, K]``, at least 0, with a positive one in every row; K at most the layout's.
            seed: of the draw.

        Raises:
            SpecError: weights of another shape, negative, or all 0 in a row.
        """
        weights = np.asarray(weights, dtype=np.float64)
        n = self.fields.layout.n
        if weights.ndim != 2 or weights.shape[1] > n:
            raise SpecError(f"this program draws among at most {n} options, got weights of shape {weights.shape}.")
        total = weights.sum(axis=1, keepdims=True)
        if not np.isfinite(total).all() or (weights < 0).any() or (total <= 0).any():
            raise SpecError("weights of options must be finite, at least 0, and not all 0 in a row.")
        fields = np.full((len(weights), n), -self.fields.layout.largest)
        with np.errstate(divide="ignore"):
            fields[:, : weights.shape[1]] = 0.5 * np.log(weights / total).clip(math.log(1e-30))
        spins = self.fields.sample(fields, Schedule(1, SWEEPS), seed=seed)
        allowed = np.zeros((len(weights), n), dtype=bool)
        allowed[:, : weights.shape[1]] = weights > 0
        single = ((spins > 0).sum(axis=2) == 1) & ((spins > 0) & allowed[:, None]).any(axis=2)
        first = single.argmax(axis=1)
        rows = np.arange(len(weights))
        options = (spins[rows, first] > 0).argmax(axis=1)
        missed = ~single.any(axis=1)
        options[missed] = weights[missed].argmax(axis=1)
        return Chosen(options, int(missed.sum()))
