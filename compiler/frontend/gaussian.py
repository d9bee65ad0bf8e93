r"""GaussianSpinModel in: spins and continuous variables with a quadratic energy, the continuous ones integrated out.

    E(s, x) = E_spins(s) + ½ xᵀA x - cᵀx - xᵀB s,    P(s, x) ∝ exp(-β E(s, x)).

Completing the square, with m(s) = A⁻¹(c + B s),

    x given s is normal of mean m(s) and covariance (β A)⁻¹,
    s alone has the energy E_spins(s) - ½ (c + B s)ᵀ A⁻¹ (c + B s):

an Ising model whose biases are greater by Bᵀ A⁻¹ c and couplings by the entries of Bᵀ A⁻¹ B. Both are exact, so the
compiler gets the marginal, with the certificates that it has for any Ising model, and x is drawn afterwards.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from thermofab.compiler.ir.lowered import Lowered
from thermofab.hw.spec.digest import frozen_array
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.model import IsingModel, to_spins
from thermofab.hw.spec.reals import real_array

_ASYMMETRY = 1e-9  # of the precision's entries, relative to the largest, above which it is no rounding


@dataclass(frozen=True, eq=False)
class GaussianSpinModel:
    r"""P(s, x) ∝ exp(-β E),  E = E_spins(s) + ½ xᵀA x - cᵀx - xᵀB s,  s = ±1, x real.

    ``thermofab.compile(model, fabric)`` compiles the spins' exact marginal; :meth:`continuous` draws x given spins that
    the program sampled. Spin-dependent precisions and other potentials than quadratic ones are refused: integrating
    them out gives terms of all orders.

    Attributes:
        spins: the spins' own energy, and β.
        precision: A, float64 ``[p, p]``, symmetric and positive definite: one over variance where β is 1.
        coupling: B, float64 ``[p, n]``.
        linear: c, float64 ``[p]``; by default zeros.

    Raises:
        SpecError: shapes that do not fit, an entry that is not finite, or a precision that is not symmetric and
            positive definite.
    """

    spins: IsingModel
    precision: np.ndarray
    coupling: np.ndarray
    linear: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.spins, IsingModel):
            raise SpecError(f"spins must be an IsingModel, got a {type(self.spins).__name__}.")
        given = {"precision": self.precision, "coupling": self.coupling}
        for name, value in given.items():
            if callable(value):
                raise SpecError(
                    f"{name} is a function; only quadratic energies have a marginal of spins in pairs, so it must be a "
                    "constant matrix. Potentials that are not quadratic are not supported (docs/continuous.md)."
                )
        a = real_array("precision", self.precision)
        if a.ndim > 2:
            raise SpecError(
                f"precision must be one matrix (p, p), got shape {a.shape}; a precision for every state of the spins "
                "would give the marginal terms of all orders and is not supported (docs/continuous.md)."
            )
        p, n = len(a), self.spins.n_nodes
        b = real_array("coupling", self.coupling)
        c = np.zeros(p) if self.linear is None else real_array("linear", self.linear)
        for name, value, shape in (("precision", a, (p, p)), ("coupling", b, (p, n)), ("linear", c, (p,))):
            if value.shape != shape or p == 0:
                raise SpecError(
                    f"{name} must have shape {shape} for {p} continuous variables (at least one) and {n} spins; got "
                    f"{value.shape}."
                )
            if not np.all(np.isfinite(value)):
                where = tuple(np.argwhere(~np.isfinite(value))[0].tolist())
                raise SpecError(f"{name}{list(where)} is {value[where]}; every entry must be a finite number.")
        if np.abs(a - a.T).max() > _ASYMMETRY * np.abs(a).max():
            raise SpecError("precision must be symmetric; take (A + A.T) / 2, which has the same energy.")
        lowest = float(np.linalg.eigvalsh((a + a.T) / 2)[0])
        if lowest <= np.finfo(float).eps * p * np.abs(a).max():
            raise SpecError(
                f"precision must be positive definite, or x has no distribution; its lowest eigenvalue is {lowest:.3g}."
            )
        for name, value in (("precision", (a + a.T) / 2), ("coupling", b), ("linear", c)):
            object.__setattr__(self, name, frozen_array(value, np.float64))

    @property
    def n_continuous(self) -> int:
        return len(self.precision)

    @cached_property
    def created(self) -> int:
        """Couplings of the marginal between spins that the spins' own energy does not couple."""
        return len(self.marginal.edges) - len(self.spins.edges)

    @cached_property
    def marginal(self) -> IsingModel:
        """The distribution of the spins alone, exactly: P(s) = ∫ P(s, x) dx. Its offset has no ln det A."""
        own, n = self.spins, self.spins.n_nodes
        solved = cho_solve((self._factor, True), self.coupling)
        fill = self.coupling.T @ solved
        matrix = np.zeros((n, n))
        matrix[own.edges[:, 0], own.edges[:, 1]] = own.couplings
        edges = np.union1d(own.edges.astype(np.int64) @ [n, 1], self._joined @ [n, 1]) if n > 1 else np.zeros(0, int)
        i, j = np.divmod(edges, n)
        added = np.zeros(len(edges))
        both = np.isin(edges, self._joined @ [n, 1])
        added[both] = (fill[i, j] + fill[j, i])[both] / 2
        constant = float(self._shift @ cho_solve((self._factor, True), self._shift) + np.trace(fill)) / 2
        return IsingModel(
            own.nodes,
            own.biases + solved.T @ self._shift,
            np.stack([i, j], axis=1),
            matrix[i, j] + added,
            own.offset - constant,
            own.beta,
            own.vartype,
        )

    def means(self, spins: np.ndarray) -> np.ndarray:
        """E[x | s] = A⁻¹(c + B s) of states bool (or ±1) ``[..., n]``: float64 ``[..., p]``."""
        s = to_spins(np.asarray(spins)).astype(np.float64)
        if s.shape[-1:] != (self.spins.n_nodes,):
            raise SpecError(f"spins must have shape (..., {self.spins.n_nodes}), got {s.shape}.")
        fields = (self._shift + s @ self.coupling.T).reshape(-1, self.n_continuous)
        return cho_solve((self._factor, True), fields.T).T.reshape(*s.shape[:-1], self.n_continuous)

    @cached_property
    def covariance(self) -> np.ndarray:
        """(β A)⁻¹, float64 ``[p, p]``: of x given the spins, whatever they are."""
        return cho_solve((self._factor, True), np.eye(self.n_continuous)) / self.spins.beta

    def continuous(self, spins: np.ndarray, *, seed: int) -> np.ndarray:
        """One draw of x given every state, independent of each other: float64 ``[..., p]``.

        Args:
            spins: states of all nodes, bool (or ±1) ``[..., n]``, such as ``samples.node_states``.
            seed: of numpy's generator; the draws are the host's, not the fabric's.
        """
        mean = self.means(spins)
        noise = np.random.default_rng(seed).standard_normal((mean.size // self.n_continuous, self.n_continuous))
        # A = L Lᵀ, so that L⁻ᵀ z has the covariance A⁻¹.
        drawn = solve_triangular(self._factor.T, noise.T).T
        return mean + drawn.reshape(mean.shape) / np.sqrt(self.spins.beta)

    def energies(self, spins: np.ndarray, x: np.ndarray) -> np.ndarray:
        """E of states ``[..., n]`` and values ``[..., p]``: float64 ``[...]``."""
        s, x = to_spins(np.asarray(spins)).astype(np.float64), np.asarray(x, dtype=np.float64)
        quadratic = 0.5 * np.einsum("...i,ij,...j->...", x, self.precision, x)
        return (
            self.spins.energies(spins)
            + quadratic
            - x @ self._shift
            - np.einsum("...i,ij,...j->...", x, self.coupling, s)
        )

    @property
    def _shift(self) -> np.ndarray:
        """c, which is an array from the constructor on."""
        assert self.linear is not None
        return self.linear

    @cached_property
    def _factor(self) -> np.ndarray:
        return cholesky(self.precision, lower=True)

    @cached_property
    def _joined(self) -> np.ndarray:
        """int64 ``[k, 2]``, i < j: spins that continuous variables couple. Two are where both touch one connected part
        of A; the other entries of Bᵀ A⁻¹ B are 0, and only rounding would make couplings of them.
        """
        _, part = connected_components(csr_array(self.precision != 0), directed=False)
        touches = np.zeros((part.max() + 1, self.spins.n_nodes), dtype=np.int64)
        np.add.at(touches, part, self.coupling != 0)
        return np.argwhere(np.triu(touches.T @ touches, 1))


def lower(model: GaussianSpinModel) -> Lowered:
    """The marginal, all nodes free, in one block."""
    done = f"integrated out {model.n_continuous} continuous variables"
    note = f"{done}; pairs of spins that only they couple: {model.created}"
    return Lowered(model.marginal, (tuple(range(model.spins.n_nodes)),), (), (note,))
