"""Order: when every site of a fabric with a programmed order is updated, and which sites stand for one p-bit.

A *root* draws; a *relay* has a parent among its neighbours, passes the field of its own couplings on to it, and takes
its root's state. Roots of one colour update together. A site that is neither is *idle*: it keeps its state.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.hw.spec.digest import frozen_array
from thermofab.hw.spec.errors import SpecError

NO_PARENT = -1
IDLE = -1


@dataclass(frozen=True, eq=False)
class Order:
    """The trees of an image and their colours.

    Attributes:
        colours: int32 ``[N]``, 0…C-1, all used: the step of a sweep in which a site is updated, the same for all sites
            of a tree; :data:`IDLE` for a site that never is.
        parents: int32 ``[N]``, the neighbour that a relay passes its field to; :data:`NO_PARENT` for roots and idle
            sites.

    Raises:
        SpecError: parents form a cycle, a tree has two colours, an idle site is in a tree, or a colour is missing.
    """

    colours: np.ndarray
    parents: np.ndarray

    def __post_init__(self) -> None:
        colours, parents = np.asarray(self.colours), np.asarray(self.parents)
        if colours.ndim != 1 or colours.shape != parents.shape:
            raise SpecError(
                f"an order has a colour and a parent for every site, got shapes {colours.shape} and {parents.shape}."
            )
        for name, values in (("colours", colours), ("parents", parents)):
            if values.dtype.kind not in "iu" or values.size and not -1 <= values.min() <= values.max() < len(values):
                raise SpecError(f"{name} of an order must be integers from -1 to {len(values) - 1}.")
            object.__setattr__(self, name, frozen_array(values, np.int32))
        named = set(self.colours[self.colours != IDLE].tolist())
        if named != set(range(len(named))):
            raise SpecError(f"colours of an order must be 0…C-1 with every colour used, got {sorted(named)}.")
        children = np.flatnonzero(self.parents != NO_PARENT)
        apart = children[self.colours[children] != self.colours[self.parents[children]]]
        if len(apart):
            site = int(apart[0])
            raise SpecError(
                f"site {site} of colour {self.colours[site]} has the parent {self.parents[site]} of colour "
                f"{self.colours[self.parents[site]]}; a tree is updated at once, so all its sites have one colour."
            )
        if len(idle := children[self.colours[children] == IDLE]):
            raise SpecError(f"site {idle[0]} has a parent but no colour; give its tree a colour, or it no parent.")
        _ = self.depths

    @staticmethod
    def of_roots(colours: np.ndarray) -> "Order":
        """Every site a root, updated with its colour."""
        return Order(colours, np.full(len(colours), NO_PARENT))

    @property
    def n_sites(self) -> int:
        return len(self.colours)

    @cached_property
    def n_colours(self) -> int:
        return int(self.colours.max(initial=IDLE)) + 1

    @cached_property
    def is_root(self) -> np.ndarray:
        """bool ``[N]``: sites that draw."""
        return (self.colours != IDLE) & (self.parents == NO_PARENT)

    @cached_property
    def depths(self) -> np.ndarray:
        """int64 ``[N]``: parents between a site and its root; 0 for roots and idle sites."""
        return self._climbed[1]

    @cached_property
    def roots(self) -> np.ndarray:
        """int64 ``[N]``: the root of the tree that a site is in; the site itself where it is idle."""
        return self._climbed[0]

    @cached_property
    def heights(self) -> np.ndarray:
        """int64 ``[C]``: the largest depth of any site of a colour."""
        made = np.zeros(self.n_colours, dtype=np.int64)
        busy = self.colours != IDLE
        np.maximum.at(made, self.colours[busy], self.depths[busy])
        return made

    @cached_property
    def _climbed(self) -> tuple[np.ndarray, np.ndarray]:
        """Roots and depths, climbing from all sites at once."""
        at, depth = np.arange(self.n_sites), np.zeros(self.n_sites, dtype=np.int64)
        for _ in range(self.n_sites + 1):
            above = self.parents[at]
            climbing = above != NO_PARENT
            if not climbing.any():
                return at, depth
            at, depth = np.where(climbing, above, at), depth + climbing
        site = int(np.flatnonzero(self.parents[at] != NO_PARENT)[0])
        raise SpecError(f"the parents of site {site} lead round in a cycle and never to a root; every tree has a root.")

    def sites_of(self, root: int) -> np.ndarray:
        """The sites of a tree, its root first, parents before children."""
        sites = np.flatnonzero(self.roots == root)
        return sites[np.argsort(self.depths[sites], kind="stable")]

    def to_json(self) -> dict[str, Any]:
        return {"colours": self.colours.tolist(), "parents": self.parents.tolist()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Order":
        return Order(np.array(data["colours"], dtype=np.int64), np.array(data["parents"], dtype=np.int64))
