"""Factors: couplings of three to six sites, each a table over all their states; what makes a cell of bits a p-dit.

A factor f over sites i₁ < … < i_k holds 2^k integers V_f, entry Σ_j n_{i_j}·2^j: the first site is the lowest bit. It
adds 2·step·V_f[x] to log P, and to the field of each of its sites

    D = V_f[x with n_i = 1] - V_f[x with n_i = 0],

a table over the states of the *other* sites: P(n_i = 1) = σ(2·step·F_i), as for a pair, whose table is ½·w·s_i·s_j.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec.errors import SpecError

SMALLEST_FACTOR, LARGEST_FACTOR = 3, 6  # sites of a factor: two are an edge; tables of 2^6 entries are the largest


@dataclass(frozen=True, eq=False)
class FactorInputs:
    """Every site of every factor: where it is, and how its part of the field is looked up.

    Attributes:
        sites: int64 ``[M]``, ascending.
        slots: int64 ``[M]``, counting the factors of a site from 0.
        factors: int64 ``[M]``, ascending within a site.
        places: int64 ``[M]``, the site's place in its factor.
        others: int64 ``[M, 5]``, the factor's other sites, ascending, bit j of the address the j-th; -1 beyond.
        widths: int64 ``[M]``, the number of others.
        starts: int64 ``[M]``, where the differences begin in :func:`differences`.
    """

    sites: np.ndarray
    slots: np.ndarray
    factors: np.ndarray
    places: np.ndarray
    others: np.ndarray
    widths: np.ndarray
    starts: np.ndarray


def checked_factors(name: str, n_sites: int, factors: Iterable[Iterable[int]]) -> tuple[tuple[int, ...], ...]:
    """The factors of a topology, each ascending and all in order.

    Raises:
        SpecError: a factor is too small or large, repeats a site, names one that does not exist, or stands twice.
    """
    rows = sorted(tuple(sorted(int(site) for site in factor)) for factor in factors)
    for row in rows:
        if not SMALLEST_FACTOR <= len(row) <= LARGEST_FACTOR:
            raise SpecError(
                f"topology '{name}': factor {row} has {len(row)} sites; a factor has {SMALLEST_FACTOR} to "
                f"{LARGEST_FACTOR}. Two sites are joined by an edge, and larger tables are split."
            )
        if len(set(row)) != len(row):
            raise SpecError(f"topology '{name}': factor {row} names a site twice.")
        if row[0] < 0 or row[-1] >= n_sites:
            raise SpecError(f"topology '{name}': factor {row} has a site outside 0…{n_sites - 1}.")
    if len(set(rows)) != len(rows):
        repeated = next(row for row, after in zip(rows, rows[1:]) if row == after)
        raise SpecError(f"topology '{name}' lists factor {repeated} twice; each factor stands once.")
    return tuple(rows)


def factor_pairs(factors: Iterable[tuple[int, ...]]) -> np.ndarray:
    """int64 ``[P, 2]``: the pairs of sites that share a factor, i < j, sorted, once each."""
    pairs = {(i, j) for row in factors for k, i in enumerate(row) for j in row[k + 1 :]}
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def table_starts(factors: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """int64 ``[F + 1]``: where every factor's table begins among all entries, and their number."""
    return np.concatenate([[0], np.cumsum([2 ** len(row) for row in factors])]).astype(np.int64)


def factor_inputs(factors: tuple[tuple[int, ...], ...]) -> FactorInputs:
    """All inputs of a topology's factors, by site, then by factor."""
    rows = sorted((site, f, place) for f, row in enumerate(factors) for place, site in enumerate(row))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    others = np.full((len(rows), LARGEST_FACTOR - 1), -1, dtype=np.int64)
    for m, (site, f, _) in enumerate(rows):
        rest = [other for other in factors[f] if other != site]
        others[m, : len(rest)] = rest
    first = np.searchsorted(columns[:, 0], columns[:, 0])
    widths = (others >= 0).sum(axis=1)
    starts = np.cumsum(2**widths) - 2**widths
    return FactorInputs(
        columns[:, 0], np.arange(len(rows)) - first, columns[:, 1], columns[:, 2], others, widths, starts
    )


def differences(factors: tuple[tuple[int, ...], ...], tables: np.ndarray) -> np.ndarray:
    """The tables D of all inputs, in the order of :func:`factor_inputs`, from the tables V, one after another."""
    inputs, starts = factor_inputs(factors), table_starts(factors)
    parts = []
    for f, place in zip(inputs.factors.tolist(), inputs.places.tolist()):
        order = len(factors[f])
        table = np.asarray(tables[starts[f] : starts[f + 1]]).reshape((2,) * order)
        # In C order the first axis is the highest bit, the factor's last site.
        low, high = np.moveaxis(table, order - 1 - place, 0)
        parts.append((high - low).reshape(-1))
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def factor_addresses(factors: tuple[tuple[int, ...], ...], states: np.ndarray) -> np.ndarray:
    """int64 ``[..., F]``: the entry among all factors' tables that states 0/1 ``[..., N]`` select."""
    starts = table_starts(factors)
    columns = [
        starts[f] + sum(states[..., site].astype(np.int64) << k for k, site in enumerate(row))
        for f, row in enumerate(factors)
    ]
    return np.stack(columns, axis=-1) if columns else np.zeros((*states.shape[:-1], 0), dtype=np.int64)
