"""ReasoningTRM: a SequenceTRM whose answer logits are the fields of an Ising program, sampled on a device each step.

Spin (p, v) says that token v stands at position p. With logits ℓ = W y after the cycles without gradient,

    h_pv = a·(ℓ_pv - mean_v ℓ_pv) + b,   fields of clues' own tokens at ± the largest,
    P(s) ∝ exp(Σ h s + Σ_g J_g Σ_{(i,j) in group g} s_i s_j),

where the couplings J_g of the groups (such as: same position; same token in a row) are learnt. The means E[s] go into
the last cycle through a linear map that starts at zero: x ← x + F E[s]. a, b, J, F and W are trained with the rest,
through :func:`sampled_means` (``"score"`` or ``"straight-through"``). With ``enabled=False`` it is the plain model.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from thermofab.hw.spec import Schedule, SpecError
from thermofab.models.hybrid.estimators import ESTIMATORS, sampled_means
from thermofab.models.hybrid.fields import DeviceFields, FieldLayout
from thermofab.models.seeds import derived
from thermofab.models.trm.sequence import Carry, RecursiveModel, SequenceTRM, Step


@dataclass(frozen=True)
class Relations:
    """Groups of pairs of spins that share a coupling: ``layout`` has the pairs, ``groups`` int ``[m]`` the group of
    each, ``names`` what they are."""

    layout: FieldLayout
    groups: tuple[int, ...]
    names: tuple[str, ...]


def exclusion_relations(units: np.ndarray, positions: int, tokens: int, *, bits: int = 6) -> Relations:
    """Two groups: tokens at one position, and one token at two positions that share a unit.

    Args:
        units: int ``[U, k]``: positions of every unit (a Sudoku's rows, columns and boxes).
        positions, tokens: spin (p, v) is number p·tokens + v.
        bits: of the converters; the largest field is 4.
    """
    pairs: dict[tuple[int, int], int] = {}
    for p in range(positions):
        for v in range(tokens):
            for w in range(v + 1, tokens):
                pairs[p * tokens + v, p * tokens + w] = 0
    for unit in np.asarray(units).tolist():
        for p in unit:
            for other in unit:
                if p < other:
                    for v in range(tokens):
                        pairs[p * tokens + v, other * tokens + v] = 1
    edges = tuple(sorted(pairs))
    layout = FieldLayout(positions * tokens, edges, bits, 4.0 / (2**bits - 1))
    return Relations(layout, tuple(pairs[e] for e in edges), ("same position", "same token in a unit"))


class ReasoningTRM(RecursiveModel):
    """The model above; its ``forward`` and ``start`` are those of :class:`SequenceTRM`, so that the same trainer and
    :func:`~thermofab.models.trm.answer` take it.

    Args:
        base: the recursive model; shared, not copied.
        relations: spins and groups.
        device: the compiled program of ``relations.layout``.
        schedule: warm-up and samples of each call.
        estimator: ``"score"`` or ``"straight-through"``.
        enabled: without it the device is not asked and nothing is fed back.
        seed: of the sampling; call number k of a model uses derived(seed, k), and k is saved with the weights.
    """

    calls: Tensor
    edges: Tensor
    groups: Tensor

    def __init__(
        self,
        base: SequenceTRM,
        relations: Relations,
        device: DeviceFields,
        *,
        schedule: Schedule | None = None,
        estimator: str = "score",
        enabled: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        self.config = config = base.config
        if relations.layout.n != config.length * config.vocabulary_out:
            raise SpecError(
                f"the layout has {relations.layout.n} spins, but {config.length} positions of "
                f"{config.vocabulary_out} tokens need {config.length * config.vocabulary_out}."
            )
        if estimator not in ESTIMATORS:
            raise SpecError(f"estimator is one of {ESTIMATORS}, got {estimator!r}.")
        self.base, self.enabled, self.estimator, self.seed = base, enabled, estimator, seed
        self.halt_threshold = base.halt_threshold
        self._device, self._largest = device, relations.layout.largest
        self.schedule = schedule or Schedule(8, 16)
        self.gain = nn.Parameter(torch.tensor(0.5))
        self.offset = nn.Parameter(torch.tensor(-0.5))
        self.couplings = nn.Parameter(torch.full((len(relations.names),), -0.1))
        self.feed = nn.Linear(config.vocabulary_out, config.width, bias=False)
        nn.init.zeros_(self.feed.weight)
        self.register_buffer("edges", torch.tensor(relations.layout.edges), persistent=False)
        self.register_buffer("groups", torch.tensor(relations.groups), persistent=False)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def __deepcopy__(self, memo: dict) -> "ReasoningTRM":
        """A copy of the weights that shares the device."""
        memo[id(self._device)] = self._device
        other = self.__class__.__new__(self.__class__)
        memo[id(self)] = other
        other.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return other

    def start(self, batch: int) -> Carry:
        """The base model's."""
        return self.base.start(batch)

    def sampled(self, tokens: Tensor, y: Tensor) -> Tensor:
        """E[s] float32 ``[B, L, V]`` of the program with the fields that y implies, by the device's samples."""
        batch, (length, vocabulary) = len(tokens), (self.config.length, self.config.vocabulary_out)
        logits = self.base.head(y)
        fields = self.gain * (logits - logits.mean(-1, keepdim=True)) + self.offset
        known = torch.nn.functional.one_hot((tokens - 1).clamp(min=0), vocabulary).to(fields.dtype)
        fields = torch.where((tokens > 0)[..., None], self._largest * (2 * known - 1), fields)
        fields = fields.clamp(-self._largest, self._largest).reshape(batch, -1)
        couplings = self.couplings[self.groups]
        self.calls += 1
        spins = self._device.sample(
            fields.detach().cpu().numpy(),
            self.schedule,
            seed=derived(self.seed, int(self.calls)),
            weights=couplings.detach().double().cpu().numpy(),
        )
        means = sampled_means(fields, couplings, self.edges, torch.from_numpy(spins).to(fields.device), self.estimator)
        return means.view(batch, length, vocabulary)

    def forward(self, tokens: Tensor, carry: Carry) -> Step:
        """One supervision step; as :meth:`SequenceTRM.forward`."""
        base = self.base
        if not self.enabled:
            return base(tokens, carry)
        x = base.embedded(tokens)
        with torch.no_grad():
            for _ in range(self.config.cycles - 1):
                carry = base.cycle(x, carry)
        y, z = base.cycle(x + self.feed(self.sampled(tokens, carry.y)), carry)
        return Step(Carry(y.detach(), z.detach()), base.head(y), base.halt_logit(y))
