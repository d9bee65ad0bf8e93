"""A torch optimiser's state as named arrays, so that checkpoints need no pickle; per-parameter tensors only."""

import numpy as np
import torch


def pack_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """``"parameter number/name"`` to array; parameters are numbered in the optimiser's order."""
    state = optimiser.state_dict()["state"]
    return {f"{k}/{name}": value.cpu().numpy() for k, values in state.items() for name, value in values.items()}


def unpack_optimiser(optimiser: torch.optim.Optimizer, arrays: dict[str, np.ndarray]) -> None:
    """Inverse of :func:`pack_optimiser`, into an optimiser made the same way."""
    whole = optimiser.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in arrays.items():
        number, name = key.split("/", 1)
        state.setdefault(int(number), {})[name] = torch.tensor(value)
    optimiser.load_state_dict({**whole, "state": state})
