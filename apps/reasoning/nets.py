"""The recursive net that reads puzzles: loaded by name or from a checkpoint, trained, asked for answers and logits."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import Augmenter, Box, PuzzleSet
from thermofab.models.trm import (
    Carry,
    SequenceConfig,
    SequenceTrainer,
    SequenceTraining,
    SequenceTRM,
    averaged_model,
)

SHIPPED = "sudoku-6x6"
STEPS = 8


class Readings(NamedTuple):
    """Logits float32 ``[B, q², q]`` of digits 1…q and halting logits ``[B]`` after every supervision step:
    ``[T, B, …]``."""

    logits: np.ndarray
    halting: np.ndarray

    @property
    def grids(self) -> np.ndarray:
        """The likeliest digits, int64 ``[T, B, q²]``."""
        return self.logits.argmax(axis=-1) + 1


@torch.no_grad()
def read_puzzles(
    model: SequenceTRM, puzzles: np.ndarray, *, steps: int = STEPS, noise: float = 0.0, seed: int = 0
) -> Readings:
    """Every supervision step's answer to puzzles int64 ``[B, q²]``.

    Args:
        model: in evaluation mode.
        puzzles: 0 where empty.
        steps: supervision steps.
        noise: deviation of normal noise on the starting states.
        seed: of the noise.
    """
    carry = model.start(len(puzzles))
    if noise:
        generator = torch.Generator().manual_seed(seed)
        carry = Carry(*(h + noise * torch.randn(h.shape, generator=generator) for h in carry))
    logits, halting = [], []
    for _ in range(steps):
        step = model(torch.as_tensor(puzzles), carry)
        carry = step.carry
        logits.append(step.logits.numpy())
        halting.append(step.halt_logit.numpy())
    return Readings(np.stack(logits), np.stack(halting))


def load_net(source: str | Path | None = None) -> SequenceTRM:
    """A net in evaluation mode: by default the one that ships; else the averaged one of a trainer's checkpoint, or what
    ``SequenceTRM.from_pretrained`` finds by that name or in that folder.

    Raises:
        SpecError: there is no such net.
    """
    if source is not None and Path(source).with_name(Path(source).name + ".safetensors").is_file():
        return averaged_model(source)
    name = SHIPPED if source is None else str(source)
    try:
        return SequenceTRM.from_pretrained(name)
    except SpecError as error:
        raise SpecError(
            f"there is no net {name!r} here ({str(error).rstrip('.')}). Train one with 'thermofab reason train' and "
            "name its checkpoint, or solve by 'constraints', without a net."
        ) from None


def check_net(model: SequenceTRM, box: Box) -> None:
    """Refuse a net for puzzles of another side."""
    if (model.config.length, model.config.vocabulary_out) != (box.cells, box.side):
        raise SpecError(
            f"this net reads {model.config.length} cells of {model.config.vocabulary_out} digits, and the puzzle has "
            f"{box.cells} of {box.side}; train a net for that side, or solve by 'constraints'."
        )


def trainer_of(learn: PuzzleSet, held_out: PuzzleSet, *, seed: int = 0, decay_steps: int = 0) -> SequenceTrainer:
    """A new net for the puzzles' box and its trainer; puzzles are augmented, never into held-out ones."""
    augmenter = Augmenter(learn, held_out, places=learn.box.side <= 6)

    def draw(count: int, source_seed: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.random.default_rng(source_seed).integers(len(learn), size=count)
        given, solved = augmenter.draw(rows, source_seed + 1)
        return given, solved - 1

    config = SequenceConfig.sudoku(learn.box.rows, learn.box.columns, seed=seed)
    return SequenceTrainer(SequenceTRM(config), draw, SequenceTraining(decay_steps=decay_steps, seed=seed))
