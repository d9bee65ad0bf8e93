"""SequenceTRM: the tiny recursive model of arXiv 2510.04871 for tokens in, tokens out, such as grid puzzles.

One net f of a few layers serves both updates. With x the embedded tokens, a cycle is

    z ← f(z + y + x)   n times,    y ← f(y + z)   once;

a *supervision step* is T cycles, of which only the last carries gradient, followed by logits W y and a halting logit
from the mean of y over positions, or from the first position's. y and z go on, detached, into the next supervision
step. They start from fixed random states. Inputs int64 ``[B, L]``, logits ``[B, L, V]``, halting logit ``[B]``; y, z
float32 ``[B, L, D]``.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from thermofab.hw.spec import SpecError
from thermofab.models.trm.blocks import Layer, linear
from thermofab.models.trm.pretrained import read_pretrained, write_pretrained

POSITIONS = ("learnt", "rotary", "none")
HALT_READS = ("mean", "first")
BEFORE_OPTIONS = {"positions": "learnt", "normalised": "width", "halt_reads": "mean", "halting_bias": -2.0}
"""What a stored configuration means that does not name these fields: it was written before there was a choice."""
MODEL_TYPE = "thermofab-sequence-trm"
HALT_THRESHOLD = 0.9
"""Where adaptive answers halt if nothing was calibrated."""


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
        positions: ``"learnt"`` adds a learnt embedding to the tokens', ``"rotary"`` turns attention's queries and keys,
            ``"none"`` leaves positions to the MLP over them.
        normalised: the norm after mixing by an MLP is over the ``"width"`` or over the ``"positions"``.
        halt_reads: the halting head reads the ``"mean"`` of y over positions, or y at the ``"first"`` one, which is for
            sequences that begin with a token of the task.
        halting_bias: of the halting head at the start.

    Raises:
        SpecError: a number below 1, or a name that is not one of these.
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
    positions: str = "learnt"
    normalised: str = "width"
    halt_reads: str = "mean"
    halting_bias: float = -2.0

    def __post_init__(self) -> None:
        for name in ("length", "vocabulary_in", "vocabulary_out", "width", "layers", "heads", "cycles", "latent_steps"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.positions not in POSITIONS:
            raise SpecError(f"positions is one of {POSITIONS}, got {self.positions!r}.")
        if self.halt_reads not in HALT_READS:
            raise SpecError(f"halt_reads is one of {HALT_READS}, got {self.halt_reads!r}.")
        if not math.isfinite(self.halting_bias):
            raise SpecError(f"halting_bias must be a finite number, got {self.halting_bias}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(stored: dict[str, Any]) -> "SequenceConfig":
        """Inverse of :meth:`to_json`, of configurations of older releases too.

        Raises:
            SpecError: a field that this release does not know, or one missing.
        """
        try:
            return SequenceConfig(**{**BEFORE_OPTIONS, **stored})
        except TypeError as wrong:
            raise SpecError(f"this is not the configuration of a sequence model: {wrong}.") from None

    @staticmethod
    def sudoku(box_rows: int = 2, box_columns: int = 3, **changes: Any) -> "SequenceConfig":
        """For Sudokus of such boxes; the token of an empty cell is 0, digit d is written as d - 1. Attention has rotary
        positions unless ``changes`` say otherwise: with learnt ones it learns nothing in the time others need."""
        side = box_rows * box_columns
        if changes.get("mixing") == "attention":
            changes.setdefault("positions", "rotary")
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
    """What trainers and :func:`~thermofab.models.trm.answer` take: supervision steps from fixed starting states.

    Attributes:
        config: its shape.
        halt_threshold: the halting probability above which an adaptive answer stands; it belongs to the weights, and
            :func:`~thermofab.models.trm.calibrate` chooses it.
    """

    config: SequenceConfig
    halt_threshold: float = HALT_THRESHOLD

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

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
        if config.positions == "learnt":
            self.position = nn.Parameter(torch.randn(config.length, config.width, generator=generator))
        self.net = nn.Sequential(
            *(
                Layer(
                    config.width,
                    config.length,
                    config.mixing,
                    config.heads,
                    config.expansion,
                    generator,
                    normalised=config.normalised,
                    rotary=config.positions == "rotary",
                )
                for _ in range(config.layers)
            )
        )
        self.head = linear(config.width, config.vocabulary_out, generator)
        self.halt = nn.Linear(config.width, 1)
        nn.init.zeros_(self.halt.weight)
        nn.init.constant_(self.halt.bias, config.halting_bias)  # nothing is right at first, and none should halt
        self.register_buffer("y0", torch.randn(config.width, generator=generator))
        self.register_buffer("z0", torch.randn(config.width, generator=generator))

    def save_pretrained(self, folder: str | Path, *, notes: dict[str, Any] | None = None) -> Path:
        """Write ``config.json`` and ``model.safetensors`` into a folder, and return it.

        Args:
            folder: made if it is not there.
            notes: anything JSON-ready that should be known of the weights, such as the command that made them.
        """
        return write_pretrained(
            folder, MODEL_TYPE, self.config.to_json(), self, halt_threshold=self.halt_threshold, notes=notes or {}
        )

    @classmethod
    def from_pretrained(cls, name: str | Path, *, device: str | torch.device = "cpu") -> "SequenceTRM":
        """The model of a folder, or of a name in :func:`~thermofab.models.trm.shipped_models`, in evaluation mode.

        Raises:
            SpecError: there is no such model, or it is damaged, of another type, or not of its configuration.
        """
        stored = read_pretrained(name, MODEL_TYPE)
        threshold = stored.about.get("halt_threshold", HALT_THRESHOLD)
        if not isinstance(threshold, float) or not 0 < threshold < 1:
            raise SpecError(f"the halt_threshold stored with {str(name)!r} is {threshold!r}, not a number in (0, 1).")
        model = cls(SequenceConfig.from_json(stored.about["config"]))
        stored.into(model, device)
        model.halt_threshold = threshold
        return model

    def start(self, batch: int) -> Carry:
        """The fixed starting states."""
        shape = batch, self.config.length, self.config.width
        return Carry(self.y0.expand(shape), self.z0.expand(shape))

    def embedded(self, tokens: Tensor) -> Tensor:
        """x float32 ``[B, L, D]``."""
        return self.embed(tokens) + self.position if self.config.positions == "learnt" else self.embed(tokens)

    def halt_logit(self, y: Tensor) -> Tensor:
        """``[B]`` of y ``[B, L, D]``."""
        return self.halt(y[:, 0] if self.config.halt_reads == "first" else y.mean(dim=1)).squeeze(-1)

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
        return Step(Carry(y.detach(), z.detach()), self.head(y), self.halt_logit(y))
