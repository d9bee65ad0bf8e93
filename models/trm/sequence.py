"""SequenceTRM: the tiny recursive model of arXiv 2510.04871 for tokens in, tokens out, such as grid puzzles.

One net f of a few layers serves both updates. With x the embedded tokens, a cycle is

    z ← f(z + y + x)   n times,    y ← f(y + z)   once;

a *supervision step* is T cycles, of which only the last carries gradient, followed by logits W y and a halting logit
from the mean of y over positions. y and z go on, detached, into the next supervision step. They start from fixed random
states. Inputs int64 ``[B, L]``, logits ``[B, L, V]``, halting logit ``[B]``; y, z float32 ``[B, L, D]``.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from thermofab.hw.spec import SpecError
from thermofab.models.trm.blocks import Layer, linear


@dataclass(frozen=True)
class SequenceConfig:
    """Shape of a :class:`SequenceTRM`.

    Attributes:
        length: positions L.
        vocabulary_in, vocabulary_out: tokens read and written.
        width: D.
        layers: of the net.
        mixing: ``"mlp"`` or ``"attention"``.
        heads: of attention; divides ``width``.
        expansion: SwiGLU's hidden width is ⌈2/3·expansion·width⌉.
        cycles: T.
        latent_steps: n.
        recursive: without it a supervision step is one pass y = f(y + x): the same net, used once.
        seed: of weights and starting states.

    Raises:
        SpecError: a number below 1.
    """

    length: int
    vocabulary_in: int
    vocabulary_out: int
    width: int = 64
    layers: int = 2
    mixing: str = "mlp"
    heads: int = 4
    expansion: float = 4.0
    cycles: int = 2
    latent_steps: int = 2
    recursive: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("length", "vocabulary_in", "vocabulary_out", "width", "layers", "heads", "cycles", "latent_steps"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got {getattr(self, name)}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def sudoku(box_rows: int = 2, box_columns: int = 3, **changes: Any) -> "SequenceConfig":
        """For Sudokus of such boxes; the token of an empty cell is 0, digit d is written as d - 1."""
        side = box_rows * box_columns
        return SequenceConfig(length=side**2, vocabulary_in=side + 1, vocabulary_out=side, **changes)

    @staticmethod
    def published_sudoku() -> "SequenceConfig":
        """The published 9×9 model's sizes: width 512, T = 3, n = 6, mixing by MLP, 16 supervision steps."""
        return SequenceConfig.sudoku(3, 3, width=512, cycles=3, latent_steps=6, expansion=4.0)


class Carry(NamedTuple):
    """What one supervision step leaves to the next: y and z, float32 ``[B, L, D]``, without gradient."""

    y: Tensor
    z: Tensor


class Step(NamedTuple):
    """What a supervision step gives: its carry, logits ``[B, L, V]``, and the halting logit ``[B]`` (positive: the
    answer is thought right)."""

    carry: Carry
    logits: Tensor
    halt_logit: Tensor


class RecursiveModel(nn.Module):
    """What trainers and :func:`~thermofab.models.trm.answer` take: supervision steps from fixed starting states."""

    config: SequenceConfig

    def start(self, batch: int) -> Carry:
        """The fixed starting states."""
        raise NotImplementedError

    def forward(self, tokens: Tensor, carry: Carry) -> Step:
        """One supervision step."""
        raise NotImplementedError


class SequenceTRM(RecursiveModel):
    """The model of :mod:`thermofab.models.trm.sequence`; ``forward`` is one supervision step."""

    y0: Tensor
    z0: Tensor

    def __init__(self, config: SequenceConfig):
        super().__init__()
        self.config = config
        generator = torch.Generator().manual_seed(config.seed)
        self.embed = nn.Embedding(config.vocabulary_in, config.width)
        nn.init.normal_(self.embed.weight, generator=generator)
        self.position = nn.Parameter(torch.randn(config.length, config.width, generator=generator))
        self.net = nn.Sequential(
            *(
                Layer(config.width, config.length, config.mixing, config.heads, config.expansion, generator)
                for _ in range(config.layers)
            )
        )
        self.head = linear(config.width, config.vocabulary_out, generator)
        self.halt = nn.Linear(config.width, 1)
        nn.init.zeros_(self.halt.weight)
        nn.init.constant_(self.halt.bias, -2.0)  # nothing is right at first, and none should halt for thinking so
        self.register_buffer("y0", torch.randn(config.width, generator=generator))
        self.register_buffer("z0", torch.randn(config.width, generator=generator))

    def start(self, batch: int) -> Carry:
        """The fixed starting states."""
        shape = batch, self.config.length, self.config.width
        return Carry(self.y0.expand(shape), self.z0.expand(shape))

    def embedded(self, tokens: Tensor) -> Tensor:
        """x float32 ``[B, L, D]``."""
        return self.embed(tokens) + self.position

    def cycle(self, x: Tensor, carry: Carry) -> Carry:
        """n updates of z and one of y."""
        y, z = carry
        if not self.config.recursive:
            return Carry(self.net(y + x), z)
        for _ in range(self.config.latent_steps):
            z = self.net(z + y + x)
        return Carry(self.net(y + z), z)

    def forward(self, tokens: Tensor, carry: Carry) -> Step:
        """One supervision step from ``carry``, of tokens int64 ``[B, L]``."""
        x = self.embedded(tokens)
        if self.config.recursive:
            with torch.no_grad():
                for _ in range(self.config.cycles - 1):
                    carry = self.cycle(x, carry)
        y, z = self.cycle(x, carry)
        halt_logit = self.halt(y.mean(dim=1)).squeeze(-1)
        return Step(Carry(y.detach(), z.detach()), self.head(y), halt_logit)
