"""EnergyGate: sets of experts sampled from an energy with gate scores as fields, pair couplings and a cardinality term.

    E(n | x) = -Σ_i g_i(x) n_i - Σ_{i<j} P_ij n_i n_j + A (Σ n_i - k)²,     n_i ∈ {0, 1}.

It is an Ising model on the complete graph (:mod:`~thermofab.models.hybrid.selection`). g is a linear map of x, P and
g are learnt, A and k are given. Sets are sampled on the device, a chain for every row of x, and trained by
:func:`expected_cost`. ``TopGate`` beside it is the plain counterpart: the soft-max of the scores over its k largest.
"""

from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from thermofab.hw.spec import Schedule, SpecError
from thermofab.models.hybrid.fields import DeviceFields, FieldLayout
from thermofab.models.hybrid.selection import selection_couplings, selection_fields
from thermofab.models.seeds import derived


def expert_layout(experts: int, *, bits: int = 7, largest: float = 6.0) -> FieldLayout:
    """What to compile for so many experts: the complete graph, with ``keep_zero=True``."""
    return FieldLayout(experts, tuple(combinations(range(experts), 2)), bits, largest / (2**bits - 1))


class EnergyGate(nn.Module):
    """The gate above.

    Args:
        inputs: features of x.
        device: a compiled :func:`expert_layout`.
        k: experts wanted.
        cardinality: A ≥ 0, in units of β⁻¹.
        schedule: warm-up and samples.
        seed: of sampling and weights.

    Raises:
        SpecError: k outside 1…K, or a negative A.
    """

    calls: Tensor
    edges: Tensor

    def __init__(
        self,
        inputs: int,
        device: DeviceFields,
        *,
        k: int = 2,
        cardinality: float = 2.0,
        schedule: Schedule | None = None,
        seed: int = 0,
    ):
        super().__init__()
        experts = device.layout.n
        if not 1 <= k <= experts or cardinality < 0:
            raise SpecError(f"an expert gate wants k in 1…{experts} and a cardinality term of at least 0.")
        self._device, self.k, self.cardinality, self.seed = device, k, cardinality, seed
        self.schedule = schedule or Schedule(16, 32)
        self.scores = nn.Linear(inputs, experts)
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.scores.weight, std=inputs**-0.5, generator=generator)
        nn.init.zeros_(self.scores.bias)
        self.pairs = nn.Parameter(torch.zeros(len(device.layout.edges)))
        self.register_buffer("edges", torch.tensor(device.layout.edges), persistent=False)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def ising(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Fields ``[B, K]`` and couplings ``[m]`` of the energy for rows x ``[B, F]``."""
        scores = self.scores(x)
        of_pairs = torch.zeros(scores.shape[1]).index_add(0, self.edges.flatten(), self.pairs.repeat_interleave(2))
        fields = selection_fields(scores, of_pairs, self.k, self.cardinality)
        return fields, selection_couplings(self.pairs, self.cardinality)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fields ``[B, K]``, couplings ``[m]``, and spins ±1 int8 ``[B, S, K]`` from the device."""
        fields, couplings = self.ising(x)
        largest = self._device.layout.largest
        if bool((fields.detach().abs() > largest).any()):
            fields = fields.clamp(-largest, largest)
        self.calls += 1
        spins = self._device.sample(
            fields.detach().numpy(),
            self.schedule,
            seed=derived(self.seed, int(self.calls)),
            weights=couplings.detach().double().numpy(),
        )
        return fields, couplings, torch.from_numpy(spins)

    @torch.no_grad()
    def most_frequent(self, x: Tensor) -> np.ndarray:
        """bool ``[B, K]``: the set of exactly k experts seen most often in each row's samples; where none was seen, the
        k of the largest marginals."""
        spins = self(x)[2].numpy() > 0
        codes = spins @ (1 << np.arange(spins.shape[2]))
        wanted = spins.sum(axis=2) == self.k
        chosen = np.zeros((len(spins), spins.shape[2]), dtype=bool)
        for row in range(len(spins)):
            if wanted[row].any():
                values, counts = np.unique(codes[row, wanted[row]], return_counts=True)
                chosen[row] = values[counts.argmax()] >> np.arange(spins.shape[2]) & 1
            else:
                chosen[row, spins[row].mean(axis=0).argsort()[-self.k :]] = True
        return chosen


class TopGate(nn.Module):
    """Soft-max over the k largest of linear scores: weights ``[B, K]``, 0 for the others; the usual sparse gate."""

    def __init__(self, inputs: int, experts: int, *, k: int = 2, seed: int = 0):
        super().__init__()
        if not 1 <= k <= experts:
            raise SpecError(f"an expert gate wants k in 1…{experts}, got {k}.")
        self.k, self.scores = k, nn.Linear(inputs, experts)
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.scores.weight, std=inputs**-0.5, generator=generator)
        nn.init.zeros_(self.scores.bias)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(x)
        top = scores.topk(self.k, dim=1)
        return torch.zeros_like(scores).scatter(1, top.indices, torch.softmax(top.values, dim=1))
