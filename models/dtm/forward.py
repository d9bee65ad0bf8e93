r"""The forward chain: bits flipped a little more at every step, until nothing of the image is left.

x^t_i = x^{t-1}_i with probability 1 - p_t, else turned over; E[x^t_i x^{t-1}_i] = 1 - 2p_t, so that with
α_t = Π_{s≤t} (1 - 2p_s), E[x^t_i x^0_i] = α_t. The reverse conditional carries the forward likelihood as a coupling,

    P(x^t_i | x^{t-1}_i) ∝ exp(Γ_t x^{t-1}_i x^t_i),  Γ_t = ½ ln((1 - p_t)/p_t)

(Jelinčič et al., arXiv:2510.23972, where flips are a continuous-time process). Here α_t = 1 - t/T: the last step has
p_T = ½ and Γ_T = 0, so x^T is fair coin flips exactly, and generation starts from the distribution that training ended
with.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class ForwardChain:
    """T noising steps. One step is a monolithic machine: its input is pure noise and is left out."""

    steps: int

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise SpecError(f"a forward chain has at least 1 step, got {self.steps!r}.")

    def kept(self, t: int) -> float:
        """α_t = E[x^t x^0], for t = 0…T."""
        if not 0 <= t <= self.steps:
            raise SpecError(f"step {t} is outside 0…{self.steps}.")
        return 1.0 - t / self.steps

    def flip(self, t: int) -> float:
        """p_t, for t = 1…T."""
        return 0.5 * (1.0 - self.kept(t) / self.kept(t - 1))

    def coupling(self, t: int) -> float:
        """Γ_t, for t = 1…T; 0 for the last."""
        p = self.flip(t)
        return 0.5 * float(np.log((1 - p) / p))

    def pair(self, images: np.ndarray, t: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(x^{t-1}, x^t) of images x^0 bool ``[N, v]``."""
        less = images ^ (rng.random(images.shape) < 0.5 * (1.0 - self.kept(t - 1)))
        return less, less ^ (rng.random(images.shape) < self.flip(t))
