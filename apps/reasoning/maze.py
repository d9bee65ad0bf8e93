"""Mazes with one shortest path: made, read, checked, solved.

A maze is a board of floor and wall squares; a path goes from S to G over floor, up, down, left or right. There may be
detours and loops, but only one path of the least length.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError

Place = tuple[int, int]
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


@dataclass(frozen=True, eq=False)
class Maze:
    """``floor`` bool ``[H, W]``, and the squares ``start`` and ``goal`` (row, column).

    Raises:
        SpecError: not a board, or start or goal off it, on a wall, or the same.
    """

    floor: np.ndarray
    start: Place
    goal: Place

    def __post_init__(self) -> None:
        if self.floor.ndim != 2 or self.floor.dtype != np.bool_:
            raise SpecError(f"a maze is a bool board [H, W], got {self.floor.dtype} {list(self.floor.shape)}.")
        for name, (row, column) in (("start", self.start), ("goal", self.goal)):
            height, width = self.floor.shape
            if not (0 <= row < height and 0 <= column < width and self.floor[row, column]):
                raise SpecError(f"the {name} of a maze is a floor square, and row {row}, column {column} is none.")
        if self.start == self.goal:
            raise SpecError("start and goal of a maze are different squares.")

    def around(self, place: Place) -> list[Place]:
        """Floor squares beside one."""
        height, width = self.floor.shape
        beside = [(place[0] + down, place[1] + right) for down, right in _STEPS]
        return [(r, c) for r, c in beside if 0 <= r < height and 0 <= c < width and self.floor[r, c]]

    def shortest(self) -> tuple[list[Place], int]:
        """One path of the least length, start and goal included, and how many there are; empty and 0 without any."""
        far, ways, back = {self.start: 0}, {self.start: 1}, dict[Place, Place]()
        queue = deque([self.start])
        while queue:
            here = queue.popleft()
            for there in self.around(here):
                if there not in far:
                    far[there], ways[there], back[there] = far[here] + 1, 0, here
                    queue.append(there)
                if far[there] == far[here] + 1:
                    ways[there] += ways[here]
        if self.goal not in far:
            return [], 0
        path = [self.goal]
        while path[-1] != self.start:
            path.append(back[path[-1]])
        return path[::-1], ways[self.goal]

    def text(self, path: list[Place] | None = None) -> str:
        """Lines of # for walls, blanks for floor, S and G, and dots on a path."""
        marks = np.where(self.floor, " ", "#")
        for row, column in path or []:
            marks[row, column] = "."
        marks[self.start], marks[self.goal] = "S", "G"
        return "\n".join("".join(line) for line in marks)


def make_maze(rows: int, columns: int, seed: int, *, loops: int = 4) -> Maze:
    """A maze of ``rows`` × ``columns`` rooms, (2·rows + 1) × (2·columns + 1) squares, from one corner to the other.

    Args:
        rows, columns: at least 2.
        seed: of everything.
        loops: walls opened beyond the spanning tree of rooms, where one shortest path is left; fewer where not so many
            can be.
    """
    if min(rows, columns) < 2 or loops < 0:
        raise SpecError(f"a maze has at least 2 by 2 rooms and no negative loops, got {rows} by {columns} and {loops}.")
    rng = np.random.default_rng(seed)
    floor = np.zeros((2 * rows + 1, 2 * columns + 1), dtype=bool)
    stack, seen = [(0, 0)], {(0, 0)}
    floor[1, 1] = True
    while stack:
        row, column = stack[-1]
        beside = [(row + down, column + right) for down, right in _STEPS]
        free = [p for p in beside if 0 <= p[0] < rows and 0 <= p[1] < columns and p not in seen]
        if not free:
            stack.pop()
            continue
        there = free[int(rng.integers(len(free)))]
        floor[2 * there[0] + 1, 2 * there[1] + 1] = True
        floor[row + there[0] + 1, column + there[1] + 1] = True
        seen.add(there)
        stack.append(there)
    ends = (1, 1), (2 * rows - 1, 2 * columns - 1)
    walls = [(r, c) for r in range(1, 2 * rows) for c in range(1, 2 * columns) if (r + c) % 2 == 1 and not floor[r, c]]
    for number in rng.permutation(len(walls)).tolist():
        if not loops:
            break
        floor[walls[number]] = True
        if Maze(floor, *ends).shortest()[1] == 1:
            loops -= 1
        else:
            floor[walls[number]] = False
    return Maze(floor, *ends)


def read_maze(text: str) -> Maze:
    """A maze from its lines: #, blanks or dots, one S and one G.

    Raises:
        SpecError: another character, lines of different length, or not one S and one G.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or len({len(line) for line in lines}) != 1:
        raise SpecError("a maze is written in lines of equal length.")
    marks = np.array([list(line) for line in lines])
    wrong = sorted(set(marks.ravel().tolist()) - set("# .SG"))
    if wrong:
        raise SpecError(f"a maze is written with #, blanks, dots, S and G; found {wrong[0]!r}.")
    ends = []
    for mark in "SG":
        found = np.argwhere(marks == mark)
        if len(found) != 1:
            raise SpecError(f"a maze has one {mark}, this one has {len(found)}.")
        ends.append((int(found[0, 0]), int(found[0, 1])))
    return Maze(marks != "#", ends[0], ends[1])


def check_maze(maze: Maze) -> list[Place]:
    """The maze's one shortest path.

    Raises:
        SpecError: there is no path, or several of the least length.
    """
    path, ways = maze.shortest()
    if ways == 0:
        raise SpecError("this maze has no solution: no path leads from S to G.")
    if ways > 1:
        raise SpecError(f"this maze has several solutions: {ways} shortest paths of {len(path) - 1} steps.")
    return path


def solves_maze(maze: Maze, path: list[Place]) -> bool:
    """Whether a path goes from start to goal over neighbouring floor squares and is of the least length."""
    if not path or path[0] != maze.start or path[-1] != maze.goal:
        return False
    joined = all(there in maze.around(here) for here, there in zip(path, path[1:]))
    return joined and len(path) == len(maze.shortest()[0])
