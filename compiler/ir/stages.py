"""Stages: a program on its way through the passes. Each stage has exactly what is known by then.

    Source ─┬─▶ Discrete ─▶ Coded ─┬─▶ Paired ─▶ Placed ─▶ Wired ─▶ Quantised
            └──────────────────────┘

A program of spins and pairs of spins is ``Paired`` from the start. A pass takes one stage and makes a new one; stages
never change. From ``Paired`` on a stage is an instance of those before it: what takes a ``Paired`` takes a ``Wired``
too.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeVar

import numpy as np

from thermofab.compiler.ir.factor_tables import FactorTables
from thermofab.compiler.ir.hosting import Hosting
from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.lowered import Lowered
from thermofab.hw.spec.certificate import Certificate
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.reading import Reading
from thermofab.hw.spec.report import Distance, Quantisation

Copies = tuple[tuple[int, ...], ...]
# Σ weight · Π spins: the spins of every term, ascending, and its weight.
Polynomial = dict[tuple[int, ...], float]
Log = tuple[tuple[str, str], ...]
Later = TypeVar("Later", bound="Source")


@dataclass(frozen=True)
class Placement:
    """Sites that may stand for every variable, and the method that found them."""

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
    rounding: Distance
    table: Distance


@dataclass(frozen=True, eq=False)
class Source:
    """A program as written, and the fabric it is for.

    Attributes:
        lowered: the program.
        fabric: what it is compiled for.
        log: ``(pass, what it did)``, in order.
    """

    lowered: Lowered
    fabric: FabricSpec
    log: Log = field(default=(), kw_only=True)

    def after(self, name: str, did: str, **changes: Any) -> Self:
        """The same stage after pass ``name``, with other values in some fields and a line for the report."""
        return replace(self, log=self.log + ((name, did),), **changes)

    def to(self, later: type[Later], name: str, did: str, **made: Any) -> Later:
        """The stage ``later`` after pass ``name``: this one's values in the fields they share, and ``made``.

        Raises:
            TypeError: a field of ``later`` is neither here nor in ``made``.
        """
        shared: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(later) if hasattr(self, one.name)}
        return later(**{**shared, **made, "log": self.log + ((name, did),)})

    @property
    def summary(self) -> str:
        """What the program consists of at this stage, in a few words."""
        return f"{self.lowered.model.n_nodes} nodes"


@dataclass(frozen=True, eq=False)
class Discrete(Source):
    """Spins and categorical variables, coupled by terms of any order, before they are coded in spins.

    Attributes:
        model: in the user's units, β not included.
        clamped: bool ``[n]``: nodes that are clamped in every run.
    """

    model: DiscreteModel
    clamped: np.ndarray

    @property
    def summary(self) -> str:
        return f"{self.model.n_nodes} nodes, {sum(len(factor.weights) for factor in self.model.factors)} terms"


@dataclass(frozen=True, eq=False)
class Coded(Source):
    """Spins, coupled by terms of any order.

    Attributes:
        terms: of log P, β included, but for its constant.
        clamped: bool ``[n]``: spins that are clamped in every run.
        readings: how every node of the program is read from the spins.
    """

    terms: Polynomial
    clamped: np.ndarray
    readings: tuple[Reading, ...]

    @property
    def n(self) -> int:
        """Number of variables: spins that need a site."""
        return len(self.clamped)

    @property
    def names(self) -> tuple[Hashable, ...]:
        """Of the variables: their numbers."""
        return tuple(range(self.n))

    @property
    def summary(self) -> str:
        return f"{self.n} spins, {len(self.terms)} terms to expand"


@dataclass(frozen=True, eq=False)
class Paired(Source):
    """Spins, coupled in pairs and by tables that the fabric's factors hold.

    Attributes:
        edges: int64 ``[m, 2]``, couplings between variables that must be realised, i < j.
        couplings, biases: float64 ``[m]``, ``[n]``, β included.
        clamped: bool ``[n]``: variables that are clamped in every run.
        names: of the variables, by which sites of the same label or position are found: the program's nodes where they
            are the variables, else numbers.
        readings: how every node is read from the variables; ``None`` where they are the nodes, as in a ``Program``.
        tables: terms of log P on the fabric's factors; empty on a fabric that has none.
    """

    edges: np.ndarray
    couplings: np.ndarray
    biases: np.ndarray
    clamped: np.ndarray
    names: tuple[Hashable, ...]
    readings: tuple[Reading, ...] | None
    tables: FactorTables

    @property
    def n(self) -> int:
        """Number of variables: spins that need a site."""
        return len(self.biases)

    @property
    def terms(self) -> Polynomial:
        """The pairs and biases as terms of log P."""
        terms: Polynomial = {}
        for edge, coupling in zip(self.edges.tolist(), self.couplings.tolist()):
            terms[tuple(edge)] = terms.get(tuple(edge), 0.0) + coupling
        for k, bias in enumerate(self.biases.tolist()):
            if bias:
                terms[(k,)] = terms.get((k,), 0.0) + bias
        return terms

    @property
    def summary(self) -> str:
        tables = f", {len(self.tables)} tables" if len(self.tables) else ""
        return f"{self.n} spins, {len(self.edges)} edges{tables}"


@dataclass(frozen=True, eq=False)
class Placed(Paired):
    """Sites for every variable.

    Attributes:
        placements: candidates, one at least, the smallest first.
        hosting: on a fabric with a programmed order, where the program's own graph is laid out; ``fabric`` is then the
            fabric of that graph, from here on.
    """

    placements: tuple[Placement, ...]
    hosting: Hosting | None = field(default=None, kw_only=True)


@dataclass(frozen=True, eq=False)
class Wired(Placed):
    """A model on the fabric, in real numbers.

    Attributes:
        layout: one site or a tree of sites for every variable, a wire for every edge, with the couplings of trunks.
        certificate: distance of the distribution over the roots from the program's.
    """

    layout: Layout
    certificate: Certificate

    @property
    def summary(self) -> str:
        return f"{super().summary} on {self.layout.n_sites} sites"


@dataclass(frozen=True, eq=False)
class Quantised(Wired):
    """A model on the fabric, in integers."""

    integers: Integers
