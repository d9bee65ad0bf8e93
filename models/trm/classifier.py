"""TinyRecursiveModel: a classifier that reasons by recursion, by default from 10 features to 8 classes.

With h = norm(P features) the projected input and y, z ∈ R^D starting at 0,

    reasoning_update  z ← z + norm(R(h, y, z))          n times a cycle,
    solution_update   y ← y + norm(S(y, z))             once a cycle,

for T cycles, of which only the last carries gradient (``gradient_cycles``). R and S are two-layer GELU perceptrons with
dropout. So 2 layers act T(n + 1)·2 times: 42 for T = 3, n = 6. Strategy logits are a linear read-out of y, the halting
logit a perceptron of y. Features float32 ``[B, F]``, logits ``[B, K]``, halting logits ``[B]``, y and z ``[B, D]``.

With ``mask_inputs`` features may be absent: inputs are ``[B, 2F]``, the features followed by 1 where one is absent and
0 where it is there, and h = norm(P features + Σ_{absent k} e_k) with fixed random vectors e_k. Training on rows with
absent features teaches the two perceptrons what an e_k means; the model has as many parameters with a mask as without.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

import torch
from torch import Tensor, nn

from thermofab.hw.spec import SpecError
from thermofab.models.trm.pretrained import read_pretrained, write_pretrained

MODEL_TYPE = "thermofab-tiny-recursive-classifier"


@dataclass(frozen=True)
class TRMModelConfig:
    """Shape of a :class:`TinyRecursiveModel`.

    Attributes:
        input_dim, hidden_dim, output_dim: features F, state width D, classes K.
        num_latent_steps: n.
        num_recursion_cycles: T.
        dropout: after each perceptron, in training.
        seed: of the weights.
        mask_inputs: whether F further inputs say which features are absent.

    Raises:
        SpecError: a number below 1 (``output_dim`` below 2), an odd ``hidden_dim``, or a dropout outside [0, 1).
    """

    input_dim: int = 10
    hidden_dim: int = 512
    output_dim: int = 8
    num_latent_steps: int = 6
    num_recursion_cycles: int = 3
    dropout: float = 0.1
    seed: int = 0
    mask_inputs: bool = False

    def __post_init__(self) -> None:
        least = {"input_dim": 1, "hidden_dim": 2, "output_dim": 2, "num_latent_steps": 1, "num_recursion_cycles": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise SpecError(f"{name} must be at least {low}, got {getattr(self, name)}.")
        if self.hidden_dim % 2:
            raise SpecError(f"hidden_dim must be even, for the halting head has half of it; got {self.hidden_dim}.")
        if not 0 <= self.dropout < 1:
            raise SpecError(f"dropout must be in [0, 1), got {self.dropout}.")

    @property
    def effective_depth(self) -> int:
        """T(n + 1)·2 layers."""
        return self.num_recursion_cycles * (self.num_latent_steps + 1) * 2

    @property
    def columns(self) -> int:
        """Of the input: F, or 2F with a mask."""
        return self.input_dim * (2 if self.mask_inputs else 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


TRMConfig = TRMModelConfig


class Shape(TypedDict, total=False):
    """Fields of :class:`TRMModelConfig` that a constructor call may name."""

    input_dim: int
    hidden_dim: int
    output_dim: int
    num_latent_steps: int
    num_recursion_cycles: int
    dropout: float
    seed: int
    mask_inputs: bool


class TRMOutput(NamedTuple):
    """Logits, halting logits, y, z, and the logits after every one of the T cycles (those without gradient too)."""

    logits: Tensor
    halt_logits: Tensor
    y: Tensor
    z: Tensor
    cycle_logits: tuple[Tensor, ...]


class Prediction(NamedTuple):
    """Of every row: the class, the soft-max probability of that class, the probability that the halting head gives to
    being right, and the supervision steps taken. The two probabilities are different things and are never mixed."""

    strategy: Tensor
    confidence: Tensor
    halt_probability: Tensor
    steps: Tensor


class TinyRecursiveModel(nn.Module):
    """The model above; 1,981,449 parameters with the default configuration.

    Args:
        config: its shape; the default one if left out.
        shape: fields of the configuration by name, as in ``TinyRecursiveModel(input_dim=10, hidden_dim=512)``.
    """

    absent: Tensor

    def __init__(self, config: TRMModelConfig | None = None, **shape: Unpack[Shape]):
        super().__init__()
        self.config = config = replace(config or TRMModelConfig(), **shape)
        width = config.hidden_dim
        self.input_proj = nn.Linear(config.input_dim, width)
        self.reasoning = _perceptron(3 * width, width, config.dropout)
        self.solution = _perceptron(2 * width, width, config.dropout)
        self.output_head = nn.Linear(width, config.output_dim)
        self.halt_head = nn.Sequential(nn.Linear(width, width // 2), nn.GELU(), nn.Linear(width // 2, 1))
        self.norm_input, self.norm_reasoning, self.norm_solution = (nn.LayerNorm(width) for _ in range(3))
        generator = torch.Generator().manual_seed(config.seed)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)
        if config.mask_inputs:
            self.register_buffer("absent", torch.randn(config.input_dim, width, generator=generator))

    def save_pretrained(self, folder: str | Path, *, notes: dict[str, Any] | None = None) -> Path:
        """Write ``config.json`` and ``model.safetensors`` into a folder, and return it. A normaliser is not part of the
        model; a trainer's checkpoint has it.

        Args:
            folder: made if it is not there.
            notes: anything JSON-ready that should be known of the weights.
        """
        return write_pretrained(folder, MODEL_TYPE, self.config.to_json(), self, notes=notes or {})

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: str | torch.device = "cpu") -> "TinyRecursiveModel":
        """The model that :meth:`save_pretrained` wrote, in evaluation mode.

        Raises:
            SpecError: there is no such model, or it is damaged, of another type, or not of its configuration.
        """
        stored = read_pretrained(folder, MODEL_TYPE)
        try:
            config = TRMModelConfig(**stored.about["config"])
        except TypeError as wrong:
            raise SpecError(f"this is not the configuration of a classifier: {wrong}.") from None
        model = cls(config)
        stored.into(model, device)
        return model

    def project(self, features: Tensor) -> Tensor:
        """h float32 ``[B, D]``.

        Raises:
            SpecError: features of another width, or not finite.
        """
        if features.ndim != 2 or features.shape[1] != self.config.columns:
            raise SpecError(f"features must have shape [rows, {self.config.columns}], got {list(features.shape)}.")
        if not bool(torch.isfinite(features).all()):
            raise SpecError("features hold NaN or infinite values; drop or impute those rows.")
        if not self.config.mask_inputs:
            return self.norm_input(self.input_proj(features))
        values, mask = features.split(self.config.input_dim, dim=1)
        return self.norm_input(self.input_proj(values) + mask @ self.absent)

    def reasoning_update(self, h: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """z ← z + norm(R(h, y, z))."""
        return z + self.norm_reasoning(self.reasoning(torch.cat([h, y, z], dim=-1)))

    def solution_update(self, y: Tensor, z: Tensor) -> Tensor:
        """y ← y + norm(S(y, z))."""
        return y + self.norm_solution(self.solution(torch.cat([y, z], dim=-1)))

    def latent_recursion(self, h: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """One cycle: n reasoning updates, then one solution update; returns (y, z)."""
        for _ in range(self.config.num_latent_steps):
            z = self.reasoning_update(h, y, z)
        return self.solution_update(y, z), z

    def compute_halt_logit(self, y: Tensor) -> Tensor:
        """Halting logits ``[B]``: what the halting loss takes."""
        return self.halt_head(y).squeeze(-1)

    def compute_halt_signal(self, y: Tensor) -> Tensor:
        """Probability ``[B]`` that the answer is right already."""
        return torch.sigmoid(self.compute_halt_logit(y))

    def forward(self, features: Tensor, state: tuple[Tensor, Tensor] | None = None) -> TRMOutput:
        """One supervision step: T cycles.

        Args:
            features: float32 ``[B, F]``, or ``[B, 2F]`` with a mask.
            state: (y, z) of the step before; zeros by default.
        """
        h = self.project(features)
        y, z = state if state is not None else (torch.zeros_like(h), torch.zeros_like(h))
        seen = []
        with torch.no_grad():
            for _ in range(self.config.num_recursion_cycles - 1):
                y, z = self.latent_recursion(h, y, z)
                seen.append(self.output_head(y))
        y, z = self.latent_recursion(h, y, z)
        logits = self.output_head(y)
        return TRMOutput(logits, self.compute_halt_logit(y), y, z, (*seen, logits))

    @torch.no_grad()
    def predict_strategy(self, features: Tensor, *, max_steps: int = 1, halt_threshold: float = 0.5) -> Prediction:
        """Predict by up to ``max_steps`` supervision steps; a row keeps its answer once its halting probability
        exceeds ``halt_threshold``. Dropout is off, whatever mode the module is in.

        Raises:
            SpecError: ``max_steps`` below 1, or a threshold outside (0, 1).
        """
        if max_steps < 1 or not 0 < halt_threshold < 1:
            raise SpecError(
                f"max_steps must be at least 1 and halt_threshold in (0, 1), got {max_steps} and {halt_threshold}."
            )
        last: Prediction | None = None
        with _evaluation(self):
            state = None
            for number in range(1, max_steps + 1):
                out = self.forward(features, state)
                state = out.y, out.z
                probabilities, strategies = torch.softmax(out.logits, dim=-1).max(dim=-1)
                here = Prediction(
                    strategies, probabilities, torch.sigmoid(out.halt_logits), torch.full_like(strategies, number)
                )
                if last is None:
                    last = here
                else:
                    going = last.halt_probability <= halt_threshold
                    last = Prediction(*(torch.where(going, new, old) for new, old in zip(here, last)))
                if bool((last.halt_probability > halt_threshold).all()):
                    break
        assert last is not None
        return last

    @torch.no_grad()
    def get_strategy_probabilities(self, features: Tensor) -> Tensor:
        """Soft-max probabilities ``[B, K]`` after one supervision step, without dropout."""
        with _evaluation(self):
            return torch.softmax(self.forward(features).logits, dim=-1)


class _evaluation:
    """Evaluation mode for a while."""

    def __init__(self, module: nn.Module):
        self._module, self._was = module, module.training

    def __enter__(self) -> None:
        self._module.eval()

    def __exit__(self, *_: object) -> None:
        self._module.train(self._was)


def _perceptron(width_in: int, width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width_in, width), nn.GELU(), nn.Linear(width, width), nn.Dropout(dropout))
