"""TRMRefinementModule: state z (112) and answer y (64) refined by inner and outer steps, with attention over the past.

With x the initial state (normalised), c = softmax(q·Kᵀ/√D) V attention of z over remembered decisions, g a learned
scalar that starts small, and norm the LayerNorm,

    inner step   z ← norm(z + R(x, z, g·c, y)),   halting probability σ(w·z + v·y + b);
    outer step   y ← y + S(y, z, x) + L x.

Refinement stops once the halting probability exceeds the threshold, but never before y was updated from the z at hand.
LayerNorm bounds the states without clipping them, so they cannot saturate; y is left free, since log-odds must be able
to grow apart. Nothing depends on the clock; the same seed, state and past give the same trace.
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


class _Step(NamedTuple):
    """One inner step of B rows: halting logits ``[B]``, answers, attention ``[B, remembered]``, change of z ``[B]``."""

    logit: Tensor
    answer: Tensor
    attention: Tensor
    change: Tensor


class _Outcome(NamedTuple):
    """An outcome to learn from again."""

    state: Tensor
    answer: Tensor
    choice: int
    quality: float
    weight: float

    def packed(self) -> np.ndarray:
        return np.concatenate([self.state, self.answer, [self.choice, self.quality, self.weight]]).astype(np.float64)


class TRMRefinementModule(nn.Module):
    """The module above."""

    def __init__(self, config: RefinementConfig | None = None):
        super().__init__()
        self.config = config = config or RefinementConfig()
        z, y, hidden = config.latent_dim, config.answer_dim, config.hidden_dim
        self.reason = nn.Sequential(nn.Linear(3 * z + y, hidden), nn.GELU(), nn.Linear(hidden, z))
        self.solve = nn.Sequential(nn.Linear(2 * z + y, hidden), nn.GELU(), nn.Linear(hidden, y))
        self.linear, self.norm_state = nn.Linear(z, y, bias=False), nn.LayerNorm(z)
        self.context = nn.Parameter(torch.tensor(0.1))
        self.query, self.key, self.value = (nn.Linear(z, z, bias=False) for _ in range(3))
        self.halt = nn.Linear(z + y, 1)
        generator = torch.Generator().manual_seed(config.random_seed)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self._past: list[Tensor] = []
        self._replay: list[_Outcome] = []
        self._optimiser = torch.optim.Adam(self.parameters(), lr=config.learning_rate)
        self.outcomes = 0

    def refine(self, initial_state: Any, initial_answer: Any = None, *, remember: bool = False) -> Refined:
        """Refine one state.

        Args:
            initial_state: finite, ``[latent_dim]``.
            initial_answer: finite, ``[answer_dim]``; zeros by default.
            remember: keep the final state as context for later calls; without it the same call gives the same again.

        Raises:
            SpecError: an argument of another shape, or not finite.
        """
        x = self._vector("initial_state", initial_state, self.config.latent_dim)
        y = self._answer(initial_answer)
        with torch.no_grad():
            z, y, seen = self._run(x[None], y[None], stop=True)
        steps = tuple(
            RefinementStep(
                number,
                (number - 1) // self.config.max_inner_steps,
                float(torch.softmax(step.answer[0], dim=0).max()),
                float(torch.sigmoid(step.logit[0])),
                step.attention[0].numpy(),
                float(step.change[0]),
            )
            for number, step in enumerate(seen, 1)
        )
        if remember:
            self._past = [*self._past, z[0]][-self.config.memory :]
        return Refined(z[0].numpy(), y[0].numpy(), steps)

    def learn_from_outcome(
        self, initial_state: Any, choice: int, quality: float, initial_answer: Any = None, *, propensity: float = 1.0
    ) -> dict[str, float]:
        """Learn from how a decision turned out, together with earlier outcomes.

        The answer's component of a choice is the log-odds of its quality: the loss is the cross-entropy of quality and
        σ(y[choice]), after every step, with weight min(importance_clip, 1/propensity). So a soft-max or the largest
        component of the answer is a policy, and what was learnt does not depend on which policy chose. The halting head
        is taught at each inner step, apart from the rest of the net, the probability that stopping there is right: the
        quality where that step's answer already chose ``choice``; 0, as far as ``choice`` was good, where it chose
        another, whose quality was not seen; plus ``step_penalty`` per step for going on. ``replay_steps`` gradient
        steps are made, each on this outcome and on ``replay_batch`` - 1 others of the last ``replay``, drawn by a
        generator of seed and outcome number.

        Args:
            initial_state: of the decision.
            choice: component of the answer that was acted on.
            quality: 0 (bad) … 1 (good).
            initial_answer: of the decision.
            propensity: probability with which the choice was made.

        Returns:
            the two losses, and the norm of the gradient before clipping, of the last gradient step.

        Raises:
            SpecError: a choice, quality or propensity outside its range.
        """
        config = self.config
        if not 0 <= choice < config.answer_dim:
            raise SpecError(f"choice must be a component 0…{config.answer_dim - 1} of the answer, got {choice}.")
        if not 0 <= quality <= 1:
            raise SpecError(f"quality must be in [0, 1], got {quality}.")
        if not 0 < propensity <= 1:
            raise SpecError(f"propensity must be in (0, 1], got {propensity}.")
        x = self._vector("initial_state", initial_state, config.latent_dim)
        weight = min(config.importance_clip, 1 / propensity)
        new = _Outcome(x, self._answer(initial_answer), choice, float(quality), weight)
        self._replay = [*self._replay, new][-config.replay :]
        generator = torch.Generator().manual_seed((config.random_seed << 32) + self.outcomes)
        report: dict[str, float] = {}
        for _ in range(config.replay_steps):
            drawn = torch.randperm(len(self._replay), generator=generator)[: config.replay_batch - 1].tolist()
            report = self._descend([new, *(self._replay[k] for k in drawn)])
        self.outcomes += 1
        return report

    def _descend(self, outcomes: "list[_Outcome]") -> dict[str, float]:
        """One gradient step on some outcomes."""
        config = self.config
        choices = torch.tensor([outcome.choice for outcome in outcomes])
        quality = torch.tensor([outcome.quality for outcome in outcomes])
        weights = torch.tensor([outcome.weight for outcome in outcomes])
        weights = weights / weights.sum()
        states, answers = (torch.stack(part) for part in ([o.state for o in outcomes], [o.answer for o in outcomes]))
        _, _, seen = self._run(states, answers, stop=False)
        at, logits = torch.stack([step.answer for step in seen]), torch.stack([step.logit for step in seen])
        chosen = at.gather(2, choices.expand(len(seen), -1)[:, :, None])[:, :, 0]
        loss = F.binary_cross_entropy_with_logits(chosen, quality.expand_as(chosen), reduction="none")
        policy = (loss.mean(dim=0) * weights).sum()
        same = at.argmax(dim=2) == choices
        right, known = torch.where(same, quality, 0.0), torch.where(same, 1.0, quality)
        going_on = (torch.sigmoid(-logits).sum(dim=0) * weights).sum()
        stopping = F.binary_cross_entropy_with_logits(logits, right, weight=known, reduction="none")
        halting = (stopping.mean(dim=0) * weights).sum() + config.step_penalty * going_on
        self._optimiser.zero_grad()
        (policy + halting).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), config.gradient_clip)
        self._optimiser.step()
        return {"policy": float(policy.detach()), "halting": float(halting.detach()), "gradient": float(norm)}

    def forget(self) -> None:
        """Empty the memory of past decisions; weights and outcomes to learn from stay."""
        self._past = []

    def _run(self, x: Tensor, y: Tensor, stop: bool) -> "tuple[Tensor, Tensor, list[_Step]]":
        """Rows ``[B, latent_dim]`` and ``[B, answer_dim]``; stopping looks at the first row."""
        config = self.config
        x = F.layer_norm(x, x.shape[1:])
        z, straight, seen = x, self.linear(x), []
        for _ in range(config.max_outer_steps):
            candidate, halted = y, False
            for _ in range(config.max_inner_steps):
                context, attention = self._attend(z)
                new = self.norm_state(z + self.reason(torch.cat([x, z, self.context * context, y], dim=1)))
                change, z = (new - z).norm(dim=1) / z.shape[1] ** 0.5, new
                candidate = y + self.solve(torch.cat([y, z, x], dim=1)) + straight
                # Halting is judged, not served: its loss must not bend what the states say.
                logit = self.halt(torch.cat([z, candidate], dim=1).detach())[:, 0]
                seen.append(_Step(logit, candidate, attention.detach(), change.detach()))
                halted = stop and float(torch.sigmoid(logit[0].detach())) > config.halt_threshold
                if halted:
                    break
            y = candidate
            if halted:
                break
        return z, y, seen

    def _attend(self, z: Tensor) -> tuple[Tensor, Tensor]:
        if not self._past:
            return torch.zeros_like(z), torch.zeros(len(z), 0)
        past = torch.stack(self._past)
        attention = torch.softmax(self.query(z) @ self.key(past).T / z.shape[1] ** 0.5, dim=1)
        return attention @ self.value(past), attention

    def _vector(self, name: str, value: Any, size: int) -> Tensor:
        array = np.asarray(value, dtype=np.float32)
        if array.shape != (size,) or not np.isfinite(array).all():
            raise SpecError(f"{name} must be {size} finite numbers, got shape {list(array.shape)}.")
        return torch.tensor(array)

    def _unpacked(self, row: np.ndarray) -> _Outcome:
        z, y = self.config.latent_dim, self.config.answer_dim
        state, answer = torch.tensor(row[:z], dtype=torch.float32), torch.tensor(row[z : z + y], dtype=torch.float32)
        return _Outcome(state, answer, int(row[-3]), float(row[-2]), float(row[-1]))

    def _answer(self, value: Any) -> Tensor:
        size = self.config.answer_dim
        return torch.zeros(size) if value is None else self._vector("initial_answer", value, size)

    def save(self, path: str | Path) -> None:
        """Weights, optimiser, memory and replay: :meth:`load` goes on exactly."""
        arrays = {f"model/{k}": v.numpy() for k, v in self.state_dict().items()}
        arrays |= {f"optimiser/{k}": v for k, v in pack_optimiser(self._optimiser).items()}
        arrays |= {f"past/{k:06d}": v.numpy() for k, v in enumerate(self._past)}
        arrays |= {f"replay/{k:06d}": outcome.packed() for k, outcome in enumerate(self._replay)}
        save_checkpoint(path, KIND, arrays, {"config": self.config.to_json(), "outcomes": self.outcomes})

    @staticmethod
    def load(path: str | Path) -> "TRMRefinementModule":
        """The module that :meth:`save` wrote."""
        arrays, about = load_checkpoint(path, KIND)
        module = TRMRefinementModule(RefinementConfig(**about["config"]))
        module.load_state_dict({k[6:]: torch.tensor(v) for k, v in arrays.items() if k.startswith("model/")})
        unpack_optimiser(module._optimiser, {k[10:]: v for k, v in arrays.items() if k.startswith("optimiser/")})
        module._past = [torch.tensor(arrays[k]) for k in sorted(arrays) if k.startswith("past/")]
        module._replay = [module._unpacked(arrays[k]) for k in sorted(arrays) if k.startswith("replay/")]
        module.outcomes = about["outcomes"]
        return module


def create_trm_module(**config: Any) -> TRMRefinementModule:
    """A module from :class:`RefinementConfig`'s fields by keyword."""
    return TRMRefinementModule(RefinementConfig(**config))
