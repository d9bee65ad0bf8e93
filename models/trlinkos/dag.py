"""The trace of a reasoning: a directed acyclic graph of scored states, nested, and verifiable by hashes.

A node holds a state's bytes, its score, its parents, and the sub-graphs it was made of (nested: each candidate of a
step is a graph of its own inner steps). Its name is the SHA-256 of all of these; so a changed score, state, parent or
nested graph is found by :meth:`Dag.verify`.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class DagNode:
    """``name`` hex, ``state`` float32 array, ``score``, ``parents`` names, ``label``, and ``nested`` graphs."""

    name: str
    state: np.ndarray
    score: float
    parents: tuple[str, ...]
    label: str
    nested: tuple["Dag", ...] = ()


@dataclass
class Dag:
    """Nodes by name, in the order they were added: parents come first."""

    nodes: dict[str, DagNode] = field(default_factory=dict)

    def add(
        self,
        state: np.ndarray,
        score: float,
        parents: Sequence[str] = (),
        label: str = "",
        nested: Sequence["Dag"] = (),
    ) -> DagNode:
        """Add a node; adding the same one twice returns the one there is.

        Raises:
            SpecError: a parent is not in the graph, or the score is not a number.
        """
        missing = [name for name in parents if name not in self.nodes]
        if missing:
            raise SpecError(f"parent {missing[0][:12]} is not in this graph; add parents first.")
        if np.isnan(score):
            raise SpecError("the score of a node must be a number, got NaN.")
        state = np.array(state, dtype=np.float32)
        state.flags.writeable = False
        name = _name(state, score, tuple(parents), label, tuple(nested))
        return self.nodes.setdefault(name, DagNode(name, state, score, tuple(parents), label, tuple(nested)))

    def best(self) -> DagNode:
        """The node of the highest score, the earliest of equals."""
        if not self.nodes:
            raise SpecError("an empty graph has no best node.")
        return max(self.nodes.values(), key=lambda node: node.score)

    def path(self, name: str) -> list[DagNode]:
        """From a root to the node, by first parents."""
        way = [self.nodes[name]]
        while way[-1].parents:
            way.append(self.nodes[way[-1].parents[0]])
        return way[::-1]

    @property
    def depth(self) -> int:
        """Levels of nesting: 1 without nested graphs."""
        return 1 + max((graph.depth for node in self.nodes.values() for graph in node.nested), default=0)

    def digest(self) -> str:
        """SHA-256 over the names in order."""
        return hashlib.sha256("".join(self.nodes).encode()).hexdigest()

    def verify(self) -> bool:
        """Whether every name is that of its content, here and in nested graphs, and every parent comes earlier."""
        seen: set[str] = set()
        for name, node in self.nodes.items():
            content = _name(node.state, node.score, node.parents, node.label, node.nested)
            if name != node.name or name != content or not set(node.parents) <= seen:
                return False
            if not all(graph.verify() for graph in node.nested):
                return False
            seen.add(name)
        return True


def _name(state: np.ndarray, score: float, parents: tuple[str, ...], label: str, nested: tuple[Dag, ...]) -> str:
    parts = (
        repr(state.shape).encode(),
        state.astype("<f4").tobytes(),
        struct.pack("<d", score),
        *(name.encode() for name in parents),
        label.encode(),
        *(graph.digest().encode() for graph in nested),
    )
    whole = hashlib.sha256()
    for part in parts:
        whole.update(struct.pack("<q", len(part)) + part)
    return whole.hexdigest()
