"""fit: maximum likelihood of a machine over a DataLoader, the negative phase from a sampler."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor

from thermofab.apps.pytorch.machine import GraphRestrictedBoltzmannMachine, SpinSampler
from thermofab.hw.spec import SpecError

Method = Literal["pcd", "cd"]


def fit(
    machine: GraphRestrictedBoltzmannMachine,
    loader: Iterable[Any],
    sampler: SpinSampler,
    *,
    epochs: int = 1,
    method: Method = "pcd",
    optimiser: torch.optim.Optimizer | None = None,
    on_epoch: Callable[[int], None] | None = None,
) -> int:
    """Train in place.

    Args:
        machine: that the sampler was made for.
        loader: batches of data ``[B, v]`` of spins ±1, or tuples whose first entry is such a batch, as a
            ``torch.utils.data.DataLoader`` gives.
        sampler: the negative phase; where edges join hidden nodes, the positive one too.
        epochs: passes over the loader.
        method: ``"pcd"``: the sampler's chains as it was told to have them; ``"cd"``: chains start at the batch, hidden
            spins drawn, and run the sampler's schedule.
        optimiser: of the machine's parameters; by default plain descent at a rate of 0.01.
        on_epoch: called with the number of each finished pass, from 1.

    Returns:
        the updates made.

    Raises:
        SpecError: the sampler is of another machine, or a batch does not fit.
    """
    if sampler.machine is not machine:
        raise SpecError("this sampler was made for another machine; make one by FabricSampler(machine, ...).")
    if method not in ("pcd", "cd"):
        raise SpecError(f"method must be 'pcd' or 'cd', got {method!r}.")
    chosen = torch.optim.SGD(machine.parameters(), lr=0.01) if optimiser is None else optimiser
    updates = 0
    for epoch in range(1, epochs + 1):
        for batch in loader:
            rows = (batch[0] if isinstance(batch, (tuple, list)) else batch).to(machine.linear)
            chosen.zero_grad()
            _objective(machine, rows, sampler, method).backward()
            chosen.step()
            updates += 1
        if on_epoch is not None:
            on_epoch(epoch)
    return updates


def _objective(machine: GraphRestrictedBoltzmannMachine, rows: Tensor, sampler: SpinSampler, method: Method) -> Tensor:
    if machine.graph.hidden_apart:
        observed = rows
        start = machine.completed(rows, drawn=True) if method == "cd" else None
    else:
        drawn = sampler.complete(rows)
        observed, start = drawn.flatten(0, 1), drawn[:, -1] if method == "cd" else None
    return machine.quasi_objective(observed, sampler.sample(start=start))
