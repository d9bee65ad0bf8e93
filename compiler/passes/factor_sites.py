r"""Factor sites: terms of three spins and more on the factors of a fabric, which look them up; no hidden spins.

A factor of a fabric is a table over all states of its sites (:mod:`thermofab.hw.spec.factors`), so it holds any terms
among them: with s_i = 2n_i - 1 the table Σ_S a_S Π_{i∈S} s_i has one entry per state. A categorical node in a code of b
bits on b sites that share a factor with its neighbours' is a p-dit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.factor_tables import FactorTables, centred
from thermofab.compiler.ir.stages import Coded, Copies, Paired, Placed, Placement, Polynomial, Quantised
from thermofab.compiler.passes.base import AnyPass
from thermofab.compiler.passes.known import check_spins
from thermofab.compiler.placement.direct import edge_numbers, guesses
from thermofab.compiler.placement.monomorphism import monomorphism
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.factors import factor_pairs, table_starts
from thermofab.hw.spec.topology import Topology


@dataclass(frozen=True)
class FactorSites:
    """Where the fabric has factors and one site per spin can be found at which every term has a factor or an edge, the
    terms go there. Exact. Elsewhere the program is left as it is: hidden spins and embeddings are for what follows.

    Terms of one spin are biases, those of two go on an edge where there is one, all others on the smallest factor that
    has their sites. Sites are tried by label, position, index and order, then by subgraph monomorphism over the pairs
    that share an edge or a factor, at most ``budget`` steps. With ``copies`` the sites are the caller's, for ``Place``
    to check, and nothing is searched for.
    """

    budget: int = 100_000
    copies: Copies | None = None
    name: ClassVar[str] = "factor-sites"

    def __call__(self, stage: Coded | Paired) -> Coded | Paired | Placed:
        topology = stage.fabric.topology
        if self.copies is not None or not topology.factors or stage.n > topology.n_sites:
            return stage
        terms = stage.terms
        if not any(len(term) > 1 for term in terms):
            return stage
        for method, sites in self._sites(stage, terms):
            hosted = _hosts(terms, sites, topology, stage.clamped)
            if hosted is not None:
                return _placed(stage, terms, sites, method, hosted)
        return stage.after(self.name, "no place at which every term has a factor; hidden spins instead")

    def keeping(self, known: Quantised) -> AnyPass:
        """The sites of ``known`` where its terms are on factors; else nothing goes there."""
        if len(known.tables):
            return KnownFactorSites(tuple(known.layout.roots.tolist()))
        return replace(self, copies=known.layout.copies)

    def _sites(self, stage: Coded | Paired, terms: Polynomial) -> Iterator[tuple[str, np.ndarray]]:
        topology = stage.fabric.topology
        yield from guesses(stage.names, topology)
        pairs = factor_pairs(term for term in terms if len(term) > 1)
        found = monomorphism(stage.n, pairs, _paired(topology), self.budget)
        if found is not None:
            yield "subgraph isomorphism", np.array(found, dtype=np.int64)


@dataclass(frozen=True)
class KnownFactorSites:
    """The terms at known sites, one per spin.

    Raises:
        CompileError: a term has no factor there.
    """

    sites: tuple[int, ...]
    name: ClassVar[str] = FactorSites.name

    def __call__(self, stage: Coded | Paired) -> Placed:
        check_spins(stage.n, len(self.sites))
        terms, sites = stage.terms, np.array(self.sites, dtype=np.int64)
        hosted = _hosts(terms, sites, stage.fabric.topology, stage.clamped)
        if hosted is None:
            raise CompileError(
                "the new weights couple spins that share no factor of the fabric at the sites the program was compiled "
                "onto; compile the new program for itself."
            )
        return _placed(stage, terms, sites, "known sites", hosted)


def _placed(
    stage: Coded | Paired, terms: Polynomial, sites: np.ndarray, method: str, hosted: dict[tuple[int, ...], int]
) -> Placed:
    biases, edges, couplings = np.zeros(stage.n), [], []
    by_host: dict[int, Polynomial] = {}
    for term, weight in sorted(terms.items()):
        if len(term) == 1:
            biases[term[0]] += weight
        elif term in hosted:
            by_host.setdefault(hosted[term], {})[term] = weight
        elif not all(stage.clamped[k] for k in term):
            edges.append(term)
            couplings.append(weight)
    tables = _tables(by_host)
    return stage.to(
        Placed,
        FactorSites.name,
        f"{len(tables)} tables on the fabric's factors, {len(edges)} edges, no hidden spins",
        edges=np.array(edges, dtype=np.int64).reshape(-1, 2),
        couplings=np.array(couplings, dtype=np.float64),
        biases=biases,
        tables=tables,
        placements=(Placement(tuple((int(site),) for site in sites), f"{method}, on factors"),),
    )


def _hosts(
    terms: Polynomial, sites: np.ndarray, topology: Topology, clamped: np.ndarray
) -> dict[tuple[int, ...], int] | None:
    """The factor of every term that needs one, or ``None`` if one has none."""
    wide = [term for term in terms if len(term) > 1 and not all(clamped[k] for k in term)]
    pairs = [term for term in wide if len(term) == 2]
    on_edges = edge_numbers(topology, sites[np.array(pairs, dtype=np.int64).reshape(-1, 2)]) >= 0
    joined = {term for term, there in zip(pairs, on_edges) if there}
    of_site = _factors_of_sites(topology)
    hosted = {}
    for term in wide:
        if term in joined:
            continue
        common = frozenset.intersection(*(of_site[int(sites[k])] for k in term))
        if not common:
            return None
        hosted[term] = min(common, key=lambda f: (len(topology.factors[f]), f))
    return hosted


def _tables(by_host: dict[int, Polynomial]) -> FactorTables:
    rows, hosts, values = [], [], []
    for host, terms in sorted(by_host.items()):
        row = tuple(sorted({k for term in terms for k in term}))
        code = np.arange(2 ** len(row))
        spin = {k: 2.0 * (code >> place & 1) - 1 for place, k in enumerate(row)}
        rows.append(row)
        hosts.append(host)
        values.append(sum(weight * np.prod([spin[k] for k in term], axis=0) for term, weight in terms.items()))
    made = tuple(rows)
    flat = np.concatenate(values) if values else np.zeros(0)
    return FactorTables(made, tuple(hosts), centred(flat, table_starts(made)))


@lru_cache(maxsize=16)
def _factors_of_sites(topology: Topology) -> tuple[frozenset[int], ...]:
    made: list[set[int]] = [set() for _ in range(topology.n_sites)]
    for f, row in enumerate(topology.factors):
        for site in row:
            made[site].add(f)
    return tuple(map(frozenset, made))


@lru_cache(maxsize=16)
def _paired(topology: Topology) -> Topology:
    """The topology with an edge wherever two sites share one or a factor."""
    pairs = np.unique(np.concatenate([topology.edges.astype(np.int64), factor_pairs(topology.factors)]), axis=0)
    return replace(topology, edges=pairs, factors=())
