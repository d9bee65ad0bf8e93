"""What is refused of tensors: shapes, and values that are no spins."""

from typing import Any

import torch
from torch import Tensor

from thermofab.hw.spec import SpecError

# A straight-through spin, hard + soft - soft, is ±1 up to rounding.
_ROUNDING = 1e-4


def checked_rows(name: str, spins: Any, widths: dict[int, str]) -> Tensor:
    """``spins`` if it is a tensor ``[B, width]``, B ≥ 1, of one of the widths; the text says what a width is."""
    if not isinstance(spins, Tensor):
        raise SpecError(f"{name} must be a torch tensor of spins ±1, got a {type(spins).__name__}.")
    if spins.ndim != 2 or spins.shape[1] not in widths or not len(spins):
        wanted = " or ".join(f"(B, {width}), {what}," for width, what in widths.items())
        raise SpecError(f"{name} must have shape {wanted} with B ≥ 1, got {tuple(spins.shape)}.")
    return spins


def checked_spins(name: str, spins: Tensor, unknown: bool = False) -> Tensor:
    """``spins`` if every value is ±1 (or nan, where ``unknown`` ones are allowed)."""
    values = spins.detach().to(torch.float32)
    bad = (values.abs() - 1).abs() > _ROUNDING
    if not unknown:
        bad |= values.isnan()
    if spins.dtype == torch.bool or bool(bad.any()):
        found = "bits" if spins.dtype == torch.bool else values[bad][0].item()
        also = ", or nan where unknown" if unknown else ""
        raise SpecError(f"{name} must be spins, -1 and +1{also}; got {found}. Bits become spins as 2 * bits - 1.")
    return spins
