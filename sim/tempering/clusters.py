"""Isoenergetic cluster moves between replicas of a rung: the definition, in plain numpy.

Houdayer, "A cluster Monte Carlo algorithm for 2-dimensional spin glasses" (Eur. Phys. J. B 22, 2001); with replica
exchange, Zhu, Ochoa & Katzgraber (PRL 115, 077201, 2015). Sites where two replicas differ form clusters along couplings
other than zero. A cluster turned over in both leaves the sum of their energies as it is. It also leaves the places
where they differ as they are, so a cluster picked by looking at nothing else is picked as often on the way back, and
the move is exact. Without biases and clamps a replica may be turned over as a whole at no cost; where a pair differs at
more than half of the sites, clusters of sites that agree are taken instead, which are those of the pair with one of the
two turned over.

The replicas of a group of g, a power of two, pair in turn: in round r, replica l with l XOR (1 + r mod (g - 1)).
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import Image, SpecError, UnsupportedError
from thermofab.sim.tempering.decisions import cluster_start


@dataclass(frozen=True, eq=False)
class Clusters:
    """What cluster moves need to know.

    Attributes:
        group: replicas that pair with one another.
        rungs: how many rungs take part, from the first.
        fold: whether a replica may be turned over as a whole.
        first, near: sites joined by couplings other than zero in compressed rows, int64 ``[N + 1]`` and int32.
    """

    group: int
    rungs: int
    fold: bool
    first: np.ndarray
    near: np.ndarray

    @staticmethod
    def of(image: Image, clamped: np.ndarray, group: int, rungs: int) -> "Clusters":
        """Those of an image without an order.

        Args:
            image: whose couplings join sites.
            clamped: bool ``[N]``.
            group: a power of two, 2…64.
            rungs: at least 1.

        Raises:
            SpecError: ``group`` is not such a number.
            UnsupportedError: the image has factors.
        """
        if isinstance(group, bool) or not isinstance(group, int) or group not in (2, 4, 8, 16, 32, 64):
            raise SpecError(f"group must be 2, 4, 8, 16, 32 or 64 replicas that exchange clusters, got {group!r}.")
        if np.any(image.factors):
            raise UnsupportedError(
                "cluster moves keep the energy of pairs of sites, and this image has factors of more; leave group out."
            )
        edges = image.fabric.topology.edges[image.weights != 0].astype(np.int64)
        ends = np.concatenate([edges, edges[:, ::-1]])
        ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
        first = np.searchsorted(ends[:, 0], np.arange(image.fabric.n_sites + 1))
        fold = not (np.any(image.biases) or np.any(clamped))
        return Clusters(group, rungs, fold, first.astype(np.int64), ends[:, 1].astype(np.int32))

    def turned(self, root: np.ndarray, number: int, rung: int, states: np.ndarray) -> np.ndarray:
        """The states bool ``[R, N]`` of a rung after the cluster moves of a round."""
        states = states.copy()
        partner = 1 + number % (self.group - 1)
        for one in range(len(states)):
            other = one ^ partner
            if one > other:
                continue
            flipped = self._cluster(root, number, rung, one, states[one] ^ states[other])
            states[one] ^= flipped
            states[other] ^= flipped
        return states

    def _cluster(self, root: np.ndarray, number: int, rung: int, ladder: int, differ: np.ndarray) -> np.ndarray:
        """One cluster, bool ``[N]``; none where there is none."""
        n_sites = len(differ)
        grown = np.zeros(n_sites, dtype=bool)
        if self.fold and np.count_nonzero(differ) > n_sites // 2:
            differ = ~differ
        if not differ.any():
            return grown
        start = cluster_start(root, number, rung, ladder, n_sites)
        members = np.flatnonzero(differ)
        at = np.searchsorted(members, start)
        edge = [int(members[at % len(members)])]
        grown[edge] = True
        while edge:
            site = edge.pop()
            for near in self.near[self.first[site] : self.first[site + 1]].tolist():
                if differ[near] and not grown[near]:
                    grown[near] = True
                    edge.append(near)
        return grown
