r"""From the integers' ln Z to the model's.

A fabric samples P(x) = exp(-κ E(x)) / Z_int of all free sites, E in integers. Let s be the nodes' states and
x = (s, c, t): codes c of several that stand for one state, and the sites t that no node is read from (copies, hidden
sites). For any distribution q(c, t | s)

    Z = Z_int · <w>,     w = q(c, t | s) exp(-β E_model(s)) / exp(-κ E(x)),

over samples of P. Taking for q(t | s) the integers' own conditional distribution, which elimination sums exactly,
leaves in w only what differs between marginal and model: the rounding of weights and, where the certificate is a bound,
its distance. Codes of one state count alike. Copies that must agree (``checks``) agree under q, and a sample in which
they do not has the weight 0.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from thermofab.hw.spec import Program, RefusedError
from thermofab.sim.driven import integer_energies
from thermofab.sim.partition.elimination import log_sum


@dataclass(frozen=True, eq=False)
class Correction:
    """ln w of states, for one program with given sites clamped.

    Attributes:
        program: whose model it is.
        scale: κ at β = 1: an exponent is κ times an integer energy.
        sites: int64 ``[M]``, the sites that draw; all of them but on a fabric with a programmed order.
        free: bool ``[M]``, those that are not clamped.
        rest: int64 ``[t]``, places in ``sites`` of the free ones that are summed out.
        fixed: ln of the factors of q that are the same for every state but for codes.
    """

    program: Program
    scale: float
    sites: np.ndarray
    free: np.ndarray
    rest: np.ndarray
    fixed: float

    @staticmethod
    def of(program: Program, scale: float, clamps: np.ndarray) -> "Correction":
        """``clamps``: int8 ``[N]``, -1 for a free site.

        Raises:
            RefusedError: a site that is summed out is in a factor, nodes share variables or cannot take all their
                states.
        """
        merged = None if program.image.order is None else program.image.merged
        image = program.image if merged is None else merged.image
        sites = np.arange(program.fabric.n_sites) if merged is None else merged.roots
        place = np.arange(program.fabric.n_sites) if merged is None else merged.places
        free = clamps[sites] == -1
        used = [v for k in range(program.model.n_nodes) for v in program.variables_of(k)]
        if len(set(used)) < len(used):
            raise RefusedError(
                "two nodes of this program are read from one variable, so that it has not all of the model's states; "
                "compile it without merging nodes."
            )
        roots = place[program.roots[used]]
        held = np.zeros(len(sites), dtype=bool)
        held[roots] = True
        fixed = _agreement(program, place, roots, held)
        rest = np.flatnonzero(free & ~held)
        summed = np.zeros(len(sites), dtype=bool)
        summed[rest] = True
        if any(np.any(summed[list(row)]) for row in image.fabric.topology.factors):
            raise RefusedError(
                "a site that no node is read from is in a factor, and is not summed out; compile the program onto a "
                "fabric that holds its graph directly."
            )
        return Correction(program, scale, sites, free, rest, fixed)

    @property
    def log_states(self) -> float:
        """ln of the number of states of the free sites: ln Z_int at β = 0."""
        return float(np.count_nonzero(self.free) * np.log(2))

    def exponents(self, states: np.ndarray) -> np.ndarray:
        """κ E of site states bool ``[..., N]``."""
        order = self.program.image.order
        image = self.program.image if order is None else self.program.image.merged.image
        return self.scale * integer_energies(image, states[..., self.sites])

    def log_weights(self, states: np.ndarray) -> np.ndarray:
        """ln w of site states bool ``[n, N]``: float64 ``[n]``; -inf where copies that must agree do not."""
        program, model = self.program, self.program.model
        nodes = program.read(states, range(model.n_nodes))
        out = self.fixed - model.beta * model.energies(nodes) - self._summed(states[:, self.sites])
        for k, reading in enumerate(program.readings or ()):
            if len(reading.variables) and self._is_free(reading.variables):
                codes = np.bincount(np.asarray(reading.table))
                out -= np.log(codes[nodes[:, k].astype(np.int64)])
        for a, b in program.checks:
            out[states[:, a] != states[:, b]] = -np.inf
        return out

    def _is_free(self, variables: tuple[int, ...]) -> bool:
        sites = self.program.roots[list(variables)]
        if self.program.image.order is not None:
            return bool(np.any(self.free[self.program.image.merged.places[sites]]))
        return bool(np.any(self.free[sites]))

    def _summed(self, states: np.ndarray) -> np.ndarray:
        """ln Σ exp(-κ E) over the states of ``rest``, those of the other sites given: bool ``[n, M]`` to ``[n]``."""
        image = self.program.image if self.program.image.order is None else self.program.image.merged.image
        edges, weights = image.fabric.topology.edges.astype(np.int64), image.weights.astype(np.float64)
        index = np.full(len(self.sites), -1)
        index[self.rest] = np.arange(len(self.rest))
        ends = index[edges]
        touched, inside = np.any(ends >= 0, axis=1), np.all(ends >= 0, axis=1) & (weights != 0)
        biases = image.biases.copy()
        biases[self.rest] = 0
        others = integer_energies(image.replace(weights=np.where(touched, 0, image.weights), biases=biases), states)
        fields = np.tile(image.biases[self.rest].astype(np.float64), (len(states), 1))
        for one, other in ((0, 1), (1, 0)):
            for e in np.flatnonzero((ends[:, one] >= 0) & (ends[:, other] < 0) & (weights != 0)).tolist():
                fields[:, ends[e, one]] += weights[e] * np.where(states[:, edges[e, other]], 1.0, -1.0)
        return -self.scale * others + log_sum(self.scale * fields, ends[inside], self.scale * weights[inside])


def _agreement(program: Program, place: np.ndarray, roots: np.ndarray, held: np.ndarray) -> float:
    """ln q of copies that agree, which become ``held``: sites tied by checks have one state, that of the root among
    them or, without one, either of two."""
    if not program.checks:
        return 0.0
    tied = place[np.array(program.checks)]
    held[tied.ravel()] = True
    ones = np.ones(len(tied))
    _, group = connected_components(coo_array((ones, (tied[:, 0], tied[:, 1])), shape=(len(held),) * 2), directed=False)
    rooted = np.bincount(group[roots], minlength=group.max() + 1)
    if rooted.max() > 1:
        raise RefusedError("checks of this program tie two nodes to one state, so that it has not all of the model's.")
    loose = np.setdiff1d(np.unique(group[tied.ravel()]), group[roots])
    return -float(len(loose) * np.log(2))
