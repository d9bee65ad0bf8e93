"""An image from integers: the standard tables, nothing clamped."""

from collections.abc import Sequence

import numpy as np

from thermofab.hw.spec.activation import sigmoid_table
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE, Image


def image_of(
    spec: FabricSpec,
    weights: np.ndarray,
    biases: np.ndarray,
    factors: np.ndarray,
    step: float,
    shift: int,
    *,
    seed: int = 0,
    beta_levels: Sequence[float] = (1.0,),
) -> Image:
    """Level l's table is σ(2·β_l·step·F); levels beyond ``beta_levels`` repeat the last."""
    levels = (*beta_levels, *[beta_levels[-1]] * (spec.levels - len(beta_levels)))
    return Image(
        fabric=spec,
        weights=weights,
        biases=biases,
        tables=np.stack([sigmoid_table(spec, step, shift, beta) for beta in levels]),
        shift=shift,
        clamps=np.full(spec.n_sites, FREE),
        seed=seed,
        factors=factors,
    )
