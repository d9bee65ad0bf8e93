"""Workloads: the programs that candidates are judged on. All are made from fixed seeds, so a name says everything."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermofab.hw.spec import DiscreteModel, IsingModel, SpecError, topology
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.discrete import factor_of

if TYPE_CHECKING:
    from thermofab.compiler import Distribution

FILE = "file:"
# States up to which a distribution is enumerated.
MOST_STATES = 2**20


@dataclass(frozen=True, eq=False)
class Workload:
    """A program to sample.

    Attributes:
        name: in :data:`WORKLOADS`, or ``file:PATH``.
        about: what it is, in a sentence.
        model: what :func:`thermofab.compile` takes.
    """

    name: str
    about: str
    model: IsingModel | DiscreteModel

    @cached_property
    def states(self) -> int:
        """How many states it has."""
        return int(np.prod([float(q or 2) for q in self.model.categories]).clip(max=2.0**62))

    @cached_property
    def truth(self) -> "Distribution | None":
        """The enumerated distribution; ``None`` beyond 2^20 states."""
        from thermofab.compiler import exact

        return exact(self.model) if self.states <= MOST_STATES else None

    @cached_property
    def digest(self) -> str:
        """Of the content, so that another file of the same name is another workload."""
        return digest_of("workload", self.model.to_json())


def _ising(n: int, pairs: np.ndarray, couplings: np.ndarray, biases: np.ndarray | None = None) -> IsingModel:
    pairs = np.asarray(pairs).reshape(-1, 2)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return IsingModel(tuple(range(n)), np.zeros(n) if biases is None else biases, pairs[order], couplings[order])


def _glass(degree: int, n: int, seed: int = 0) -> IsingModel:
    """J ~ N(0, 1/degree) on a random regular graph."""
    import networkx

    graph = networkx.random_regular_graph(degree, n, seed=seed)
    pairs = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    return _ising(n, pairs, np.random.default_rng(seed).normal(0, degree**-0.5, len(pairs)))


def _digits_rbm() -> IsingModel:
    """4×4 digits and 4 hidden units, trained by persistent contrastive divergence."""
    from thermofab.compiler import rbm
    from thermofab.models.data.digits import digits

    images = digits().train.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16) >= 0.5
    from sklearn.neural_network import BernoulliRBM

    made: Any = BernoulliRBM(n_components=4, learning_rate=0.05, n_iter=20, random_state=0).fit(images.astype(float))
    return rbm(made.components_.T, made.intercept_visible_, made.intercept_hidden_, units="binary")


def _dtm_layer() -> IsingModel:
    """A layer on a g8 patch of 36 sites, every other a pixel: its input, clamped, is a field of ±Γ on the pixels."""
    draw, grid = np.random.default_rng(0), topology("g8-6x6")
    pixel = grid.colours == 0
    biases = np.where(pixel, 0.8 * draw.choice([-1.0, 1.0], grid.n_sites), 0.1 * draw.normal(size=grid.n_sites))
    return _ising(grid.n_sites, grid.edges, draw.normal(0, 0.2, grid.n_edges), biases)


def _market() -> DiscreteModel:
    """A day's return in 32 states given seven conditions, fitted to 4,000 made days whose spread they change."""
    from thermofab.apps.trading.conditional import fit_conditional
    from thermofab.apps.trading.encoding import CONDITIONS, PROBABILITIES

    draw = np.random.default_rng(0)
    conditions = draw.random((4000, len(CONDITIONS))) < 0.5
    days = draw.standard_t(5, 4000) * np.exp(0.15 * np.where(conditions, 1, -1)[:, :3].sum(axis=1))
    edges = np.quantile(days, PROBABILITIES)
    return fit_conditional(np.searchsorted(edges, days, side="right"), conditions).model()


def _portfolio() -> DiscreteModel:
    """Pair tables of three assets: a t copula of 4 degrees, correlations 0.6, 0.4 and 0.2, in cells of eight states."""
    from thermofab.apps.trading.portfolio.cells import STATES, encode, pairs_of
    from thermofab.apps.trading.portfolio.machine import model_of
    from thermofab.apps.trading.portfolio.peers import elliptical_draws
    from thermofab.apps.trading.portfolio.tables import Tables

    correlation = np.array([[1.0, 0.6, 0.4], [0.6, 1.0, 0.2], [0.4, 0.2, 1.0]])
    drawn = elliptical_draws(np.linalg.cholesky(correlation)[None], 4.0, 20_000, np.random.default_rng(0))[0]
    cells, pairs = encode(drawn), pairs_of(3)
    joint = np.full((len(pairs), STATES, STATES), 0.5)
    for number, (i, j) in enumerate(pairs):
        np.add.at(joint[number], (cells[:, i], cells[:, j]), 1)
    joint /= joint.sum(axis=(1, 2), keepdims=True)
    single = np.log(np.stack([np.bincount(cells[:, i], minlength=STATES) for i in range(3)]) / len(cells))
    alone = np.log(joint.sum(axis=2))[:, :, None] + np.log(joint.sum(axis=1))[:, None, :]
    return model_of(Tables(single, np.log(joint) - alone, np.zeros((0, 3, STATES)), np.zeros((0, 3, STATES, STATES))))


