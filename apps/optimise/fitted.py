"""A problem on a fabric: its integers, its β levels, and how spins are read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thermofab.compiler import fabric_of
from thermofab.compiler.descent import SpinTerms
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.pipeline import compile
from thermofab.hw.spec import FREE, DiscreteModel, FabricSpec, Image, IsingModel, Program, Topology, sigmoid_table
from thermofab.hw.spec import fabric as make_fabric

WIDEST_WEIGHT, WIDEST_BIAS, WIDEST_TABLE, MOST_DITHER = 16, 24, 12, 12
# Denominators that coefficients of a problem are tried as multiples of.
_PARTS = (1, 2, 4, 8, 16, 10, 20, 40, 100, 200, 400, 1000, 2000, 4000)


@dataclass(frozen=True, eq=False)
class Fitted:
    """An image whose tables are the β levels, the hottest first.

    Attributes:
        image: the integers.
        betas: β of every level, in units of one over the model's energy.
        step: energy that an integer weight of 1 stands for.
        exact: whether the integers times ``step`` are the model's coefficients.
        program: what reads nodes from sites; ``None`` where node k is site k.
    """

    image: Image
    betas: tuple[float, ...]
    step: float
    exact: bool
    program: Program | None = None

    @property
    def fabric(self) -> FabricSpec:
        return self.image.fabric

    def spins(self, sites: np.ndarray) -> np.ndarray:
        """int8 ±1 ``[R, n]`` from site states bool ``[R, N]``."""
        if self.program is not None:
            sites = self.program.read(sites, range(self.program.model.n_nodes))
        return (2 * sites.astype(np.int8) - 1).astype(np.int8)

    def __str__(self) -> str:
        spec = self.fabric
        held = "couplings exact" if self.exact else f"couplings rounded to steps of {self.step:.3g}"
        return (
            f"{spec.topology.name}, {spec.n_sites} sites, {spec.weight_bits}-bit weights, {spec.bias_bits}-bit biases, "
            f"{held}, {len(self.betas)} β levels"
        )


def fitted(model: IsingModel | DiscreteModel, betas: tuple[float, ...], fabric: Any, seed: int) -> Fitted:
    """The model on a fabric of its own graph, or compiled onto the one that is given."""
    if fabric is None and isinstance(model, IsingModel):
        return own_fabric(model, betas, seed)
    model = replace(model, beta=betas[-1])
    lowered = Lowered(model, (tuple(range(model.n_nodes)),))
    if fabric is None:
        fabric = fabric_of(
            lowered, weight_bits=WIDEST_WEIGHT, bias_bits=WIDEST_BIAS, table_bits=WIDEST_TABLE, levels=len(betas),
            word_bits=32, threshold_bits=24, dither_bits=8,
        )  # fmt: skip
    factors = tuple(beta / betas[-1] for beta in betas)
    # Optimisation runs colder than tables hold a distribution: any distance is accepted.
    program = compile(lowered, fabric, beta_levels=factors, seed=seed, verify=False, tolerance=1.0)
    step = program.report.quantisation.step
    held = _whole(SpinTerms.of(model).weights / step)
    return Fitted(program.image, betas, step, held, program)


def own_fabric(model: IsingModel, betas: tuple[float, ...], seed: int) -> Fitted:
    """A fabric of the model's graph, a site for every node.

    Coefficients that are multiples of a simple number are held as they are, if 16 bits hold the couplings and 24 the
    biases; others are rounded to the finest step at which they fit. Tables cover the largest field, and thresholds
    have 16 bits; fields beyond 2,047 are dithered, and thresholds then have 20 bits or more.
    """
    step, weights, biases, exact = integers(model.couplings, model.biases)
    topology = Topology.from_edges("own graph", model.n_nodes, model.edges)
    reach = np.abs(biases).astype(np.int64)
    for side in (0, 1):
        reach += np.bincount(model.edges[:, side], weights=np.abs(weights), minlength=len(reach)).astype(np.int64)
    most = int(reach.max(initial=1))
    table_bits = min(WIDEST_TABLE, max(4, most.bit_length() + 1))
    shift = min(MOST_DITHER, max(0, most.bit_length() + 1 - table_bits))
    plain = {"word_bits": 16, "threshold_bits": 16, "dither_bits": 0}
    wide = {"word_bits": 32, "threshold_bits": min(24, 32 - shift), "dither_bits": shift}
    spec = make_fabric(
        topology,
        weight_bits=max(2, int(np.abs(weights).max(initial=0)).bit_length() + 1),
        bias_bits=max(2, int(np.abs(biases).max(initial=0)).bit_length() + 1),
        table_bits=table_bits,
        levels=len(betas),
        **(wide if shift else plain),
    )
    tables = np.array([sigmoid_table(spec, step, shift, beta) for beta in betas])
    image = Image(spec, weights, biases, tables, shift, np.full(spec.n_sites, FREE), seed)
    return Fitted(image, betas, step, exact)


def integers(couplings: np.ndarray, biases: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, bool]:
    """Step, integer couplings and biases, and whether they are exact."""
    both = np.concatenate([couplings, biases])
    widest = 2 ** (WIDEST_WEIGHT - 1) - 1, 2 ** (WIDEST_BIAS - 1) - 1
    for parts in _PARTS:
        if not _whole(both * parts):
            continue
        common = int(np.gcd.reduce(np.round(np.abs(both) * parts).astype(np.int64))) or 1
        step = common / parts
        w, b = (np.round(values / step).astype(np.int64) for values in (couplings, biases))
        if np.abs(w).max(initial=0) <= widest[0] and np.abs(b).max(initial=0) <= widest[1]:
            return step, w, b, True
    step = max(np.abs(couplings).max(initial=0) / widest[0], np.abs(biases).max(initial=0) / widest[1])
    return float(step), np.round(couplings / step).astype(np.int64), np.round(biases / step).astype(np.int64), False


def _whole(values: np.ndarray) -> bool:
    """Whether all are integers but for the rounding of floats, and small enough to be counted."""
    return bool(np.all(np.abs(values) < 2**40) and np.all(np.abs(values - np.round(values)) <= 1e-12 * np.abs(values)))
