"""Controls: what the viewer of a page may set, and what of it begins a new leg of the run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from thermofab.hw.spec import Program, SpecError
from thermofab.hw.spec.auto import exponent_scale

MOST_FACTOR = 4.0
MOST_SWEEPS = 1000


@dataclass(frozen=True)
class Controls:
    """What is run.

    Attributes:
        seed: of the first leg; leg k after a restart has seed + k.
        factor: on β; 1 is the program as compiled.
        clamp: state by node number; spins are 0 and 1.
        sweeps: per frame.
        restarts: counts up with every restart.
    """

    seed: int = 0
    factor: float = 1.0
    clamp: Mapping[int, int] = field(default_factory=dict)
    sweeps: int = 5
    restarts: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**63:
            raise SpecError(f"a seed is an integer in 0…2^63-1, got {self.seed!r}.")
        if isinstance(self.factor, bool) or not isinstance(self.factor, int | float):
            raise SpecError(f"a factor on β is a number, got {self.factor!r}.")
        if not 0 <= self.factor <= MOST_FACTOR:
            raise SpecError(f"a factor on β lies in 0…{MOST_FACTOR:g}, got {self.factor:g}.")
        if isinstance(self.sweeps, bool) or not isinstance(self.sweeps, int) or not 1 <= self.sweeps <= MOST_SWEEPS:
            raise SpecError(f"sweeps per frame are an integer in 1…{MOST_SWEEPS}, got {self.sweeps!r}.")

    @staticmethod
    def start(program: Program, *, seed: int = 0, sweeps: int = 5) -> "Controls":
        """The first controls of a program: nodes of its clamped blocks have state 0, all others are free."""
        return Controls(seed, clamp=dict.fromkeys(_always_clamped(program), 0), sweeps=sweeps)

    def clamped(self, program: Program, node: int, state: int | None) -> "Controls":
        """The same with a node held at a state, or free where ``state`` is ``None``.

        Raises:
            SpecError: there is no such node or state, or the node cannot be clamped or freed.
        """
        count = program.model.n_nodes
        if isinstance(node, bool) or not isinstance(node, int) or not 0 <= node < count:
            raise SpecError(f"nodes of this program are 0…{count - 1}, got {node!r}.")
        if not program.variables_of(node):
            raise SpecError(f"node {node} has one value since the program was compiled; compile it again without.")
        if state is None:
            if node in _always_clamped(program):
                raise SpecError(f"node {node} is in a clamped block of the program and always has a value.")
            return replace(self, clamp={k: value for k, value in self.clamp.items() if k != node})
        states = int(program.model.categories[node]) or 2
        if isinstance(state, bool) or not isinstance(state, int) or not 0 <= state < states:
            raise SpecError(f"states of node {node} are 0…{states - 1}, or null for a free node; got {state!r}.")
        return replace(self, clamp={**self.clamp, node: state})

    def freed(self, program: Program) -> "Controls":
        """The same with every node free that may be."""
        always = _always_clamped(program)
        return replace(self, clamp={node: state for node, state in self.clamp.items() if node in always})

    def restarted(self, seed: int) -> "Controls":
        """The same from states drawn from ``seed``."""
        return replace(self, seed=seed, restarts=self.restarts + 1)


def fixed_beta(program: Program) -> str | None:
    """Why the factor on β cannot be changed; ``None`` where it can."""
    try:
        exponent_scale(program)
    except SpecError as error:
        return str(error)
    return None


def _always_clamped(program: Program) -> frozenset[int]:
    return frozenset(k for block in program.clamped_blocks for k in block if program.variables_of(k))
