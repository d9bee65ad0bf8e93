"""TRLinkosTRM: a TRLinkos by the names its documents use, for NumPy arrays and tensors.

    model = TRLinkosTRM(input_dim=64, hidden_dim=32, output_dim=64, n_experts=4)
    output, trace = model.forward(x, max_steps=10, return_trace=True)

The net inside, :attr:`TRLinkosTRM.net`, is what is trained, searched and saved.
"""

from typing import Literal, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.trlinkos.dag import Dag
from thermofab.models.trlinkos.model import State, TRLinkos, TRLinkosConfig

Rows = np.ndarray | Tensor


class ReasoningStep(NamedTuple):
    """A step of the reasoning, float32: ``output`` ``[B, output_dim]``, ``score`` ``[B]``, the value head's estimate of
    minus the loss, ``experts`` ``[B, K]``, their weights, and ``state`` ``[B, 2·hidden_dim]``, y and z."""

    output: np.ndarray
    score: np.ndarray
    experts: np.ndarray
    state: np.ndarray


class TRLinkosTRM:
    """Recursive reasoning by dendritic experts.

    Args:
        input_dim, hidden_dim, output_dim: widths of features, state and outputs.
        n_experts: of the mixture.
        branches: of a cell.
        steps: supervised in training.
        seed: of the weights.

    Raises:
        SpecError: a number below 1.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        output_dim: int,
        n_experts: int = 4,
        *,
        branches: int = 4,
        steps: int = 4,
        seed: int = 0,
    ):
        self.net = TRLinkos(TRLinkosConfig(input_dim, hidden_dim, output_dim, n_experts, branches, steps, seed)).eval()

    @property
    def n_experts(self) -> int:
        return self.net.config.experts

    @property
    def config(self) -> TRLinkosConfig:
        return self.net.config

    @overload
    def forward(self, x: np.ndarray, max_steps: int = ..., return_trace: Literal[False] = ...) -> np.ndarray: ...
    @overload
    def forward(self, x: Tensor, max_steps: int = ..., return_trace: Literal[False] = ...) -> Tensor: ...
    @overload
    def forward(
        self, x: np.ndarray, max_steps: int = ..., *, return_trace: Literal[True]
    ) -> tuple[np.ndarray, list[ReasoningStep]]: ...
    @overload
    def forward(
        self, x: Tensor, max_steps: int = ..., *, return_trace: Literal[True]
    ) -> tuple[Tensor, list[ReasoningStep]]: ...

    def forward(
        self, x: Rows, max_steps: int = 10, return_trace: bool = False
    ) -> Rows | tuple[Rows, list[ReasoningStep]]:
        """The output after ``max_steps`` steps, float32 ``[B, output_dim]``: an array for an array, a tensor (with its
        gradient) for a tensor; with ``return_trace`` also the steps, as many.

        Args:
            x: features ``[B, input_dim]``.
            max_steps: at least 1.
            return_trace: return the steps too.

        Raises:
            SpecError: no step, features of another shape, or not finite.
        """
        if isinstance(max_steps, bool) or not isinstance(max_steps, (int, np.integer)) or max_steps < 1:
            raise SpecError(f"max_steps must be an integer of at least 1, got {max_steps!r}.")
        features = x if isinstance(x, Tensor) else torch.as_tensor(_numbers(x), dtype=torch.float32)
        with torch.set_grad_enabled(isinstance(x, Tensor) and torch.is_grad_enabled()):
            embedded = self.net.embed(features)
            weights, state = self.net.router(embedded), self.net.start(len(features))
            trace: list[ReasoningStep] = []
            for _ in range(max_steps):
                state = self.net.reason(embedded, state, weights)
                if return_trace:
                    trace.append(self._step(state, weights))
            output = self.net.output(state.y)
        answer = output if isinstance(x, Tensor) else output.numpy()
        return (answer, trace) if return_trace else answer

    __call__ = forward

    def parameters(self):
        """Of the net, for an optimiser."""
        return self.net.parameters()

    @torch.no_grad()
    def _step(self, state: State, weights: Tensor) -> ReasoningStep:
        parts = self.net.output(state.y), self.net.score(state), weights, torch.cat(state, dim=-1)
        return ReasoningStep(*(part.detach().numpy() for part in parts))


def trace_graph(trace: list[ReasoningStep], row: int = 0) -> Dag:
    """The trace of a row as a graph whose names can be verified, one node per step."""
    graph = Dag()
    above: tuple[str, ...] = ()
    for number, step in enumerate(trace):
        above = (graph.add(step.state[row], float(step.score[row]), above, f"step {number + 1}").name,)
    return graph


def _numbers(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise SpecError(f"features must be numbers, got {x.dtype}.")
    return x
