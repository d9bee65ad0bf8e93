"""Sums over sites by variable elimination: ln Σ exp over the states of sites that few others join.

The sites of wires form trees, and hidden sites of gadgets stand alone, so the tables stay small; the sample axis is
carried along, as fields differ from sample to sample and couplings do not.
"""

import numpy as np

from thermofab.hw.spec import RefusedError

# Sites that one table may span: 2^12 entries a sample.
WIDEST = 12


def log_sum(fields: np.ndarray, pairs: np.ndarray, couplings: np.ndarray) -> np.ndarray:
    r"""ln Σ_t exp(Σ_i h_i t_i + Σ_(i,j) J_ij t_i t_j) over t = ±1 of all m sites: float64 ``[n]``.

    Args:
        fields: h, float64 ``[n, m]``.
        pairs: int ``[e, 2]``, sites 0…m-1.
        couplings: J, float64 ``[e]``.

    Raises:
        RefusedError: the sites are too entangled for tables of 2^12 entries.
    """
    neighbours: list[set[int]] = [set() for _ in range(fields.shape[1])]
    for i, j in pairs.tolist():
        neighbours[i].add(j)
        neighbours[j].add(i)
    alone = np.array([not found for found in neighbours], dtype=bool)
    h = np.abs(fields[:, alone])
    total = (h + np.log1p(np.exp(-2 * h))).sum(axis=1)
    # Tables over ascending sites, [n or 1, 2, …, 2].
    tables: list[tuple[tuple[int, ...], np.ndarray]] = [
        ((k,), np.stack([-fields[:, k], fields[:, k]], axis=1)) for k in np.flatnonzero(~alone).tolist()
    ]
    for (i, j), coupling in zip(np.sort(pairs, axis=1).tolist(), couplings.tolist()):
        tables.append(((i, j), coupling * np.array([[[1.0, -1.0], [-1.0, 1.0]]])))
    left = set(np.flatnonzero(~alone).tolist())
    while left:
        site = min(left, key=lambda k: (len(neighbours[k]), k))
        if len(neighbours[site]) >= WIDEST:
            raise RefusedError(
                "the hidden sites of this program are too entangled to be summed out, so its ln Z is not known from "
                "that of its integers; take a fabric that holds the program's graph directly, or relays."
            )
        scope = tuple(sorted({site, *neighbours[site]}))
        joined = np.zeros((1,) * (1 + len(scope)))
        for members, table in tables:
            if site in members:
                joined = joined + table.reshape(len(table), *(2 if k in members else 1 for k in scope))
        rest = tuple(k for k in scope if k != site)
        tables = [one for one in tables if site not in one[0]] + [
            (rest, np.logaddexp.reduce(joined, axis=1 + scope.index(site)))
        ]
        for k in rest:
            neighbours[k] = (neighbours[k] | set(rest)) - {k, site}
        left.remove(site)
    for _, table in tables:
        total = total + table
    return total
