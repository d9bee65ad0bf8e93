"""Where adaptive answers of a sequence model may halt, chosen on held-out puzzles.

For a threshold p each puzzle's answer is that of the first step whose halting probability is above p, else the last.
``calibrate`` takes the smallest p of ``THRESHOLDS`` whose exact rate is at most ``margin`` below the best, of all steps
or of any p: the fewest steps at that price. All steps need not be best, for a model may leave a right answer again.
Puzzles that measure the result afterwards must be others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.trm.inference import threshold_logit
from thermofab.models.trm.sequence import RecursiveModel
from thermofab.models.trm.sequence_training import right_answers

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)


class Halting(NamedTuple):
    """A threshold, the share of puzzles answered exactly with it, and the mean supervision steps taken."""

    threshold: float
    exact: float
    mean_steps: float


class Calibration(NamedTuple):
    """The halting chosen, the exact rate of all steps, and the halting of every threshold tried."""

    chosen: Halting
    exact_all_steps: float
    tried: tuple[Halting, ...]


@torch.no_grad()
def halting_curve(
    model: RecursiveModel,
    tokens: Tensor,
    answers: Tensor,
    steps: int = 8,
    thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[float, tuple[Halting, ...]]:
    """The exact rate of all steps, and what each threshold gives, from one reading of the puzzles.

    Args:
        model: in evaluation mode.
        tokens, answers: int64 ``[B, L]`` each, as the model was trained with.
        steps: supervision steps, at most.
        thresholds: each in (0, 1).

    Raises:
        SpecError: no puzzle, answers of another shape, no step, or a threshold outside (0, 1).
    """
    if not len(tokens) or answers.shape != tokens.shape or steps < 1:
        raise SpecError(
            f"a halting curve needs puzzles, answers of their shape and a step; got {list(tokens.shape)}, "
            f"{list(answers.shape)} and {steps}."
        )
    logits = [threshold_logit(p) for p in thresholds]
    tokens, answers = tokens.to(model.device), answers.to(model.device)
    carry, right, halting = model.start(len(tokens)), [], []
    for _ in range(steps):
        step = model(tokens, carry)
        carry = step.carry
        right.append(right_answers(step.logits.argmax(-1), answers))
        halting.append(step.halt_logit)
    rights, halts = torch.stack(right), torch.stack(halting)
    curve = []
    for p, enough in zip(thresholds, logits):
        above = halts > enough
        above[-1] = True
        first = above.int().argmax(dim=0)  # the first of the largest
        exact = rights.gather(0, first[None])[0].float().mean()
        curve.append(Halting(p, float(exact), float((first + 1).float().mean())))
    return float(rights[-1].float().mean()), tuple(curve)


def calibrate(
    model: RecursiveModel,
    tokens: Tensor,
    answers: Tensor,
    steps: int = 8,
    *,
    margin: float = 0.005,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Calibration:
    """Choose ``model.halt_threshold``, and set it.

    Args:
        model: in evaluation mode; its ``halt_threshold`` is changed.
        tokens, answers: held-out puzzles, int64 ``[B, L]``.
        steps: supervision steps that answers will have, at most.
        margin: how much less exact adaptive answers may be than the best of all steps and of every threshold, in shares
            of puzzles.
        thresholds: to choose from.

    Raises:
        SpecError: a margin outside [0, 1), or no threshold keeps to it; and what :func:`halting_curve` refuses.
    """
    if not 0 <= margin < 1:
        raise SpecError(f"margin is a share in [0, 1), got {margin}.")
    exact, curve = halting_curve(model, tokens, answers, steps, thresholds)
    best = max(curve, key=lambda halting: halting.exact)
    kept = [halting for halting in curve if halting.exact >= max(exact, best.exact) - margin]
    if not kept:
        raise SpecError(
            f"no threshold keeps within {margin} of the exact rate {exact:.4f} of all {steps} steps; the best, "
            f"{best.threshold}, has {best.exact:.4f}. Allow a larger margin, or answer without adaptive."
        )
    chosen = min(kept)
    model.halt_threshold = chosen.threshold
    return Calibration(chosen, exact, curve)
