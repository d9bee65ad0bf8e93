"""Answers of a SequenceTRM: all supervision steps, or as many as the halting head asks for.

As published, evaluation runs all steps. ``adaptive`` freezes each puzzle's answer at the first step whose halting
logit is positive, and says how many steps that took.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from thermofab.models.trm.sequence import Carry, RecursiveModel


class Answers(NamedTuple):
    """Tokens int64 ``[B, L]``, the halting logit at the step they are from ``[B]``, and that step ``[B]`` (from 1)."""

    tokens: Tensor
    halt_logit: Tensor
    steps: Tensor


@torch.no_grad()
def answer(
    model: RecursiveModel, tokens: Tensor, steps: int = 8, *, adaptive: bool = False, noise: float = 0.0, seed: int = 0
) -> Answers:
    """Answers to ``tokens`` int64 ``[B, L]``.

    Args:
        model: in evaluation mode.
        tokens: the puzzles.
        steps: supervision steps, at most.
        adaptive: stop each puzzle where its halting logit is positive.
        noise: deviation of normal noise added to y and z at the start.
        seed: of the noise.
    """
    carry = model.start(len(tokens))
    if noise:
        generator = torch.Generator().manual_seed(seed)
        carry = Carry(*(h + noise * torch.randn(h.shape, generator=generator) for h in carry))
    last: Answers | None = None
    for number in range(1, steps + 1):
        step = model(tokens, carry)
        carry = step.carry
        here = Answers(step.logits.argmax(-1), step.halt_logit, torch.full((len(tokens),), number))
        if last is None or not adaptive:
            last = here
        else:
            going = last.halt_logit <= 0
            last = Answers(
                torch.where(going[:, None], here.tokens, last.tokens),
                torch.where(going, here.halt_logit, last.halt_logit),
                torch.where(going, here.steps, last.steps),
            )
        if adaptive and bool((last.halt_logit > 0).all()):
            break
    assert last is not None
    return last
