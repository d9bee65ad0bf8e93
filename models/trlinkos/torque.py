"""Torque clustering, and the router of experts made from it (Yang & Lin, TPAMI 2025, doi:10.1109/TPAMI.2025.3535743).

Clusters are bodies of a mass, their number of points. Each joins its nearest cluster of no less mass; the join's torque
is mass · mass' · distance². Joining goes on, level by level, until one cluster is left; then the joins of the k - 1
largest torques are undone. Distances are between centroids.

The router keeps a centroid and a mass per expert and gives row x the weights softmax(-κ ln τ_i), τ_i = m_i |x - c_i|²:
low torque means that x is readily joined. Masses follow the share of rows an expert gets, so heavy experts are less
readily joined, which balances load.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from thermofab.hw.spec import SpecError


def torque_clusters(points: np.ndarray, clusters: int) -> np.ndarray:
    """Cluster of every point, int64 ``[N]`` with values 0…clusters-1, the heaviest first.

    Args:
        points: finite float ``[N, D]``; the cost is O(N²) a level.
        clusters: 1…N.

    Raises:
        SpecError: points that are not finite or not so many.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or not np.isfinite(points).all() or not 1 <= clusters <= len(points):
        raise SpecError(f"torque clustering needs finite points [N, D] and 1 ≤ clusters ≤ N, got {clusters} clusters.")
    joins: list[tuple[float, int, int]] = []
    label = np.arange(len(points))
    while label.max() > 0:
        groups = int(label.max()) + 1
        mass = np.bincount(label, minlength=groups)
        centre = np.stack([np.bincount(label, column, groups) for column in points.T], axis=1) / mass[:, None]
        apart = ((centre[:, None] - centre[None]) ** 2).sum(-1)
        np.fill_diagonal(apart, np.inf)
        # of equal masses the one of smaller index counts as heavier, so that joins cannot go round in a circle
        heavier = (mass[None] > mass[:, None]) | (
            (mass[None] == mass[:, None]) & (np.arange(groups)[None] < np.arange(groups)[:, None])
        )
        apart = np.where(heavier, apart, np.inf)
        to = apart.argmin(axis=1)
        member = {int(g): int(np.argmax(label == g)) for g in range(groups)}
        parent = np.arange(groups)
        for g in range(groups):
            if np.isfinite(apart[g, to[g]]):
                joins.append((float(mass[g] * mass[to[g]] * apart[g, to[g]]), member[g], member[int(to[g])]))
                parent[g] = to[g]
        for _ in range(groups.bit_length() + 1):
            parent = parent[parent]
        label = np.unique(parent, return_inverse=True)[1][label]
    kept = sorted(joins)[: len(points) - clusters]
    root = list(range(len(points)))

    def find(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    for _, a, b in kept:
        root[find(a)] = find(b)
    _, found, sizes = np.unique([find(k) for k in range(len(points))], return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[found]


class TorqueRouter(nn.Module):
    """Weights ``[B, K]`` of K experts for rows ``[B, D]``; rows sum to 1.

    Centroids and the sharpness κ are trained; masses are a running share of rows, starting even. Call :meth:`fit` with
    data before training: centroids at random give almost even weights in high dimension.
    """

    centroids: nn.Parameter
    mass: Tensor

    def __init__(self, inputs: int, experts: int, *, generator: torch.Generator, momentum: float = 0.99):
        super().__init__()
        self.centroids = nn.Parameter(torch.randn(experts, inputs, generator=generator))
        self.raw_sharpness = nn.Parameter(torch.tensor(2.0))
        self.momentum = momentum
        self.register_buffer("mass", torch.full((experts,), 1.0 / experts))

    @torch.no_grad()
    def fit(self, rows: Tensor) -> None:
        """Centroids and masses of the torque clusters of rows ``[N, D]`` (the first 500)."""
        experts = len(self.centroids)
        label = torch.as_tensor(torque_clusters(rows[:500].numpy(), experts))
        for k in range(experts):
            self.centroids[k] = rows[:500][label == k].mean(dim=0)
        self.mass.copy_(torch.bincount(label, minlength=experts) / len(label))

    def torque(self, rows: Tensor) -> Tensor:
        """τ ``[B, K]``."""
        return (self.mass + 1e-3) * ((rows[:, None] - self.centroids) ** 2).sum(-1).clamp(min=1e-6)

    def forward(self, rows: Tensor) -> Tensor:
        weights = torch.softmax(-F.softplus(self.raw_sharpness) * torch.log(self.torque(rows)), dim=-1)
        if self.training:
            with torch.no_grad():
                self.mass.lerp_(weights.mean(dim=0), 1 - self.momentum)
        return weights
