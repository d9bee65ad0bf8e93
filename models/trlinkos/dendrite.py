"""A dendritic cell of the dCaAP kind: branches that answer most just above threshold and less to stronger input.

Human layer-2/3 dendrites fire calcium action potentials whose amplitude falls as the input grows (Gidon et al., Science
367, 2020, doi:10.1126/science.aax6239), so that one cell computes XOR. With branch input u = w·x - θ,

    g(u) = σ(u/ρ) · exp(-max(u, 0)/λ),

ρ the width of the threshold and λ the decay, both positive and trained with θ: 0 far below, at most 1, and back to 0
far above. A cell of B branches is Σ_b v_b g_b(u_b) + c.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from thermofab.hw.spec import SpecError


def dcaap(u: Tensor, width: Tensor, decay: Tensor) -> Tensor:
    """g(u) of the module's formula, elementwise."""
    return torch.sigmoid(u / width) * torch.exp(-u.clamp(min=0) / decay)


class DendriticCells(nn.Module):
    """``cells`` cells of ``branches`` branches each over inputs ``[..., inputs]``: outputs ``[..., cells]``.

    Thresholds start spread over the branches of a cell, so that branches differ from the start.
    """

    def __init__(self, inputs: int, cells: int, branches: int = 4, *, generator: torch.Generator):
        super().__init__()
        if min(inputs, cells, branches) < 1:
            raise SpecError("dendritic cells need at least one input, cell and branch.")
        self.cells, self.branches = cells, branches
        self.weight = nn.Parameter(torch.randn(cells * branches, inputs, generator=generator) * inputs**-0.5)
        spread = torch.linspace(-1, 1, branches) if branches > 1 else torch.zeros(1)
        self.threshold = nn.Parameter(spread.repeat(cells))
        self.raw_width = nn.Parameter(torch.full((cells * branches,), -1.0))
        self.raw_decay = nn.Parameter(torch.full((cells * branches,), 0.5))
        self.soma = nn.Parameter(torch.randn(cells, branches, generator=generator) * branches**-0.5)
        self.bias = nn.Parameter(torch.zeros(cells))

    def forward(self, x: Tensor) -> Tensor:
        u = F.linear(x, self.weight) - self.threshold
        fired = dcaap(u, F.softplus(self.raw_width) + 1e-3, F.softplus(self.raw_decay) + 1e-3)
        return (fired.unflatten(-1, (self.cells, self.branches)) * self.soma).sum(-1) + self.bias
