"""The topology families, by name: ``g12-70x70-torus``, ``z1-32x32``, ``king-8x8``, ``pegasus-4``, ``complete-16``.

To add one: write a function ``(name, size, torus) -> Topology`` and a line in :data:`FAMILIES`. Grid rules are data: a
line in :data:`GRID_RULES`, or :func:`grid` with rules of your own.
"""

from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np

from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.lattice import Bond, Lattice, LatticeRule
from thermofab.hw.spec.topology import Topology

# Rule (a, b) couples (x, y) to (x+a, y+b), (x-b, y+a), (x-a, y-b), (x+b, y-a): Jelinčič et al.,
# arXiv:2510.23972, Table II. a+b is odd in all of them, so every grid has two colours. G16 and above follow one
# reading of that table; a public replication extends G12 by (10, 9) and (11, 14) instead.
GRID_RULES: dict[str, tuple[tuple[int, int], ...]] = {
    "g4": ((0, 1),),
    "g8": ((0, 1), (4, 1)),
    "g12": ((0, 1), (4, 1), (9, 10)),
    "g16": ((0, 1), (4, 1), (8, 7), (14, 9)),
    "g20": ((0, 1), (4, 1), (3, 6), (8, 7), (14, 9)),
    "g24": ((0, 1), (1, 2), (4, 1), (3, 6), (8, 7), (14, 9)),
    # arXiv:2608.01615: interior degree 16
    "z1": ((1, 0), (2, 1), (2, 3), (4, 1)),
}


def grid_rule(rules: Iterable[tuple[int, int]]) -> LatticeRule:
    """The lattice rule of a list of grid rules: each (a, b) and its three rotations, as two bonds."""
    bonds: list[Bond] = []
    for a, b in rules:
        bonds += [(0, 0, (b, a)), (0, 0, (a, -b))]
    return LatticeRule(1, tuple(bonds))


def grid(rules: Iterable[tuple[int, int]], rows: int, columns: int, torus: bool = False) -> Topology:
    """A grid with any list of rules, e.g. ``grid([(0, 1), (4, 1)], 16, 16)``."""
    rules = tuple((int(a), int(b)) for a, b in rules)
    name = "grid" + "".join(f"({a},{b})" for a, b in rules) + f"-{rows}x{columns}" + ("-torus" if torus else "")
    return Topology.from_lattice(name, Lattice(grid_rule(rules), (rows, columns), torus))


def _lattice_family(rule: LatticeRule) -> Callable[[str, tuple[int, ...], bool], Topology]:
    def build(name: str, size: tuple[int, ...], torus: bool) -> Topology:
        if len(size) == 1:
            size = size * rule.dimension
        return Topology.from_lattice(name, Lattice(rule, size, torus))

    return build


_KING = LatticeRule(1, ((0, 0, (0, 1)), (0, 0, (1, 0)), (0, 0, (1, 1)), (0, 0, (1, -1))))
_CUBIC = LatticeRule(1, ((0, 0, (1, 0, 0)), (0, 0, (0, 1, 0)), (0, 0, (0, 0, 1))))
_CHIMERA = LatticeRule(
    8,
    tuple(
        [(k, 4 + l, (0, 0)) for k in range(4) for l in range(4)]
        + [(k, k, (1, 0)) for k in range(4)]
        + [(4 + k, 4 + k, (0, 1)) for k in range(4)]
    ),
)


def _one_size(name: str, size: tuple[int, ...], torus: bool) -> int:
    if len(size) != 1:
        raise SpecError(f"'{name}' takes one size, as in '{name.split('-')[0]}-4'.")
    if torus:
        raise SpecError(f"'{name}' has no torus form; leave '-torus' out.")
    return size[0]


def _complete(name: str, size: tuple[int, ...], torus: bool) -> Topology:
    n = _one_size(name, size, torus)
    return Topology.from_edges(name, n, np.array(list(combinations(range(n), 2))).reshape(-1, 2))


