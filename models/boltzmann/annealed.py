r"""Annealed importance sampling of ln Z (Neal 2001, arXiv:physics/9803008), on the host.

From independent spins to the machine along b(β) = (1-β) b⁰ + β b, J(β) = β J. A set of nodes without edges among them
is summed out, so that with s the rest

    ln f_β(s) = b(β)·s + β ½ sᵀJs + Σ_k ln 2cosh(b_k + β Σ_i J_ki s_i),

which for an RBM with its hidden nodes summed out is the form of Salakhutdinov & Murray (2008). A chain's weight is
w = Π f_{β_k}(s_k) / f_{β_{k-1}}(s_k), and ln Z = ln Z⁰ + ln E[w], Z⁰ the closed form of independent spins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError
from thermofab.models.boltzmann.machine import BoltzmannMachine, checked_data, log_2cosh


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Attributes:
        value: the estimate.
        error: one standard deviation; 0 where the value is exact. It comes from the spread of the chains, so it says
            nothing of modes that no chain has found.
        effective: (Σw)²/Σw², the chains that count; near 1 neither the value nor the error is to be believed.
    """

    value: float
    error: float
    effective: float


def log_partition(
    machine: BoltzmannMachine,
    *,
    chains: int = 500,
    steps: int | Sequence[float] = 1000,
    seed: int = 0,
    data: np.ndarray | None = None,
) -> Estimate:
    """ln Z of a machine.

    Args:
        machine: any Boltzmann machine; time is that of ``chains × steps`` dense products of its matrix.
        chains: independent chains, at least 2.
        steps: temperatures, evenly spaced; or the β themselves, ascending from 0 to 1.
        seed: of the chains.
        data: bool ``[N, v]``, whose means the independent spins start from; by default the machine's biases.
    """
    betas = np.linspace(0.0, 1.0, steps + 1) if isinstance(steps, int) else np.asarray(steps, dtype=np.float64)
    if chains < 2:
        raise SpecError(f"annealed importance sampling needs at least 2 chains for an error, got {chains}.")
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or np.any(np.diff(betas) <= 0):
        raise SpecError("steps must be at least 1, or β values that rise from 0 to 1.")
    path = _Path.of(machine, data)
    rng = np.random.default_rng(seed)
    s = _spins(np.broadcast_to(path.start, (chains, len(path.rest))), rng)
    log_w = np.zeros(chains)
    for before, beta in zip(betas[:-1], betas[1:]):
        log_w += path.log_f(s, beta) - path.log_f(s, before)
        if beta < 1:
            path.sweep(s, beta, rng)
    top = log_w.max()
    w = np.exp(log_w - top)
    spread = float(np.std(w, ddof=1) / (np.sqrt(chains) * w.mean()))
    return Estimate(float(path.log_z0 + top + np.log(w.mean())), spread, float(w.sum() ** 2 / np.sum(w**2)))


@dataclass(frozen=True, eq=False)
class _Path:
    """The annealing path: ``summed`` nodes are independent given the ``rest``; ``start`` are b⁰ of the rest."""

    rest: np.ndarray
    start: np.ndarray
    end: np.ndarray
    inside: np.ndarray
    across: np.ndarray
    summed: np.ndarray
    classes: tuple[np.ndarray, ...]

    @staticmethod
    def of(machine: BoltzmannMachine, data: np.ndarray | None) -> "_Path":
        c = machine.connections
        b, matrix = np.asarray(machine.biases, dtype=np.float64), machine.matrix()
        start = b.copy()
        if data is not None:
            seen = checked_data(c, data)
            start[c.visible] = np.arctanh((2 * seen.sum(axis=0) - len(seen)) / (len(seen) + 1.0))
        largest = np.argmax(np.bincount(c.colours))
        out = c.hidden if len(c.hidden) and c.hidden_apart else np.flatnonzero(c.colours == largest)
        rest = np.setdiff1d(np.arange(c.n_nodes), out)
        if not len(rest):
            rest, out = out, rest
        colours = c.colours[rest]
        return _Path(
            rest,
            start[rest],
            b[rest],
            matrix[np.ix_(rest, rest)],
            matrix[np.ix_(rest, out)],
            b[out],
            tuple(np.flatnonzero(colours == k) for k in np.unique(colours)),
        )

    @property
    def log_z0(self) -> float:
        return float(log_2cosh(self.start).sum() + log_2cosh(self.summed).sum())

    def log_f(self, s: np.ndarray, beta: float) -> np.ndarray:
        fields = (1 - beta) * self.start + beta * self.end
        inner = 0.5 * beta * np.einsum("ci,ci->c", s @ self.inside, s)
        return s @ fields + inner + log_2cosh(self.summed + beta * (s @ self.across)).sum(axis=1)

    def sweep(self, s: np.ndarray, beta: float, rng: np.random.Generator) -> None:
        """One Gibbs sweep in place that leaves f_β invariant: the summed nodes are drawn, then the rest by colour."""
        drawn = _spins(self.summed + beta * (s @ self.across), rng)
        fields = (1 - beta) * self.start + beta * (self.end + drawn @ self.across.T)
        for of_colour in self.classes:
            seen = fields[:, of_colour] + beta * (s @ self.inside[:, of_colour])
            s[:, of_colour] = _spins(seen, rng)


def _spins(fields: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """±1 with means tanh of the fields."""
    return np.where(2 * rng.random(fields.shape) - 1 < np.tanh(fields), 1.0, -1.0)
