"""Adam whose quotient is an arc tangent: no ε, no clipping, and steps that do not depend on the loss's scale.

With m̂ and v̂ Adam's averages, w ← w·(1 - η·decay), w ← w - η·a·atan2(m̂, √v̂), a = 1.27 (arXiv 2407.05872): at most
a·π/2·η a step, however large a gradient is. Published tiny recursive models are trained by an optimiser of this kind;
a is a factor of the rate, which an implementation may leave out.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

SCALE = 1.27


class AdamAtan2(torch.optim.Optimizer):
    """Args: ``parameters`` of one group; ``lr`` η; ``betas`` of the averages; ``weight_decay``."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ):
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step from the gradients that are there; a closure is not asked for them."""
        for group in self.param_groups:
            (beta1, beta2), rate = group["betas"], group["lr"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["step"] = torch.zeros(())
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
                state["step"] += 1
                taken = float(state["step"])
                mean = state["exp_avg"].lerp_(weight.grad, 1 - beta1) / (1 - beta1**taken)
                square = state["exp_avg_sq"].lerp_(weight.grad.square(), 1 - beta2) / (1 - beta2**taken)
                weight.mul_(1 - rate * group["weight_decay"])
                weight.add_(torch.atan2(mean, square.sqrt()), alpha=-rate * SCALE)
