"""THRMLProfiler: methods compared on an energy function or a program."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from thermofab.apps.profile.builtin import BUILTIN, builtin
from thermofab.apps.profile.comparison import Comparison, Row
from thermofab.apps.profile.host import host_quality, real_contestants, spin_contestants
from thermofab.apps.profile.measure import compared, timed
from thermofab.apps.profile.method import Method, Setting
from thermofab.apps.profile.methods import methods
from thermofab.apps.profile.problem import Problem, problem_of
from thermofab.apps.trading.energy import energy_model
from thermofab.hw.spec import SpecError

STATES = ("spins", "real")


@dataclass(frozen=True)
class THRMLProfiler:
    """Compares methods of sampling.

    Attributes:
        names: methods by name, all if ``None``.
        chains: independent chains, at least 8.
        warmup: sweeps (moves, of real states) before the first sample.
        steps: sweeps between samples.
        rounds: timed calls of each method, all methods in turn.
        longest: seconds that one call may last.
        memory: whether to measure each method's memory in a process of its own.
        seed: of everything random.
    """

    names: Sequence[str] | None = None
    chains: int = 64
    warmup: int = 100
    steps: int = 1
    rounds: int = 5
    longest: float = 10.0
    memory: bool = True
    seed: int = 0

    def compare_methods(
        self,
        energy_fn: Any,
        initial_state: Any = None,
        num_samples: int = 64_000,
        *,
        states: str | None = None,
        progress: Callable[[str], None] = lambda text: None,
    ) -> Comparison:
        """A table of methods.

        Args:
            energy_fn: a function from one state ``[n]`` to its energy, P ∝ exp(-energy); or a program: the name of a
                built-in one, a compiled :class:`~thermofab.Program`, or what :func:`thermofab.compile` takes.
            initial_state: of an energy function, ``[n]``. Where all its entries are -1 and +1 states are spins, else
                real numbers, and the chains of a real one start there.
            num_samples: of all chains together, rounded up to a whole number a chain.
            states: ``"spins"`` or ``"real"`` instead of what the initial state says.
            progress: called with what begins.

        Returns:
            the table; ``said`` and ``state_space`` say what was sampled, and where.

        Raises:
            SpecError: an energy function without an initial state, or a malformed argument.
        """
        setting = Setting(self.chains, max(20, -(-num_samples // self.chains)), self.warmup, self.steps)
        chosen = methods(None if self.names is None else tuple(self.names))
        if isinstance(energy_fn, str):
            return self._discrete(builtin(energy_fn), setting, chosen, progress)
        if not callable(energy_fn):
            return self._discrete(problem_of(energy_fn, "program", "a program as given"), setting, chosen, progress)
        start, energy = _start(initial_state), cast("Callable[[np.ndarray], float]", energy_fn)
        space = states or ("spins" if np.all(np.abs(start) == 1) else "real")
        if space not in STATES:
            raise SpecError(f"states must be one of {', '.join(map(repr, STATES))}, got {states!r}.")
        if space == "spins":
            try:
                model = energy_model(energy, len(start))
            except SpecError as refused:
                said = f"energy_fn over {len(start)} spins of ±1, sampled on the host alone: {refused}"
                return self._host(spin_contestants(energy, len(start)), chosen, space, said, setting, progress)
            said = f"energy_fn over {len(start)} spins of ±1, which is a sum of pairs, so that fabrics hold it"
            return self._discrete(problem_of(model, "energy_fn", said), setting, chosen, progress)
        said = (
            f"energy_fn over {len(start)} real numbers, as the initial state has others than -1 and +1; sampled on the "
            "host by Metropolis moves, for fabrics hold spins and categories"
        )
        return self._host(real_contestants(energy, start), chosen, space, said, setting, progress)

    def _discrete(
        self, problem: Problem, setting: Setting, chosen: tuple[Method, ...], progress: Callable[[str], None]
    ) -> Comparison:
        return compared(
            problem, chosen, setting, rounds=self.rounds, longest=self.longest, memory=self.memory, seed=self.seed,
            progress=progress,
        )  # fmt: skip

    def _host(self, able, chosen: tuple[Method, ...], space: str, said: str, setting: Setting, progress) -> Comparison:
        wanted = {method.name for method in chosen}
        rows = timed(
            [one for one in able if one.name in wanted], setting, host_quality, rounds=self.rounds,
            longest=self.longest, seed=self.seed, progress=progress,
        )  # fmt: skip
        found = {row.method: row for row in rows}
        held = "real numbers" if space == "real" else "terms of three spins and more given as a Python function"
        left_out = f"it has no way to sample {held}."
        whole = (found.get(m.name, Row(m.name, m.said, left_out=left_out)) for m in chosen)
        return Comparison("energy_fn", said, space, asdict(setting), tuple(whole))


def _start(initial_state: Any) -> np.ndarray:
    if initial_state is None:
        raise SpecError(
            f"an energy function needs an initial state, which says how many variables it has and whether they are "
            f"±1; give one, or a program: {', '.join(BUILTIN)}, or a compiled one."
        )
    start = np.asarray(initial_state, dtype=np.float64)
    if start.ndim != 1 or not len(start) or not np.all(np.isfinite(start)):
        raise SpecError(f"the initial state must be finite numbers [n], got shape {start.shape}.")
    return start
