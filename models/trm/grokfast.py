"""GrokFast-EMA: the slow part of the gradient, amplified (arXiv 2405.20233).

    ē ← α·ē + (1 - α)·g  (the first g starts it),    g ← g + λ·ē.

The sign matters: the slow part is *added*. Called between ``backward()`` and the optimiser's step.
"""

import torch
from torch import Tensor, nn

from thermofab.hw.spec import SpecError


class GrokFast:
    """The filter; its state is one tensor per parameter.

    Args:
        alpha: memory of the average, in [0, 1).
        strength: λ ≥ 0.

    Raises:
        SpecError: a number outside its range.
    """

    def __init__(self, alpha: float = 0.98, strength: float = 2.0):
        if not 0 <= alpha < 1 or strength < 0:
            raise SpecError(f"GrokFast needs alpha in [0, 1) and a strength of at least 0, got {alpha} and {strength}.")
        self.alpha, self.strength = alpha, strength
        self.slow: dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, module: nn.Module) -> None:
        """Change the gradients of the module's parameters in place."""
        for name, parameter in module.named_parameters():
            gradient = parameter.grad
            if gradient is None:
                continue
            if name not in self.slow:
                self.slow[name] = gradient.clone()
            else:
                self.slow[name].lerp_(gradient, 1 - self.alpha)
            gradient.add_(self.slow[name], alpha=self.strength)
