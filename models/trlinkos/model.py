"""TRLinkos: recursive reasoning by a mixture of dendritic experts.

With x the projected input, u = [x, y, z] and weights ω_i of the torque router on x,

    z ← norm(z + Σ_i ω_i E_i(u)),    y ← norm(y + S(y, z)),    output = W y,

E_i and S of dendritic cells. A value head q(y, z) estimates the negative loss of the state: it scores states in the
trace (:mod:`thermofab.models.trlinkos.search`). Everything is batched, and trained by gradient: outputs of all steps
are supervised.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from thermofab.hw.spec import SpecError
from thermofab.models.trlinkos.dendrite import DendriticCells
from thermofab.models.trlinkos.torque import TorqueRouter


@dataclass(frozen=True)
class TRLinkosConfig:
    """Shape: features in, state width, outputs, experts, branches of a cell, reasoning steps, seed of the weights.

    Raises:
        SpecError: a number below 1.
    """

    input_dim: int
    hidden_dim: int
    output_dim: int
    experts: int = 4
    branches: int = 4
    steps: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("input_dim", "hidden_dim", "output_dim", "experts", "branches", "steps"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got {getattr(self, name)}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class State(NamedTuple):
    """y, z float32 ``[B, D]``."""

    y: Tensor
    z: Tensor


class TRLinkos(nn.Module):
    """The model above."""

    def __init__(self, config: TRLinkosConfig):
        super().__init__()
        self.config = config
        width, generator = config.hidden_dim, torch.Generator().manual_seed(config.seed)
        self.project = nn.Linear(config.input_dim, width)
        self.router = TorqueRouter(width, config.experts, generator=generator)
        self.expert = nn.ModuleList(
            DendriticCells(3 * width, width, config.branches, generator=generator) for _ in range(config.experts)
        )
        self.solve = DendriticCells(2 * width, width, config.branches, generator=generator)
        self.norm_z, self.norm_y = nn.LayerNorm(width), nn.LayerNorm(width)
        self.output, self.value = nn.Linear(width, config.output_dim), nn.Linear(2 * width, 1)
        for layer in (self.project, self.output, self.value):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def fit_router(self, features: Tensor) -> None:
        """Put the router's centroids at the torque clusters of these rows ``[N, input_dim]``."""
        self.router.fit(self.embed(features))

    def embed(self, features: Tensor) -> Tensor:
        """x float32 ``[B, D]``.

        Raises:
            SpecError: features of another width, or not finite.
        """
        if features.ndim != 2 or features.shape[1] != self.config.input_dim:
            raise SpecError(f"features must have shape [rows, {self.config.input_dim}], got {list(features.shape)}.")
        if not bool(torch.isfinite(features).all()):
            raise SpecError("features hold NaN or infinite values; drop or impute those rows.")
        return self.project(features)

    def start(self, rows: int) -> State:
        """Zeros."""
        zero = torch.zeros(rows, self.config.hidden_dim)
        return State(zero, zero)

    def reason(self, x: Tensor, state: State, weights: Tensor) -> State:
        """One step with given weights of experts ``[B, K]``."""
        y, z = state
        proposals = torch.stack([expert(torch.cat([x, y, z], dim=-1)) for expert in self.expert], dim=1)
        z = self.norm_z(z + (weights[..., None] * proposals).sum(dim=1))
        return State(self.norm_y(y + self.solve(torch.cat([y, z], dim=-1))), z)

    def score(self, state: State) -> Tensor:
        """q ``[B]``: the value head's estimate of minus the loss."""
        return self.value(torch.cat(state, dim=-1)).squeeze(-1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """All steps with the router's weights: outputs ``[T, B, output_dim]`` and scores ``[T, B]``."""
        x = self.embed(features)
        weights, state = self.router(x), self.start(len(features))
        outputs, scores = [], []
        for _ in range(self.config.steps):
            state = self.reason(x, state, weights)
            outputs.append(self.output(state.y))
            scores.append(self.score(State(state.y.detach(), state.z.detach())))
        return torch.stack(outputs), torch.stack(scores)


def supervision(outputs: Tensor, scores: Tensor, losses: Tensor) -> Tensor:
    """Mean loss over steps and rows, plus the squared error of the value head on minus the loss.

    Args:
        outputs: ``[T, B, ...]``, for the shape.
        scores: ``[T, B]``.
        losses: of every step and row, ``[T, B]``.
    """
    if losses.shape != scores.shape or losses.shape != outputs.shape[:2]:
        raise SpecError("losses must be given for every step and row, shape [steps, rows].")
    return losses.mean() + 0.5 * ((scores + losses.detach()) ** 2).mean()
