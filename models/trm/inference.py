"""Answers of a SequenceTRM: all supervision steps, or as many as the halting head asks for.

As published, evaluation runs all steps. ``adaptive`` freezes each puzzle's answer at the first step whose halting
probability is above a threshold, and says how many steps that took. Training halts at 1/2; answers wait for more, since
an answer that is probably right is still worth another step (:mod:`thermofab.models.trm.calibration`).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.trm.sequence import Carry, RecursiveModel


class Answers(NamedTuple):
    """Tokens int64 ``[B, L]``, the halting logit at the step they are from ``[B]``, and that step ``[B]`` (from 1)."""

    tokens: Tensor
    halt_logit: Tensor
    steps: Tensor


def threshold_logit(probability: float) -> float:
    """ln p/(1 - p).

    Raises:
        SpecError: not strictly between 0 and 1.
    """
    if not 0 < probability < 1:
        raise SpecError(f"halt_threshold is a probability strictly between 0 and 1, got {probability}.")
    return math.log(probability / (1 - probability))


@torch.no_grad()
def answer(
    model: RecursiveModel,
    tokens: Tensor,
    steps: int = 8,
    *,
    adaptive: bool = False,
    halt_threshold: float | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> Answers:
    """Answers to ``tokens`` int64 ``[B, L]``, on the model's device.

    Args:
        model: in evaluation mode.
        tokens: the puzzles, on any device.
        steps: supervision steps, at most.
        adaptive: stop each puzzle where its halting probability is above ``halt_threshold``.
        halt_threshold: in (0, 1); the model's own, calibrated or 0.9, if left out.
        noise: deviation of normal noise added to y and z at the start; the same on every device.
        seed: of the noise.

    Raises:
        SpecError: tokens of another length, no step, or a threshold outside (0, 1).
    """
    if tokens.ndim != 2 or tokens.shape[1] != model.config.length:
        raise SpecError(f"tokens must have shape [puzzles, {model.config.length}], got {list(tokens.shape)}.")
    if steps < 1:
        raise SpecError(f"steps must be at least 1, got {steps}.")
    enough = threshold_logit(model.halt_threshold if halt_threshold is None else halt_threshold)
    device = model.device
    tokens = tokens.to(device)
    carry = model.start(len(tokens))
    if noise:
        generator = torch.Generator().manual_seed(seed)
        carry = Carry(*(h + noise * torch.randn(h.shape, generator=generator).to(device) for h in carry))
    last: Answers | None = None
    for number in range(1, steps + 1):
        step = model(tokens, carry)
        carry = step.carry
        here = Answers(step.logits.argmax(-1), step.halt_logit, torch.full((len(tokens),), number, device=device))
        if last is None or not adaptive:
            last = here
        else:
            going = last.halt_logit <= enough
            last = Answers(
                torch.where(going[:, None], here.tokens, last.tokens),
                torch.where(going, here.halt_logit, last.halt_logit),
                torch.where(going, here.steps, last.steps),
            )
        if adaptive and bool((last.halt_logit > enough).all()):
            break
    assert last is not None
    return last
