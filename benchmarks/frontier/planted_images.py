"""Planted problems on the fabric: three-body factor sites, the compiler's gadgets, rounded complete graphs.

Nothing of 3-XORSAT is rounded. On *factor sites* an equation is a table of ±1 on its three sites. The *gadget* is the
compiler's own (``compiler/passes/higher_order.py``), in its limit of large β, which is a penalty form of integers: a
hidden spin h for every equation, coupled by ±2 to its three spins, which are coupled by ±1 among themselves, with
biases 2 and ±1. Least over h, a satisfied equation has the energy -4 and any other -2; so both forms part by the same
2 units, and the ground states are those of the equations.
"""

from dataclasses import dataclass

import networkx
import numpy as np
from dimod.higherorder.polynomial import BinaryPolynomial
from frontier.planted import Wishart, Xorsat, pair_energies

import thermofab as fab
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Discrete, Source
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.hw.spec import FabricSpec, Image, SpecError, sigmoid_table
from thermofab.hw.spec.factors import factor_addresses

# Large enough that nothing but the integers of the penalty form is left of the gadget's couplings.
COLD = 1e4
GADGET_SATISFIED = -4


@dataclass(frozen=True, eq=False)
class Posed:
    """A problem on a fabric.

    Attributes:
        image: its integers; the levels' tables are to be replaced.
        step: energy of the problem that one unit of an integer weight stands for.
        ground: energy of the planted state, in units of an integer weight, hidden spins at their best.
        planted: int64 ``[N]``, ±1, of the sites that are the problem's own; they come first.
    """

    image: Image
    step: float
    ground: int
    planted: np.ndarray


def polynomial(problem: Xorsat) -> BinaryPolynomial:
    """The equations as dimod has them."""
    rows = [tuple(row) for row in problem.rows.tolist()]
    return BinaryPolynomial(dict(zip(rows, (-problem.signs).tolist())), "SPIN")


def on_factor_sites(problem: Xorsat, *, levels: int = 16, seed: int = 0) -> Posed:
    """A site a spin and a factor an equation; the graph's edges, between spins of an equation, weigh nothing."""
    rows = [tuple(row) for row in problem.rows.tolist()]
    graph = networkx.empty_graph(problem.size)
    spec = fab.fabric(graph, factors=rows, levels=levels)
    # A table V adds V[1] - V[0] to a field: ½ s s s is the term s s s.
    entry = np.arange(8)
    parity = (2 * (entry[:, None] >> np.arange(3) & 1) - 1).prod(axis=1)
    sign_of = dict(zip(rows, problem.signs.tolist()))
    tables = np.concatenate([sign_of[row] * parity for row in spec.topology.factors])
    blank = np.zeros((problem.size, problem.size), dtype=np.int64)
    biases = np.zeros(problem.size, dtype=np.int64)
    image = Image.from_matrix(spec, blank, biases, step=0.5, shift=0, seed=seed).replace(factors=tables)
    return Posed(image, 0.5, -2 * problem.size, problem.planted)


def gadget_pairs(problem: Xorsat) -> tuple[np.ndarray, np.ndarray]:
    """Integer couplings ``[2N, 2N]`` and biases ``[2N]`` that the compiler's gadget tends to at large β."""
    source = Source(lower(polynomial(problem), COLD), fab.fabric(f"complete-{2 * problem.size}"))
    discrete = Canonicalise()(source)
    assert isinstance(discrete, Discrete)
    names = discrete.model.nodes
    paired = HigherOrder()(Categorical()(discrete))
    # The front end numbers spins as the equations name them.
    number = np.concatenate([np.array(names, dtype=np.int64), np.arange(len(names), paired.n)])
    matrix, biases = np.zeros((paired.n, paired.n)), np.zeros(paired.n)
    ends = number[paired.edges]
    matrix[ends[:, 0], ends[:, 1]] = paired.couplings / COLD
    biases[number] = paired.biases / COLD
    return np.rint(matrix + matrix.T).astype(np.int64), np.rint(biases).astype(np.int64)


def on_gadgets(problem: Xorsat, *, levels: int = 16, seed: int = 0) -> Posed:
    """Two sites an equation: the problem's spins, then the hidden ones, on a fabric of exactly their graph."""
    matrix, biases = gadget_pairs(problem)
    graph = networkx.empty_graph(len(matrix))
    graph.add_edges_from(np.argwhere(np.triu(matrix)).tolist())
    spec = fab.fabric(graph, levels=levels)
    image = Image.from_matrix(spec, matrix, biases, step=1.0, shift=0, seed=seed)
    return Posed(image, 1.0, GADGET_SATISFIED * problem.size, problem.planted)


def wishart_fabric(size: int, weight_bits: int, levels: int) -> FabricSpec:
    return fab.fabric(
        f"complete-{size}", weight_bits=weight_bits, table_bits=12, profile="fine", threshold_bits=20, dither_bits=12,
        levels=levels,
    )  # fmt: skip


def on_complete_graph(problem: Wishart, weight_bits: int, *, levels: int = 16, seed: int = 0) -> Posed:
    """The couplings rounded to integers; the table's address drops as many bits as keep every field within it."""
    weights, step = problem.rounded(weight_bits)
    spec = wishart_fabric(problem.size, weight_bits, levels)
    reach = int(np.abs(weights).sum(axis=1).max())
    shift = next((k for k in range(spec.dither_bits + 1) if reach < spec.table_size // 2 << k), spec.dither_bits)
    biases = np.zeros(problem.size, dtype=np.int64)
    image = Image.from_matrix(spec, weights, biases, step=step, shift=shift, seed=seed)
    return Posed(image, step, int(pair_energies(weights, problem.planted)), problem.planted)


def annealed_tables(posed: Posed, betas: list[float]) -> Image:
    """The image with one table a β, for ``Schedule.anneal``.

    Raises:
        SpecError: there are more β than the fabric holds tables.
    """
    spec = posed.image.fabric
    if len(betas) > spec.levels:
        raise SpecError(f"{len(betas)} β need as many tables, and this fabric holds {spec.levels}.")
    padded = [*betas, *[betas[-1]] * (spec.levels - len(betas))]
    return posed.image.replace(
        tables=np.array([sigmoid_table(spec, posed.step, posed.image.shift, beta) for beta in padded])
    )


def image_energies(image: Image, states: np.ndarray) -> np.ndarray:
    """Energies int64 ``[...]`` of states bool ``[..., sites]``, in units of an integer weight."""
    edges, spins = image.fabric.topology.edges, 2 * states.astype(np.int64) - 1
    pairs = (spins[..., edges[:, 0]] * spins[..., edges[:, 1]]) @ image.weights.astype(np.int64)
    total = -pairs - spins @ image.biases.astype(np.int64)
    if image.fabric.topology.factors:
        chosen = factor_addresses(image.fabric.topology.factors, states)
        total = total - 2 * image.factors.astype(np.int64)[chosen].sum(axis=-1)
    return total
