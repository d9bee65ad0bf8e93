"""RestrictedBoltzmannMachine: visible and hidden layers, joined only to each other."""

import torch
from torch import Tensor

from thermofab.apps.pytorch.machine import GraphRestrictedBoltzmannMachine, Weights
from thermofab.hw.spec import SpecError


class RestrictedBoltzmannMachine(GraphRestrictedBoltzmannMachine):
    r"""E(v, t) = Σ a_i v_i + Σ c_j t_j + Σ W_ij v_i t_j with spins ±1, P ∝ exp(-E).

    Nodes 0…v-1 are visible, v…v+h-1 hidden; the edges are all pairs of a visible and a hidden node, visible first.

    Args:
        n_visible, n_hidden: sizes of the layers, at least 1.
        linear: a, then c; by default zeros, but for what ``data`` says.
        quadratic: W by rows, ``[v·h]``; by default drawn from N(0, 0.02²).
        data: ``[N, v]``, whose means a starts from, in place of ``linear``. From zeros the hidden nodes learn the
            means first, and are of little use afterwards.

    Raises:
        SpecError: sizes, weights or data that do not fit.
    """

    def __init__(
        self,
        n_visible: int,
        n_hidden: int,
        *,
        linear: Weights | None = None,
        quadratic: Weights | None = None,
        data: Tensor | None = None,
    ) -> None:
        if n_visible < 1 or n_hidden < 1:
            raise SpecError(f"both layers need at least one node, got {n_visible} and {n_hidden}.")
        if linear is not None and data is not None:
            raise SpecError("linear and data both say what the visible biases start from; give one.")
        n = n_visible + n_hidden
        edges = [(i, j) for i in range(n_visible) for j in range(n_visible, n)]
        super().__init__(
            range(n),
            edges,
            hidden_nodes=range(n_visible, n),
            linear=torch.zeros(n) if linear is None else linear,
            quadratic=0.02 * torch.randn(n_visible * n_hidden) if quadratic is None else quadratic,
        )

        if data is not None:
            rows = self._data("data", data)
            with torch.no_grad():
                # Half a count on each side, so that a spin that never turns has a finite field.
                self.linear[:n_visible] = -torch.atanh(rows.to(self.linear).sum(0) / (len(rows) + 1))

    @property
    def matrix(self) -> Tensor:
        """W ``[v, h]``, a view of ``quadratic``."""
        return self.quadratic.view(self.n_visible, -1)

    def fields(self, x: Tensor) -> Tensor:
        """As for any graph, by two matrix products."""
        spins = x.to(self.linear)
        visible, hidden = spins[:, : self.n_visible], spins[:, self.n_visible :]
        return self.linear + torch.cat([hidden @ self.matrix.T, visible @ self.matrix], dim=1)
