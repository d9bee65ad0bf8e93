"""stationary_distribution: the exact distribution of an image's integers under the contract's sweep, activation table
included.

A sweep updates colours in order. Sites of one colour are not coupled, so updating them together or one after another
is the same; each update replaces the distribution π by π(rest)·P(n_i | F_i), with P from
:func:`thermofab.hw.spec.flip_probability`. A sweep redraws the sites of its first colour from the others, so the others
are a Markov chain of their own: a small one is solved by elimination, a larger one by iteration
(:mod:`~thermofab.compiler.distributions.fixed_point`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thermofab.compiler.distributions.enumeration import marginal, states
from thermofab.compiler.distributions.fixed_point import FixedPoint, eliminated, iterated
from thermofab.hw.spec.activation import flip_probability
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.program import Program

LARGEST = 20
CONVERGED = 1e-5
# A chain of at most so many sites beside those of its first colour is solved by elimination, unless all its sites
# together are more.
_ELIMINATED, _MEMBERS = 9, 16
_SHORT = 16  # states behind an axis, below which they are gone through one at a time
_ROWS = 2**20  # entries of the rows of the transition matrix made at once
_MODE_SWEEPS = 400


@dataclass(frozen=True, eq=False)
class StationaryDistribution:
    """Distribution of the states after a whole sweep.

    Attributes:
        sites: the sites it is over.
        probabilities: float64 ``[2^k]``, the first site the most significant bit of a state's number.
        residual: L1 change of the full distribution by one more sweep.
        error: estimated L1 distance of the full distribution from the fixed point; 0 after a given number of sweeps.
    """

    sites: tuple[int, ...]
    probabilities: np.ndarray
    residual: float
    error: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether ``error`` is at most 1e-5."""
        return self.error <= CONVERGED

    @property
    def states(self) -> np.ndarray:
        """bool ``[2^k, k]``."""
        return states(len(self.sites))


def stationary_distribution(
    source: Image | Program,
    clamps: np.ndarray | None = None,
    *,
    sites: Sequence[int] | None = None,
    level: int = 0,
    sweeps: int | None = None,
    accuracy: float = 1e-10,
    max_sweeps: int = 20_000,
) -> StationaryDistribution:
    """The stationary distribution of an image, over ``sites``.

    Args:
        source: an image, or a program.
        clamps: int8 ``[N]``, -1 free, 0 or 1 clamped; by default the image's.
        sites: free sites to keep; by default the roots of a program's free nodes, or the free sites of an image that
            have a weight or bias. Of an image with an order, roots of trees.
        level: β level.
        sweeps: give the distribution after so many sweeps from fair coins (where a run without ``init`` starts)
            instead.
        accuracy: estimated L1 error at which the iteration ends, where there is one.
        max_sweeps: sweeps after which it ends anyway; the distribution's ``error`` and ``converged`` tell.

    Raises:
        SpecError: more than 20 free sites are coupled or asked for, or a site asked for is clamped.
    """
    image = source.image if isinstance(source, Program) else source
    spec = image.fabric
    clamps = np.asarray(image.clamps if clamps is None else clamps)
    if clamps.shape != (spec.n_sites,):
        raise SpecError(f"clamps must have shape ({spec.n_sites},), got {clamps.shape}.")
    if image.order is not None:
        return _of_roots(source, image, clamps, sites, level, sweeps, accuracy, max_sweeps)
    free = clamps == FREE
    coupled = coupled_sites(image, clamps)
    if sites is None:
        roots = (
            source.roots if isinstance(source, Program) else sorted(coupled_sites(image, np.full_like(clamps, FREE)))
        )
        sites = [int(site) for site in roots if free[site]]
    wanted = [int(site) for site in sites]
    if not all(free[site] for site in wanted):
        raise SpecError("the stationary distribution is over free sites; leave clamped ones out of sites.")
    members = sorted({*coupled, *wanted})
    if len(members) > LARGEST:
        raise SpecError(
            f"the stationary distribution of {len(members)} sites needs 2^{len(members)} states; at most {LARGEST} "
            "sites can be enumerated."
        )
    sweep = _Sweep.of(image, clamps, members, level)
    if sweeps is None:
        found = sweep.fixed_point(accuracy, max_sweeps)
    else:
        distribution = np.full(2 ** len(members), 0.5 ** len(members))
        for _ in range(sweeps):
            distribution = sweep(distribution)
        found = FixedPoint(distribution, float(np.abs(sweep(distribution) - distribution).sum()), 0.0)
    kept = marginal(found.distribution, len(members), [members.index(site) for site in wanted])
    return StationaryDistribution(tuple(wanted), kept, found.residual, found.error)


