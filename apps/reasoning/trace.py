"""A reasoning as a graph to look at: attempts at a puzzle, steps of a reading, or the states of a TRLinkos.

Nodes come parents first. Places are the same in the page and in the picture: a node's layer is one below its lowest
parent, and nodes of a layer stand in order.
"""

from dataclasses import dataclass, field

import numpy as np

from thermofab.apps.reasoning.constraints import rules_broken
from thermofab.apps.reasoning.nets import Readings
from thermofab.apps.reasoning.solvers import Solution
from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import Box
from thermofab.models.trlinkos import Dag


@dataclass(frozen=True)
class TraceNode:
    """A node.

    Attributes:
        label: short, under the node.
        kind: ``"start"``, ``"reading"``, ``"sample"``, ``"step"`` or ``"state"``; it has a colour.
        parents: numbers of earlier nodes.
        score: what nodes are coloured by, higher is better; ``None`` without one.
        facts: lines for the reader.
        grid: digits int, 0 empty, row by row; or none.
        given: which cells of it are clues of the puzzle, and which are guesses: 1 and 2, 0 for others.
        values: numbers of a state; or none.
    """

    label: str
    kind: str
    parents: tuple[int, ...] = ()
    score: float | None = None
    facts: tuple[str, ...] = ()
    grid: tuple[int, ...] = ()
    given: tuple[int, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class TraceGraph:
    """Nodes, with a title and a line about them; ``chosen`` is the number of the answer, ``box`` the shape of grids.

    Raises:
        SpecError: no node, or a parent that does not come before its child.
    """

    title: str
    about: str
    nodes: tuple[TraceNode, ...]
    chosen: int
    box: Box | None = None
    layers: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.nodes or not 0 <= self.chosen < len(self.nodes):
            raise SpecError("a trace needs at least one node, and the number of the one chosen.")
        layers: list[int] = []
        for number, node in enumerate(self.nodes):
            if any(not 0 <= parent < number for parent in node.parents):
                raise SpecError(f"node {number} of a trace has a parent that does not come before it.")
            layers.append(1 + max((layers[parent] for parent in node.parents), default=-1))
        object.__setattr__(self, "layers", tuple(layers))

    @property
    def places(self) -> list[tuple[float, int]]:
        """Of every node (x, layer), x centred on 0 and 1 apart."""
        counts = np.bincount(self.layers)
        taken = np.zeros(len(counts), dtype=int)
        places = []
        for layer in self.layers:
            places.append((float(taken[layer] - (counts[layer] - 1) / 2), layer))
            taken[layer] += 1
        return places

    @property
    def path(self) -> set[int]:
        """The nodes on the way to the answer, it included."""
        way, at = {self.chosen}, self.chosen
        while self.nodes[at].parents:
            at = self.nodes[at].parents[0]
            way.add(at)
        return way


def graph_of_solution(solution: Solution, title: str) -> TraceGraph:
    """The attempts at a puzzle: readings by the net and samples of the device, under the puzzle."""
    box, puzzle = solution.box, solution.puzzle
    nodes = [TraceNode("puzzle", "start", grid=_grid(puzzle), given=_given(puzzle, puzzle))]
    for number, attempt in enumerate(solution.attempts):
        guessed = np.flatnonzero((attempt.clues > 0) & (puzzle == 0))
        facts = [f"rules broken: {attempt.broken}" if attempt.broken else "every rule holds"]
        if attempt.kind == "reading":
            facts.append(f"halting logit {attempt.halting:+.2f}")
        for cell in guessed.tolist():
            facts.append(f"guess: {attempt.clues[cell]} at row {cell // box.side + 1}, column {cell % box.side + 1}")
        nodes.append(
            TraceNode(
                f"{attempt.kind} {number + 1}",
                attempt.kind,
                (attempt.parent + 1,),
                -float(attempt.broken),
                tuple(facts),
                _grid(attempt.grid),
                _given(puzzle, attempt.clues),
            )  # fmt: skip
        )
    about = f"{solution.readings} readings, {len(solution.attempts) - solution.readings} samples of the device, "
    about += f"{solution.sweeps} sweeps; " + ("solved" if solution.broken == 0 else "not solved")
    return TraceGraph(title, about, tuple(nodes), solution.chosen + 1, box)


def graph_of_readings(box: Box, puzzle: np.ndarray, readings: Readings, title: str) -> TraceGraph:
    """The supervision steps of one reading of one puzzle."""
    nodes = [TraceNode("puzzle", "start", grid=_grid(puzzle), given=_given(puzzle, puzzle))]
    for number, grid in enumerate(readings.grids[:, 0]):
        broken = int(rules_broken(box, puzzle, grid))
        facts = (f"rules broken: {broken}" if broken else "every rule holds",)
        facts += (f"halting logit {readings.halting[number, 0]:+.2f}",)
        if number:
            facts += (f"{int((grid != readings.grids[number - 1, 0]).sum())} cells changed",)
        place = f"step {number + 1}", "step", (number,), -float(broken)
        nodes.append(TraceNode(*place, facts, _grid(grid), _given(puzzle, puzzle)))
    return TraceGraph(title, f"one reading of {len(nodes) - 1} supervision steps", tuple(nodes), len(nodes) - 1, box)


def graph_of_dag(dag: Dag, title: str, chosen: int | None = None) -> TraceGraph:
    """The states of a row of a TRLinkos; ``chosen`` is the number of the answer's node, by default the best's."""
    names = {name: number for number, name in enumerate(dag.nodes)}
    nodes = tuple(
        TraceNode(
            node.label.replace("round ", "r").replace(" branch ", " b") or f"node {number}",
            "state",
            tuple(names[parent] for parent in node.parents),
            node.score,
            (
                f"score {node.score:.3f}", f"SHA-256 {node.name[:16]}…",
                *(f"{len(inner.nodes)} inner steps" for inner in node.nested),
            ),
            values=tuple(float(value) for value in node.state.reshape(-1)),
        )
        for number, node in enumerate(dag.nodes.values())
    )  # fmt: skip
    about = f"{len(nodes)} states; the hashes {'hold' if dag.verify() else 'DO NOT HOLD'}"
    return TraceGraph(title, about, nodes, names[dag.best().name] if chosen is None else chosen)


def _grid(grid: np.ndarray) -> tuple[int, ...]:
    return tuple(int(digit) for digit in grid)


def _given(puzzle: np.ndarray, clues: np.ndarray) -> tuple[int, ...]:
    return tuple(np.where(puzzle > 0, 1, np.where(clues > 0, 2, 0)).tolist())
