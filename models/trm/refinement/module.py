"""TRMRefinementModule: state z (112) and answer y (64) refined by inner and outer steps, with attention over the past.

With x the initial state (normalised), c = softmax(q·Kᵀ/√D) V attention of z over remembered decisions, and norm the
LayerNorm,

    inner step   z ← norm(z + R(x, z, c, y)),   halting probability σ(w·z + v·y + b);
    outer step   y ← norm(y + S(y, z, x)).

Refinement stops once the halting probability exceeds the threshold, but never before y was updated from the z at hand.
LayerNorm bounds the states without clipping them, so they cannot saturate. Nothing depends on the clock; the same seed,
state and past give the same trace.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from thermofab.hw.spec import SpecError
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint
from thermofab.models.trm.optimiser_state import pack_optimiser, unpack_optimiser
from thermofab.models.trm.refinement.configuration import RefinementConfig

KIND = "TRM refinement module"


class RefinementStep(NamedTuple):
    """One inner step of a trace.

    ``step_number`` counts from 1, ``outer`` from 0. ``confidence`` is the largest soft-max probability over the
    answer's components; ``halt_probability`` the halting head's; ``attention`` float32 ``[remembered]`` sums to 1,
    empty where nothing is remembered; ``change`` is |Δz|/√D.
    """

    step_number: int
    outer: int
    confidence: float
    halt_probability: float
    attention: np.ndarray
    change: float


class Refined(NamedTuple):
    """Final state float32 ``[latent_dim]``, final answer ``[answer_dim]``, and the trace."""

    state: np.ndarray
    answer: np.ndarray
    steps: tuple[RefinementStep, ...]


class TRMRefinementModule(nn.Module):
    """The module above."""

    def __init__(self, config: RefinementConfig | None = None):
        super().__init__()
        self.config = config = config or RefinementConfig()
        z, y, hidden = config.latent_dim, config.answer_dim, config.hidden_dim
        self.reason = nn.Sequential(nn.Linear(3 * z + y, hidden), nn.GELU(), nn.Linear(hidden, z))
        self.solve = nn.Sequential(nn.Linear(2 * z + y, hidden), nn.GELU(), nn.Linear(hidden, y))
        self.norm_state, self.norm_answer = nn.LayerNorm(z), nn.LayerNorm(y)
        self.query, self.key, self.value = (nn.Linear(z, z, bias=False) for _ in range(3))
        self.halt = nn.Linear(z + y, 1)
        generator = torch.Generator().manual_seed(config.random_seed)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self._past: list[Tensor] = []
        self._optimiser = torch.optim.Adam(self.parameters(), lr=config.learning_rate)
        self.outcomes = 0

    def refine(self, initial_state: Any, initial_answer: Any = None, *, remember: bool = True) -> Refined:
        """Refine one state.

        Args:
            initial_state: finite, ``[latent_dim]``.
            initial_answer: finite, ``[answer_dim]``; zeros by default.
            remember: keep the final state as context for later calls.

        Raises:
            SpecError: an argument of another shape, or not finite.
        """
        x = self._vector("initial_state", initial_state, self.config.latent_dim)
        y = self._answer(initial_answer)
        with torch.no_grad():
            z, y, steps, _ = self._run(x, y, stop=True)
        if remember:
            self._past = [*self._past, z][-self.config.memory :]
        return Refined(z.numpy(), y.numpy(), tuple(steps))

    def learn_from_outcome(
        self, initial_state: Any, choice: int, quality: float, initial_answer: Any = None
    ) -> dict[str, float]:
        """One gradient step from how a decision turned out.

        The answer's soft-max p over its components is the policy: its loss is -(2·quality - 1)·ln p(choice) for good
        outcomes, and the bounded (1 - 2·quality)·p(choice) for bad ones. Each inner step's halting head is taught the
        probability that stopping there is right: the quality where that step's answer already chose ``choice``, else
        its complement, plus ``step_penalty`` a step for going on.

        Args:
            initial_state: of the decision.
            choice: component of the answer that was acted on.
            quality: 0 (bad) … 1 (good).
            initial_answer: of the decision.

        Returns:
            the two losses, and the norm of the gradient before clipping.

        Raises:
            SpecError: a choice or quality outside its range.
        """
        if not 0 <= choice < self.config.answer_dim:
            raise SpecError(f"choice must be a component 0…{self.config.answer_dim - 1} of the answer, got {choice}.")
        if not 0 <= quality <= 1:
            raise SpecError(f"quality must be in [0, 1], got {quality}.")
        x = self._vector("initial_state", initial_state, self.config.latent_dim)
        _, y, _, seen = self._run(x, self._answer(initial_answer), stop=False)
        probability = torch.softmax(y, dim=0)[choice]
        sign = 2 * quality - 1
        policy = -sign * torch.log(probability) if sign >= 0 else -sign * probability
        targets = torch.tensor([quality if int(at.argmax()) == choice else 1 - quality for _, at in seen])
        logits = torch.stack([logit for logit, _ in seen])
        going_on = torch.sigmoid(-logits).sum()
        halting = F.binary_cross_entropy_with_logits(logits, targets) + self.config.step_penalty * going_on
        self._optimiser.zero_grad()
        (policy + halting).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), self.config.gradient_clip)
        self._optimiser.step()
        self.outcomes += 1
        return {"policy": float(policy.detach()), "halting": float(halting.detach()), "gradient": float(norm)}

    def forget(self) -> None:
        """Empty the memory of past decisions; weights stay."""
        self._past = []

    def _run(self, x: Tensor, y: Tensor, stop: bool):
        config = self.config
        x = F.layer_norm(x, x.shape)
        z, steps, seen = x, [], []
        for outer in range(config.max_outer_steps):
            for inner in range(config.max_inner_steps):
                context, attention = self._attend(z)
                new = self.norm_state(z + self.reason(torch.cat([x, z, context, y])))
                change, z = (new - z).norm() / len(z) ** 0.5, new
                candidate = self.norm_answer(y + self.solve(torch.cat([y, z, x])))
                logit = self.halt(torch.cat([z, candidate])).squeeze(0)
                seen.append((logit, candidate))
                probability = float(torch.sigmoid(logit.detach()))
                steps.append(
                    RefinementStep(
                        len(steps) + 1,
                        outer,
                        float(torch.softmax(candidate.detach(), dim=0).max()),
                        probability,
                        attention.detach().numpy(),
                        float(change.detach()),
                    )
                )
                halted = stop and probability > config.halt_threshold
                if halted or inner + 1 == config.max_inner_steps:
                    y = candidate
                    break
            if stop and steps[-1].halt_probability > config.halt_threshold:
                break
        return z, y, steps, seen

    def _attend(self, z: Tensor) -> tuple[Tensor, Tensor]:
        if not self._past:
            return torch.zeros_like(z), torch.zeros(0)
        past = torch.stack(self._past)
        attention = torch.softmax(self.key(past) @ self.query(z) / len(z) ** 0.5, dim=0)
        return attention @ self.value(past), attention

    def _vector(self, name: str, value: Any, size: int) -> Tensor:
        array = np.asarray(value, dtype=np.float32)
        if array.shape != (size,) or not np.isfinite(array).all():
            raise SpecError(f"{name} must be {size} finite numbers, got shape {list(array.shape)}.")
        return torch.tensor(array)

    def _answer(self, value: Any) -> Tensor:
        size = self.config.answer_dim
        return torch.zeros(size) if value is None else self._vector("initial_answer", value, size)

    def save(self, path: str | Path) -> None:
        """Weights, optimiser and memory: :meth:`load` goes on exactly."""
        arrays = {f"model/{k}": v.numpy() for k, v in self.state_dict().items()}
        arrays |= {f"optimiser/{k}": v for k, v in pack_optimiser(self._optimiser).items()}
        arrays |= {f"past/{k:06d}": v.numpy() for k, v in enumerate(self._past)}
        save_checkpoint(path, KIND, arrays, {"config": self.config.to_json(), "outcomes": self.outcomes})

    @staticmethod
    def load(path: str | Path) -> "TRMRefinementModule":
        """The module that :meth:`save` wrote."""
        arrays, about = load_checkpoint(path, KIND)
        module = TRMRefinementModule(RefinementConfig(**about["config"]))
        module.load_state_dict({k[6:]: torch.tensor(v) for k, v in arrays.items() if k.startswith("model/")})
        unpack_optimiser(module._optimiser, {k[10:]: v for k, v in arrays.items() if k.startswith("optimiser/")})
        module._past = [torch.tensor(arrays[k]) for k in sorted(arrays) if k.startswith("past/")]
        module.outcomes = about["outcomes"]
        return module


def create_trm_module(**config: Any) -> TRMRefinementModule:
    """A module from :class:`RefinementConfig`'s fields by keyword."""
    return TRMRefinementModule(RefinementConfig(**config))
