"""Layers of the sequence model: SwiGLU, self-attention or mixing over positions, each followed by RMS normalisation.

A layer is h ← norm(h + mix(h)), h ← norm(h + swiglu(h)), with norm(h) = h / √(mean h² + ε) and no gain.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from thermofab.hw.spec import SpecError

MIXING = ("mlp", "attention")


def rms_norm(h: Tensor) -> Tensor:
    """h / √(mean over the last axis of h² + 1e-5)."""
    return h * torch.rsqrt(h.square().mean(dim=-1, keepdim=True) + 1e-5)


def linear(width_in: int, width_out: int, generator: torch.Generator) -> nn.Linear:
    """Without bias; normal weights of variance 1/width_in, cut at two deviations."""
    layer = nn.Linear(width_in, width_out, bias=False)
    nn.init.trunc_normal_(
        layer.weight, std=width_in**-0.5, a=-2 * width_in**-0.5, b=2 * width_in**-0.5, generator=generator
    )
    return layer


class SwiGLU(nn.Module):
    """W₃(silu(W₁h) ⊙ W₂h), arXiv 2002.05202."""

    def __init__(self, width: int, hidden: int, generator: torch.Generator):
        super().__init__()
        self.gate_up = linear(width, 2 * hidden, generator)
        self.down = linear(hidden, width, generator)

    def forward(self, h: Tensor) -> Tensor:
        gate, up = self.gate_up(h).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Attention(nn.Module):
    """Multi-head self-attention over all positions ``[B, L, D]``, both ways."""

    def __init__(self, width: int, heads: int, generator: torch.Generator):
        super().__init__()
        if width % heads:
            raise SpecError(f"a width of {width} cannot be shared by {heads} heads; take a divisor of it.")
        self.heads = heads
        self.qkv = linear(width, 3 * width, generator)
        self.out = linear(width, width, generator)

    def forward(self, h: Tensor) -> Tensor:
        batch, length, width = h.shape
        q, k, v = self.qkv(h).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    """One layer over ``[B, L, D]``; ``mixing`` is ``"mlp"`` (a SwiGLU across the L positions) or ``"attention"``."""

    def __init__(self, width: int, length: int, mixing: str, heads: int, expansion: float, generator: torch.Generator):
        super().__init__()
        if mixing not in MIXING:
            raise SpecError(f"mixing is one of {MIXING}, got {mixing!r}.")
        self.over_positions = mixing == "mlp"
        self.mix = (
            SwiGLU(length, _hidden(length, expansion), generator)
            if self.over_positions
            else Attention(width, heads, generator)
        )
        self.mlp = SwiGLU(width, _hidden(width, expansion), generator)

    def forward(self, h: Tensor) -> Tensor:
        mixed = self.mix(h.transpose(1, 2)).transpose(1, 2) if self.over_positions else self.mix(h)
        h = rms_norm(h + mixed)
        return rms_norm(h + self.mlp(h))


def _hidden(width: int, expansion: float) -> int:
    return math.ceil(2 * expansion * width / 3)
