"""Normaliser: z-scores by the training rows' mean and deviation, kept with the model so that it cannot be forgotten."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class Normaliser:
    """z = (x - mean)/deviation, cut at ±``limit``; a feature that never varied maps to 0."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    limit: float = 10.0

    @staticmethod
    def fit(rows: np.ndarray) -> "Normaliser":
        """From finite rows ``[N, F]``: the *training* rows only, lest the test period be looked at.

        Raises:
            SpecError: no rows, or some that are not finite.
        """
        rows = np.asarray(rows, dtype=np.float64)
        if rows.ndim != 2 or not len(rows) or not np.isfinite(rows).all():
            raise SpecError("a normaliser is fitted to at least one row of finite features, shape [rows, features].")
        return Normaliser(tuple(rows.mean(axis=0).tolist()), tuple(rows.std(axis=0).tolist()))

    def __call__(self, rows: np.ndarray) -> Tensor:
        """float32 ``[N, F]``."""
        rows = np.asarray(rows, dtype=np.float64)
        if rows.shape[-1] != len(self.mean):
            raise SpecError(f"this normaliser is for {len(self.mean)} features, got {rows.shape[-1]}.")
        deviation = np.asarray(self.deviation)
        z = (rows - np.asarray(self.mean)) / np.where(deviation > 0, deviation, 1)
        return torch.tensor(np.clip(np.where(deviation > 0, z, 0), -self.limit, self.limit), dtype=torch.float32)