def _router() -> IsingModel:
    """A set of two of the catalogue's models at a temperature of 0.2: every pair is coupled by the cardinality term."""
    from itertools import combinations

    from thermofab.apps.routing.providers import default_catalogue
    from thermofab.models.hybrid.selection import selection_couplings, selection_fields

    models = default_catalogue().models
    scores = np.array([model.quality for model in models]) / 0.2
    scores -= scores.mean()
    pairs = np.array(list(combinations(range(len(models)), 2)))
    couplings = selection_couplings(np.zeros(len(pairs)), 0.5)
    fields = selection_fields(scores, np.zeros(len(models)), 2, 0.5)
    return _ising(len(models), pairs, couplings, fields)


def _sudoku() -> IsingModel:
    """A 4×4 grid of six clues, at β = 3: what the clues rule out is left out."""
    from itertools import combinations

    from thermofab.models.puzzles import Box

    solved = np.array([1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1]) - 1
    given = np.array([1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1], dtype=bool)
    same_cell = {(4 * cell + v, 4 * cell + w) for cell in range(16) for v, w in combinations(range(4), 2)}
    units = [sorted(unit) for unit in Box(2, 2).units.tolist()]
    same_digit = {(4 * a + v, 4 * b + v) for unit in units for a, b in combinations(unit, 2) for v in range(4)}
    pairs = np.array(sorted(same_cell | same_digit))
    clues = set((4 * np.flatnonzero(given) + solved[given]).tolist())
    out = {int(b if a in clues else a) for a, b in pairs.tolist() if a in clues or b in clues}
    left = [spin for spin in range(64) if spin not in clues | out]
    number = {spin: k for k, spin in enumerate(left)}
    kept = np.array([(number[a], number[b]) for a, b in pairs.tolist() if a in number and b in number])
    degree = np.bincount(kept.reshape(-1), minlength=len(left))
    return _ising(len(left), kept, np.full(len(kept), -0.75), 3 * (7 / 16 - degree / 4))


def _potts() -> DiscreteModel:
    """Three states on an open 3×3 lattice, neighbours favoured to agree by 0.7."""
    nodes = list(np.ndindex(3, 3))
    place = {node: k for k, node in enumerate(nodes)}
    pairs = [[place[r, c], place[s, t]] for r, c in nodes for s, t in ((r, c + 1), (r + 1, c)) if (s, t) in place]
    factor = factor_of([[]] * len(pairs), pairs, np.tile(0.7 * np.eye(3), (len(pairs), 1, 1)))
    return DiscreteModel(tuple(nodes), np.full(9, 3), (factor,))


WORKLOADS: dict[str, tuple[str, Callable[[], IsingModel | DiscreteModel]]] = {
    "spin-glass": ("16 spins on a 3-regular graph, unit strength", lambda: _glass(3, 16)),
    "spin-glass-60": ("60 spins on a 5-regular graph, unit strength", lambda: _glass(5, 60)),
    "sk": ("16 spins, all coupled (Sherrington and Kirkpatrick), unit strength", lambda: _glass(15, 16)),
    "digits-rbm": ("restricted machine of 16 pixels and 4 hidden units, learnt from digits", _digits_rbm),
    "dtm-layer": ("a denoising layer on 36 sites of degree 8, made weights", _dtm_layer),
    "market": ("a day's return in 32 states given seven conditions", _market),
    "portfolio": ("three assets of eight states, pair tables of a t copula", _portfolio),
    "expert-router": ("a set of two of the catalogue's models", _router),
    "sudoku": ("a 4×4 grid of six clues: its open digits exclude each other, at β = 3", _sudoku),
    "potts": ("nine sites of three states on a square lattice", _potts),
}


@lru_cache(maxsize=32)
def workload(name: str) -> Workload:
    """The workload called ``name``; ``file:PATH`` is a program file of :func:`thermofab.apps.files.read_model`.

    Raises:
        SpecError: there is none.
    """
    if name.startswith(FILE):
        from thermofab.apps.files import read_model
        from thermofab.compiler.frontend import lower

        path = Path(name.removeprefix(FILE))
        return Workload(name, f"the program of {path.name}", lower(read_model(path)).model)
    if name not in WORKLOADS:
        raise SpecError(f"unknown workload {name!r}; known are {', '.join(WORKLOADS)}, and file:PATH.")
    about, make = WORKLOADS[name]
    return Workload(name, about, make())
