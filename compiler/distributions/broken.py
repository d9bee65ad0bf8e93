r"""Broken copies: how often the ends of a trunk differ, and the share of samples in which none does.

With the wires summed out, roots s and trunk ends are spins of one model. Samples in which every trunk's ends agree all
weigh e^{ΣJc} alike, so they have the program's distribution at any strengths Jc. Their share is 1/E_p[r(s)], p the
program's distribution and r(s) the weight of everything the copies may do given the roots, relative to no trunk broken.
Given the other nodes whole, the copies of a node form a tree, and summing from its leaves gives r_k(s), so that r ≈ Π_k
r_k: exact while broken nodes are not coupled to one another. A break of trunk f alone weighs e^{-2 Jc_f} E_p[e^{-2 s_k
h_f}], h_f the field of the model edges that f carries; with the tension c_f = ½ ln E_p[e^{-2 s_k h_f}] ≤ G_f, all
trunks break alike at Jc_f = c_f + m. Whatever the clamps, the share is at least Π_f 1/(1 + e^{-2(Jc_f - G_f)}).
"""

from dataclasses import dataclass

import numpy as np

from thermofab.compiler.ir.layout import Layout


@dataclass(frozen=True, eq=False)
class Copies:
    """Trunk trees over weighted states of the program.

    Attributes:
        distribution: float64 ``[M]``, weights of the states, summing to 1.
        pull: float64 ``[t, M]``, s_k times the field that model edges exert on the copies at trunk f's far end.
        parent: int64 ``[t]``, the trunk between trunk f and the root; -1 where there is none.
        levels: trunks by distance from their root, the farthest first.
    """

    distribution: np.ndarray
    pull: np.ndarray
    parent: np.ndarray
    levels: tuple[np.ndarray, ...]

    @staticmethod
    def of(
        layout: Layout, edges: np.ndarray, couplings: np.ndarray, spins: np.ndarray, distribution: np.ndarray
    ) -> "Copies":
        """From states ``spins`` ±1 ``[M, n]`` of the program's nodes, with weights ``distribution`` ``[M]``."""
        below = {site: f for f, site in enumerate(layout.trunk_ends[:, 1].tolist())}
        parent = np.array([below.get(site, -1) for site in layout.trunk_ends[:, 0].tolist()], dtype=np.int64)
        pull = np.zeros((layout.n_trunks, len(spins)))
        signed = np.asarray(spins, dtype=np.float64)
        for (i, j), ends, coupling in zip(edges.tolist(), layout.wire_ends.tolist(), couplings.tolist()):
            for site in ends:
                if site in below:
                    pull[below[site]] += coupling * signed[:, i] * signed[:, j]
        depth = np.zeros(len(parent), dtype=np.int64)
        above = parent.copy()
        while np.any(above >= 0):
            depth += above >= 0
            above = np.where(above >= 0, parent[above], -1)
        levels = tuple(np.flatnonzero(depth == d) for d in range(int(depth.max(initial=-1)), -1, -1))
        return Copies(np.asarray(distribution, dtype=np.float64), pull, parent, levels)

    def tensions(self) -> np.ndarray:
        """c_f, float64 ``[t]``."""
        carried = self.pull.copy()
        for level in self.levels[:-1]:
            np.add.at(carried, self.parent[level], carried[level])
        return 0.5 * _log_mean(-2 * carried, self.distribution)

    def share(self, strengths: np.ndarray) -> float:
        """Share of the samples in which no trunk of coupling ``strengths`` ``[t]`` is broken."""
        decay = -2 * np.asarray(strengths, dtype=np.float64)[:, None]
        # Log weight of everything beyond trunk f with its far end along the root (whole) and against it (turned).
        whole, turned = np.zeros_like(self.pull), -2 * self.pull
        total = np.zeros(len(self.distribution))
        for level in self.levels:
            along = np.logaddexp(whole[level], decay[level] + turned[level])
            against = np.logaddexp(decay[level] + whole[level], turned[level])
            held = self.parent[level] >= 0
            np.add.at(whole, self.parent[level][held], along[held])
            np.add.at(turned, self.parent[level][held], against[held])
            total += along[~held].sum(axis=0)
        return float(np.exp(-_log_mean(total[None], self.distribution)[0]))


def _log_mean(logs: np.ndarray, distribution: np.ndarray) -> np.ndarray:
    top = logs.max(axis=1, keepdims=True)
    return np.log(np.exp(logs - top) @ distribution) + top[:, 0]


def least_share(strengths: np.ndarray, loads: np.ndarray) -> float:
    """What the share is at least, for couplings Jc and loads G, float64 ``[t]`` each."""
    return float(np.exp(-np.sum(np.logaddexp(0, -2 * (np.asarray(strengths) - np.asarray(loads))))))
