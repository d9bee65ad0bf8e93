"""A probability tree: events one after another, most uncertain first; children of a node always sum to 1.

Probabilities are those of samples, each beside the enumerated one. A node that a share below ``LEAST`` of the samples
reach is not divided further.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST = 0.01


@dataclass(frozen=True)
class Node:
    """A node.

    Attributes:
        event: whose outcome leads here, ``None`` at the root.
        happens: that outcome.
        probability: of this outcome given the parent, by samples.
        joint: of everything from the root to here, by samples.
        exact: the same, enumerated.
        children: none, or two whose probabilities sum to 1.
    """

    event: str | None
    happens: bool
    probability: float
    joint: float
    exact: float
    children: tuple["Node", ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "happens": self.happens,
            "probability": round(self.probability, 6),
            "joint": round(self.joint, 6),
            "exact": round(self.exact, 6),
            "children": [child.to_json() for child in self.children],
        }

    def leaves(self) -> list["Node"]:
        return [self] if not self.children else [leaf for child in self.children for leaf in child.leaves()]


def probability_tree(events: tuple[str, ...], samples: np.ndarray, exact: np.ndarray, depth: int) -> Node:
    """The tree.

    Args:
        events: E names.
        samples: outcomes bool ``[S, E]``.
        exact: enumerated probabilities ``[2^E]``, event i bit i.
        depth: events it divides by, at most.
    """
    outcomes = (np.arange(len(exact))[:, None] >> np.arange(len(events)) & 1).astype(bool)
    uncertainty = np.abs(exact @ outcomes - 0.5)
    order = np.argsort(uncertainty, kind="stable")[:depth]

    def node(
        event: int | None, happens: bool, chosen: np.ndarray, numbers: np.ndarray, share: float, level: int
    ) -> Node:
        joint = float(chosen.mean())
        children: tuple[Node, ...] = ()
        if level < len(order) and joint >= LEAST:
            split = int(order[level])
            children = tuple(
                node(
                    split,
                    value,
                    chosen & (samples[:, split] == value),
                    numbers & (outcomes[:, split] == value),
                    float((samples[chosen, split] == value).mean()),
                    level + 1,
                )
                for value in (True, False)
            )
        name = None if event is None else events[event]
        return Node(name, happens, share, joint, float(exact[numbers].sum()), children)

    return node(None, True, np.ones(len(samples), bool), np.ones(len(exact), bool), 1.0, 0)
