"""Draft: a program on its way through the passes. Each pass returns a new one."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from thermofab.compiler.ir.factor_tables import FactorTables
from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.lowered import Lowered
from thermofab.hw.spec.certificate import Certificate, Exact
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.reading import Reading
from thermofab.hw.spec.report import NOT_ASSESSED, Distance, Quantisation

Copies = tuple[tuple[int, ...], ...]
# Σ weight · Π spins: the spins of every term, ascending, and its weight.
Polynomial = dict[tuple[int, ...], float]


@dataclass(frozen=True)
class Placement:
    """Sites that may stand for every node, and the method that found them."""

    copies: Copies
    method: str


@dataclass(frozen=True, eq=False)
class Integers:
    """The quantised program: ``weights`` int64 ``[E]``, ``biases`` int64 ``[N]``, ``factors`` int64 as an image's, and
    what rounding did, with the distances that rounding and the table cost.
    """

    weights: np.ndarray
    biases: np.ndarray
    factors: np.ndarray
    quantisation: Quantisation
    rounding: Distance = NOT_ASSESSED
    table: Distance = NOT_ASSESSED


@dataclass(frozen=True, eq=False)
class Draft:
    """State between passes.

    Attributes:
        lowered: the program as written.
        fabric: what it is compiled for.
        edges: int64 ``[m, 2]``, couplings between variables that must be realised, i < j.
        couplings, biases: float64 ``[m]``, ``[n]``, β included.
        clamped: bool ``[n]``: variables that are clamped in every run.
        names: of the variables, where they are the program's nodes.
        model: the program, as long as its categorical variables have no spins yet; there are no variables then, and
            ``clamped`` is of its nodes.
        higher: terms of log P that are not yet pairs and biases.
        tables: terms of log P that the fabric's factors hold, from ``FactorSites``.
        readings: how every node is read from the variables; ``None`` where they are the nodes.
        placements: candidates, from :class:`~thermofab.compiler.passes.place.Place`.
        layout: the chosen one with its couplings, from ``RootAndWire``.
        integers: from ``ScaleAndQuantise``.
        certificate: distance of the compiled real-valued model's distribution from the program's, so far.
        log: ``(pass, what it did)``.
    """

    lowered: Lowered
    fabric: FabricSpec
    edges: np.ndarray
    couplings: np.ndarray
    biases: np.ndarray
    clamped: np.ndarray
    names: tuple[Hashable, ...] = ()
    model: DiscreteModel | None = None
    higher: Polynomial = field(default_factory=dict)
    tables: FactorTables = FactorTables()
    readings: tuple[Reading, ...] | None = None
    placements: tuple[Placement, ...] = ()
    layout: Layout = Layout.empty()
    integers: Integers = Integers(np.zeros(0), np.zeros(0), np.zeros(0), Quantisation(0.0, 0, 0, 0.0))
    certificate: Certificate = Exact("direct")
    log: tuple[tuple[str, str], ...] = ()

    @property
    def n(self) -> int:
        """Number of variables: spins that need a site."""
        return len(self.biases)

    def after(self, name: str, did: str, **changes: Any) -> "Draft":
        """The draft after pass ``name``, with a line for the report."""
        return replace(self, log=self.log + ((name, did),), **changes)
