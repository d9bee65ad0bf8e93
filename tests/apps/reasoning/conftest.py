"""One thread, and a net for 4×4 Sudokus trained in seconds."""

import pytest
import torch

from thermofab.apps.reasoning import box_of, trainer_of
from thermofab.models.puzzles import make_puzzles

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def four():
    return box_of(4)


@pytest.fixture(scope="session")
def checkpoint(four, tmp_path_factory):
    """Of a net that solves some 4×4 puzzles and not others."""
    learn, held_out = make_puzzles(four, 12, seed=0).split(8)
    trainer = trainer_of(learn, held_out, seed=1, decay_steps=120)
    for _ in range(40):
        trainer.step()
    path = tmp_path_factory.mktemp("net") / "four"
    trainer.save(path)
    return path
