"""Problems with planted ground states: 3-regular 3-XORSAT, and the Wishart ensemble.

Made here, by numbered seeds. chook 0.2.0 (PyPI), which plants both, draws from NumPy's global generator, and its
Wishart planter calls ``scipy.ones`` and ``scipy.randn``, which SciPy no longer has.

*3R3X* (Kowalsky, Albash, Hen & Lidar, arXiv 2103.08464): N equations of three spins, every spin in three of them,
E = -Σ b_c s_i s_j s_k with the signs b_c that a random state t satisfies, so that E(t) = -N. The hypergraph is that of
three random permutations, drawn again until no equation repeats a spin and the equations are independent over GF(2):
then t is the only ground state. The next energy is -N + 2.

*Wishart* (Hamze, Raymond, Pattison, Biswas & Katzgraber, PRE 101, 052102, 2020): J = -(W W' - diag)/N, with M = αN
columns of W drawn from a Gaussian of covariance N/(N-1) (1 - t t'/N), so that W't = 0 and

    E(s) = -½ s'J s = (|W's|² - Σ W²) / 2N ≥ E(t).
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError


@dataclass(frozen=True, eq=False)
class Xorsat:
    """Equations of three spins.

    Attributes:
        rows: int64 ``[N, 3]``, the spins of every equation, ascending.
        signs: int64 ``[N]``, b of every equation, ±1.
        planted: int64 ``[N]``, ±1, the ground state.
    """

    rows: np.ndarray
    signs: np.ndarray
    planted: np.ndarray

    @property
    def size(self) -> int:
        return len(self.planted)

    def energies(self, states: np.ndarray) -> np.ndarray:
        """E of states ±1 ``[..., N]``: int64 ``[...]``."""
        return -(states[..., self.rows].prod(axis=-1) * self.signs).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class Wishart:
    """A problem of pairs on the complete graph.

    Attributes:
        couplings: float64 ``[N, N]``, symmetric, of zero diagonal; E = -½ s'J s.
        planted: int64 ``[N]``, ±1; it and its negative are ground states.
    """

    couplings: np.ndarray
    planted: np.ndarray

    @property
    def size(self) -> int:
        return len(self.planted)

    @property
    def scale(self) -> float:
        """√N times the root mean square of the couplings: the size of a field."""
        n = self.size
        return float(np.sqrt(n * np.square(self.couplings).sum() / (n * (n - 1))))

    def energies(self, states: np.ndarray) -> np.ndarray:
        """E of states ±1 ``[..., N]``: float64 ``[...]``."""
        return pair_energies(self.couplings, states)

    def rounded(self, weight_bits: int) -> tuple[np.ndarray, float]:
        """Integers int64 ``[N, N]`` of the range ±(2^(weight_bits-1)-1), and the coupling that one unit stands for."""
        step = float(np.abs(self.couplings).max()) / (2 ** (weight_bits - 1) - 1)
        return np.rint(self.couplings / step).astype(np.int64), step


def pair_energies(couplings: np.ndarray, states: np.ndarray) -> np.ndarray:
    """-½ s'J s of states ±1 ``[..., N]``, in the couplings' own type where they are integers."""
    spins = states.astype(couplings.dtype)
    twice = ((spins @ couplings) * spins).sum(axis=-1)
    return -twice // 2 if np.issubdtype(couplings.dtype, np.integer) else -0.5 * twice


def xorsat(size: int, seed: int) -> Xorsat:
    """A 3-regular 3-XORSAT instance with one ground state.

    Raises:
        SpecError: fewer than 6 spins, among which independent equations are too rare to be drawn.
    """
    if size < 6:
        raise SpecError(f"a 3-regular 3-XORSAT instance needs at least 6 spins, got {size}.")
    draw = np.random.default_rng([3, size, seed])
    while True:
        rows = np.sort(np.array([draw.permutation(size) for _ in range(3)]).T, axis=1)
        if np.all(rows[:, 1:] != rows[:, :-1]) and rank_over_two(_incidence(rows)) == size:
            break
    rows = rows[np.lexsort(rows.T[::-1])]
    planted = draw.choice([-1, 1], size)
    return Xorsat(rows, planted[rows].prod(axis=1), planted)


def wishart(size: int, ratio: float, seed: int) -> Wishart:
    """A Wishart instance of M = round(``ratio`` · N) columns, at least one.

    Raises:
        SpecError: fewer than 4 spins, or a ratio that is not positive.
    """
    if size < 4 or not ratio > 0:
        raise SpecError(f"a Wishart instance needs at least 4 spins and a ratio above 0, got {size} and {ratio!r}.")
    draw = np.random.default_rng([2, size, round(1000 * ratio), seed])
    planted = draw.choice([-1, 1], size)
    drawn = draw.normal(size=(size, max(1, round(ratio * size))))
    columns = np.sqrt(size / (size - 1)) * (drawn - np.outer(planted, planted @ drawn) / size)
    couplings = -(columns @ columns.T) / size
    np.fill_diagonal(couplings, 0.0)
    return Wishart(couplings, planted)


def rank_over_two(matrix: np.ndarray) -> int:
    """Rank over GF(2) of a matrix of 0 and 1."""
    left = matrix.astype(bool).copy()
    rank = 0
    for column in range(left.shape[1]):
        below = np.flatnonzero(left[rank:, column])
        if not len(below):
            continue
        left[[rank, rank + below[0]]] = left[[rank + below[0], rank]]
        others = np.flatnonzero(left[:, column])
        left[others[others != rank]] ^= left[rank]
        rank += 1
        if rank == len(left):
            break
    return rank


def all_states(size: int) -> np.ndarray:
    """int64 ``[2^size, size]`` of ±1, for enumerations."""
    return 2 * (np.arange(2**size)[:, None] >> np.arange(size) & 1) - 1


def _incidence(rows: np.ndarray) -> np.ndarray:
    size = len(rows)
    matrix = np.zeros((size, size), dtype=bool)
    matrix[np.arange(size)[:, None], rows] = True
    return matrix
