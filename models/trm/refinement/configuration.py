"""RefinementConfig: sizes and limits of the refinement module."""

from dataclasses import asdict, dataclass
from typing import Any

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class RefinementConfig:
    """Configuration.

    Attributes:
        latent_dim, answer_dim: widths of the state z and of the answer y.
        max_inner_steps: updates of z an outer step, at most.
        max_outer_steps: updates of y, at most.
        halt_threshold: halting probability above which refinement stops.
        hidden_dim: of the perceptrons.
        memory: decisions kept as context for attention.
        step_penalty: what a step costs in the halting loss, in nats: higher, fewer steps.
        learning_rate: of learning from feedback.
        replay: outcomes kept to learn from again.
        replay_batch: outcomes a gradient step, the newest among them.
        replay_steps: gradient steps per outcome.
        importance_clip: largest weight 1/propensity of an outcome.
        gradient_clip: largest norm of a gradient.
        random_seed: of the weights.

    Raises:
        SpecError: a number outside its range.
    """

    latent_dim: int = 112
    answer_dim: int = 64
    max_inner_steps: int = 5
    max_outer_steps: int = 3
    halt_threshold: float = 0.8
    hidden_dim: int = 128
    memory: int = 64
    step_penalty: float = 0.02
    learning_rate: float = 1e-3
    replay: int = 512
    replay_batch: int = 32
    replay_steps: int = 2
    importance_clip: float = 10.0
    gradient_clip: float = 1.0
    random_seed: int = 42

    def __post_init__(self) -> None:
        sizes = ("latent_dim", "answer_dim", "max_inner_steps", "max_outer_steps", "hidden_dim", "memory")
        for name in (*sizes, "replay", "replay_batch", "replay_steps", "importance_clip"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not 0 < self.halt_threshold < 1:
            raise SpecError(f"halt_threshold must be in (0, 1), got {self.halt_threshold}.")
        if self.learning_rate <= 0 or self.gradient_clip <= 0 or self.step_penalty < 0:
            raise SpecError("learning_rate and gradient_clip must be positive and step_penalty at least 0.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
