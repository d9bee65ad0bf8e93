"""Layers of the sequence model: SwiGLU, self-attention or mixing over positions, each followed by RMS normalisation.

A layer is h ← norm(h + mix(h)), h ← norm(h + swiglu(h)), with norm(h) = h / √(mean h² + ε) and no gain. The mean is
over the width; after mixing by an MLP it may be over the positions.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from thermofab.hw.spec import SpecError

MIXING = ("mlp", "attention")
NORMALISED = ("width", "positions")


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


def rotated(h: Tensor) -> Tensor:
    """Rotary position embedding (arXiv 2104.09864) of ``[B, heads, L, d]``: the pair (h_i, h_{i+d/2}) at position p is
    turned by the angle p·10000^(-2i/d), so that products of queries and keys see how far apart they are."""
    length, half = h.shape[-2], h.shape[-1] // 2
    rates = 10_000.0 ** (-torch.arange(half, device=h.device) / half)
    angles = torch.arange(length, device=h.device)[:, None] * rates
    cosine, sine = angles.cos().to(h.dtype), angles.sin().to(h.dtype)
    first, second = h[..., :half], h[..., half:]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)


class Attention(nn.Module):
    """Multi-head self-attention over all positions ``[B, L, D]``, both ways; ``rotary`` turns queries and keys."""

    def __init__(self, width: int, heads: int, generator: torch.Generator, *, rotary: bool = False):
        super().__init__()
        if width % heads:
            raise SpecError(f"a width of {width} cannot be shared by {heads} heads; take a divisor of it.")
        if rotary and width // heads % 2:
            raise SpecError(
                f"rotary positions need heads of even width; {heads} heads of {width} have {width // heads}."
            )
        self.heads, self.rotary = heads, rotary
        self.qkv = linear(width, 3 * width, generator)
        self.out = linear(width, width, generator)

    def forward(self, h: Tensor) -> Tensor:
        batch, length, width = h.shape
        q, k, v = self.qkv(h).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if self.rotary:
            q, k = rotated(q), rotated(k)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    """One layer over ``[B, L, D]``.

    Args:
        width, length: D and L.
        mixing: ``"mlp"`` (a SwiGLU across the L positions) or ``"attention"``.
        heads: of attention.
        expansion: of both SwiGLUs.
        generator: of the weights.
        normalised: what the norm after mixing by an MLP has its mean over, ``"width"`` or ``"positions"``.
        rotary: positions for attention.

    Raises:
        SpecError: another name than these, or widths that do not divide.
    """

    def __init__(
        self,
        width: int,
        length: int,
        mixing: str,
        heads: int,
        expansion: float,
        generator: torch.Generator,
        *,
        normalised: str = "width",
        rotary: bool = False,
    ):
        super().__init__()
        if mixing not in MIXING:
            raise SpecError(f"mixing is one of {MIXING}, got {mixing!r}.")
        if normalised not in NORMALISED:
            raise SpecError(f"normalised is one of {NORMALISED}, got {normalised!r}.")
        self.over_positions = mixing == "mlp"
        if not self.over_positions and normalised == "positions":
            raise SpecError("attention is normalised over the width; normalised='positions' is for mixing='mlp'.")
        if self.over_positions and rotary:
            raise SpecError("rotary positions are for mixing='attention'; an MLP over positions knows them already.")
        self.normalised = normalised
        self.mix = (
            SwiGLU(length, _hidden(length, expansion), generator)
            if self.over_positions
            else Attention(width, heads, generator, rotary=rotary)
        )
        self.mlp = SwiGLU(width, _hidden(width, expansion), generator)

    def forward(self, h: Tensor) -> Tensor:
        if self.over_positions:
            across = h.transpose(1, 2)
            mixed = across + self.mix(across)
            if self.normalised == "positions":
                h = rms_norm(mixed).transpose(1, 2)
            else:
                h = rms_norm(mixed.transpose(1, 2))
        else:
            h = rms_norm(h + self.mix(h))
        return rms_norm(h + self.mlp(h))


def _hidden(width: int, expansion: float) -> int:
    return math.ceil(2 * expansion * width / 3)
