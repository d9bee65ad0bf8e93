"""Exponential moving average of weights: ē ← δ·ē + (1-δ)·w after every optimiser step; the average is evaluated."""

import copy
from typing import TypeVar

import torch
from torch import nn

from thermofab.hw.spec import SpecError

Module = TypeVar("Module", bound=nn.Module)


class WeightAverage:
    """The average of a module's parameters and floating-point buffers.

    Args:
        module: whose weights it starts from.
        decay: δ in [0, 1). Over the first steps the smaller (1 + k)/(10 + k) is used, so that a short run's average
            is not that of its start.
        warm_up: without it, δ is used from the first step on.

    Raises:
        SpecError: a decay outside [0, 1).
    """

    def __init__(self, module: nn.Module, decay: float = 0.999, *, warm_up: bool = True):
        if not 0 <= decay < 1:
            raise SpecError(f"the decay of a weight average must be in [0, 1), got {decay}.")
        self.decay, self.warm_up, self.steps = decay, warm_up, 0
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take one step towards the module's weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.warm_up else self.decay
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - decay)
            else:
                self.weights[name].copy_(value)

    def averaged(self, module: Module) -> Module:
        """A copy of the module that holds the average, in evaluation mode."""
        other = copy.deepcopy(module)
        other.load_state_dict(self.weights)
        return other.eval()