def _dwave(generator: str) -> Callable[[str, tuple[int, ...], bool], Topology]:
    """Pegasus (Boothby et al., arXiv:2003.00133) and Zephyr (D-Wave report 14-1056A-A), from dwave-graphs."""

    def build(name: str, size: tuple[int, ...], torus: bool) -> Topology:
        import dwave.graphs as graphs

        graph = getattr(graphs, f"{generator}_graph")(_one_size(name, size, torus))
        layout = getattr(graphs, f"{generator}_layout")(graph)
        labels = sorted(graph.nodes)
        index = {label: k for k, label in enumerate(labels)}
        edges = [(index[a], index[b]) for a, b in graph.edges]
        return Topology.from_edges(name, len(labels), edges, np.array([layout[label] for label in labels]), labels)

    return build


def _pdit(bits: int) -> Callable[[str, tuple[int, ...], bool], Topology]:
    """A grid of cells of so many sites: a factor over every two neighbouring cells, and edges within a cell, so that a
    cell is a variable of 2^bits states that any table may couple to its four neighbours.
    """

    def build(name: str, size: tuple[int, ...], torus: bool) -> Topology:
        rows, columns = size * 2 if len(size) == 1 else size
        if torus and min(rows, columns) < 3:
            raise SpecError(
                f"'{name}' is a torus of fewer than 3 cells along a side; take 3 at least, or leave it open."
            )
        number = np.arange(rows * columns).reshape(rows, columns)
        if torus:
            pairs = [*zip(number.flat, np.roll(number, -1, 1).flat), *zip(number.flat, np.roll(number, -1, 0).flat)]
        else:
            pairs = [*zip(number[:, :-1].flat, number[:, 1:].flat), *zip(number[:-1].flat, number[1:].flat)]

        def sites(cell: int) -> list[int]:
            return list(range(cell * bits, (cell + 1) * bits))

        y, x = np.divmod(np.arange(rows * columns), columns)
        even = not torus or (rows % 2 == 0 and columns % 2 == 0)
        colours = (((x + y) % 2)[:, None] * bits + np.arange(bits)).reshape(-1)
        place = np.stack([np.repeat(x, bits) + np.tile(np.arange(bits) / (2 * bits), len(x)), np.repeat(y, bits)], 1)
        return Topology.from_edges(
            name,
            rows * columns * bits,
            [pair for cell in range(rows * columns) for pair in combinations(sites(cell), 2)],
            place,
            None,
            colours if even and pairs else None,
            [sites(int(a)) + sites(int(b)) for a, b in pairs],
        )

    return build


FAMILIES: dict[str, Callable[[str, tuple[int, ...], bool], Topology]] = {
    **{name: _lattice_family(grid_rule(rules)) for name, rules in GRID_RULES.items()},
    "king": _lattice_family(_KING),
    "cubic": _lattice_family(_CUBIC),
    "chimera": _lattice_family(_CHIMERA),
    "pegasus": _dwave("pegasus"),
    "zephyr": _dwave("zephyr"),
    "complete": _complete,
    "pdit4": _pdit(2),
    "pdit8": _pdit(3),
}


def topology(name: str) -> Topology:
    """The topology called ``name``: ``FAMILY-SIZE`` or ``FAMILY-SIZE-torus``.

    ``SIZE`` is ``ROWSxCOLUMNS`` (cubic: three extents; one number stands for all extents; pegasus, zephyr and
    complete take one number). Raises ``SpecError`` for an unknown family or a malformed size.
    """
    parts = name.split("-")
    torus = parts[-1] == "torus"
    body = parts[:-1] if torus or parts[-1] == "open" else parts
    if body[0] not in FAMILIES:
        raise SpecError(f"unknown topology family '{body[0]}' in '{name}'; known are {', '.join(FAMILIES)}.")
    try:
        (text,) = body[1:]
        size = tuple(int(extent) for extent in text.split("x"))
    except ValueError:
        raise SpecError(
            f"'{name}' is not FAMILY-SIZE or FAMILY-SIZE-torus, as in 'g12-70x70-torus' or 'pegasus-4'."
        ) from None
    return FAMILIES[body[0]](name, size, torus)