def _of_roots(
    source: Image | Program, image: Image, clamps: np.ndarray, sites: Sequence[int] | None, *options: Any
) -> StationaryDistribution:
    """Of the merged image, over the roots asked for."""
    merged = image.merged
    if sites is None:
        chosen = source.roots if isinstance(source, Program) else merged.roots
        sites = [int(site) for site in chosen if clamps[site] == FREE]
    index = {int(site): k for k, site in enumerate(merged.roots)}
    if not all(site in index for site in sites):
        other = next(site for site in sites if site not in index)
        raise SpecError(f"site {other} is no root of a tree; the stationary distribution is over roots here.")
    level, sweeps, accuracy, max_sweeps = options
    found = stationary_distribution(
        merged.image, clamps[merged.roots], sites=[index[site] for site in sites], level=level, sweeps=sweeps,
        accuracy=accuracy, max_sweeps=max_sweeps,
    )  # fmt: skip
    return replace(found, sites=tuple(int(site) for site in sites))


def slowest_mode(image: Image, clamps: np.ndarray, level: int = 0) -> float:
    """The factor by which the slowest deviation from the stationary distribution shrinks a sweep, by power iteration; 0
    where no two free sites are coupled.

    Raises:
        SpecError: more than 20 free sites are coupled.
    """
    if image.order is not None:
        return slowest_mode(image.merged.image, clamps[image.merged.roots], level)
    members = sorted(coupled_sites(image, clamps))
    if len(members) > LARGEST:
        raise SpecError(
            f"the modes of {len(members)} sites need 2^{len(members)} states; at most {LARGEST} sites can be."
        )
    if not members:
        return 0.0
    sweep = _Sweep.of(image, clamps, members, level)
    change = np.random.default_rng(0).normal(size=2 ** len(members))
    sizes = []
    for _ in range(_MODE_SWEEPS):
        change = change - change.mean()
        change /= np.abs(change).sum()
        change = sweep(change)
        sizes.append(float(np.abs(change).sum()))
        if sizes[-1] < 1e-12:
            return 0.0
    # Of a pair of complex modes the size goes up and down; their mean shrinks as they do.
    return float(np.clip(np.exp(np.mean(np.log(sizes[_MODE_SWEEPS // 2 :]))), 0.0, 1 - 1e-12))


def coupled_sites(image: Image, clamps: np.ndarray) -> set[int]:
    """Free sites with a bias, a weight or a factor; roots of trees where the image has an order."""
    if image.order is not None:
        merged = image.merged
        return {int(merged.roots[k]) for k in coupled_sites(merged.image, clamps[merged.roots])}
    topology = image.fabric.topology
    coupled = image.biases != 0
    coupled[topology.edges[image.weights != 0].reshape(-1)] = True
    inputs = topology.factor_inputs
    for site, start, width in zip(inputs.sites, inputs.starts, inputs.widths):
        coupled[site] |= bool(np.any(image.differences[start : start + 2**width]))
    return set(np.flatnonzero(coupled & (clamps == FREE)).tolist())


@dataclass(frozen=True, eq=False)
class _Sweep:
    """P(n_i = 1 | rest) of the members in update order, float64 ``[2^axis, 2^(n - axis - 1)]``: the states of the axes
    before the member's own and behind it. ``redrawn`` are the axes of the first colour.
    """

    updates: tuple[np.ndarray, ...]
    n: int
    redrawn: tuple[int, ...]

    @staticmethod
    def of(image: Image, clamps: np.ndarray, members: list[int], level: int) -> "_Sweep":
        n = len(members)
        axis = {site: k for k, site in enumerate(members)}
        couplings: dict[int, list[tuple[int, int]]] = {site: [] for site in members}
        for (i, j), w in zip(image.fabric.topology.edges.tolist(), image.weights.tolist()):
            if w:
                for a, b in ((i, j), (j, i)):
                    if a in couplings:
                        couplings[a].append((b, w))
        factors: dict[int, list[tuple[list[int], np.ndarray]]] = {site: [] for site in members}
        inputs = image.fabric.topology.factor_inputs
        for site, others, start, width in zip(inputs.sites.tolist(), inputs.others, inputs.starts, inputs.widths):
            if site in factors:
                factors[site].append((others[:width].tolist(), image.differences[start : start + 2**width]))
        updates = []
        for site in sorted(members, key=lambda s: (image.fabric.topology.colours[s], s)):
            field = np.full((1,) * n, int(image.biases[site]), dtype=np.int64)
            for other, w in couplings[site]:
                if other in axis:
                    shape = [1] * n
                    shape[axis[other]] = 2
                    field = field + np.array([-w, w]).reshape(shape)
                elif clamps[other] != FREE:
                    field = field + (w if clamps[other] == 1 else -w)
            for others, added in factors[site]:
                shape, fixed = [1] * n, []
                for other in reversed(others):  # axes of the table, the highest bit first
                    fixed.append(slice(None) if other in axis else max(int(clamps[other]), 0))
                table = added.reshape((2,) * len(others))[tuple(fixed)]
                inside = [other for other in reversed(others) if other in axis]
                table = table.transpose([inside.index(other) for other in sorted(inside, key=axis.__getitem__)])
                for other in inside:
                    shape[axis[other]] = 2
                field = field + table.reshape(shape)
            up = flip_probability(image.fabric, image.tables[level], image.shift, field)
            others = tuple(1 if k == axis[site] else 2 for k in range(n))
            updates.append(np.ascontiguousarray(np.broadcast_to(up, others)).reshape(2 ** axis[site], -1))
        colours = image.fabric.topology.colours
        first = min((int(colours[site]) for site in members), default=0)
        return _Sweep(tuple(updates), n, tuple(axis[site] for site in members if colours[site] == first))

    def __call__(self, distribution: np.ndarray) -> np.ndarray:
        """After a sweep, float64 ``[..., 2^n]`` from ``[..., 2^n]``."""
        rows = distribution.reshape(-1, 2**self.n).copy()
        for up in self.updates:
            before, behind = up.shape
            pairs = rows.reshape(-1, before, 2, behind)
            # Long strides cost less than many short loops.
            for part in range(behind) if behind < _SHORT else (slice(None),):
                low, high, one = pairs[:, :, 0, part], pairs[:, :, 1, part], up[:, part]
                low += high
                np.multiply(low, one, out=high)
                low *= 1 - one
        return rows.reshape(distribution.shape)

    def fixed_point(self, accuracy: float, max_sweeps: int) -> FixedPoint:
        rest = [axis for axis in range(self.n) if axis not in self.redrawn]
        if len(rest) > _ELIMINATED or self.n > _MEMBERS:
            return iterated(self, np.full(2**self.n, 0.5**self.n), accuracy, max_sweeps)
        # From every state of the rest, the redrawn sites at 0; a row has the states of the rest after a sweep.
        others = tuple(axis - self.n for axis in self.redrawn)
        codes = states(len(rest)) @ (1 << (self.n - 1 - np.array(rest, dtype=np.int64)))
        matrix = np.empty((len(codes), len(codes)))
        count = max(_ROWS // 2**self.n, 1)
        for first in range(0, len(codes), count):
            some = codes[first : first + count]
            rows = np.zeros((len(some), 2**self.n))
            rows[np.arange(len(some)), some] = 1.0
            after = self(rows).reshape((len(some),) + (2,) * self.n)
            matrix[first : first + count] = after.sum(axis=others).reshape(len(some), -1)
        start = np.zeros(2**self.n)
        start[codes] = eliminated(matrix)
        found = self(start)
        residual = float(np.abs(self(found) - found).sum())
        return FixedPoint(found, residual, 0.0)
