"""What a call asks for, and one run of it on the host."""

import sys
import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.compiler.certify.accept import warning_of
from thermofab.compiler.distributions.exact import clamp_values
from thermofab.compiler.drop_in.programs import KEPT, Folding
from thermofab.compiler.ir.folding import folded
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.native_fabric import has_hidden_spins
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import DistributionWarning
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.factors import LARGEST_FACTOR
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.schedule import Schedule

# Of nodes, in the order of a model: one array per requested block.
Numbers = list[np.ndarray]
# Of nodes that are clamped when compiling, (number, value) in order, to the program.
Ready = Callable[[tuple[tuple[int, int], ...]], Program]


@dataclass(frozen=True)
class Sampling:
    """What a call asks for, apart from keys and states."""

    program: Any
    schedule: Schedule
    wanted: tuple[tuple[Hashable, ...], ...]
    fabric: Any
    device: Device | str
    tolerance: float | None
    seed: int

    def compiled(self, lowered: Lowered, known: dict[int, int]) -> Program:
        """The program on its fabric, with these nodes folded."""
        left = folded(lowered, {lowered.model.nodes[k]: value for k, value in known.items()})
        folding = Folding(lowered, known, left, self.tolerance, self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DistributionWarning)  # said below, of cached programs too
            if self.fabric is None:
                made = KEPT.compiled_fine(folding, spec := KEPT.own_fabric(self.program, left))
            else:
                made = KEPT.compiled(folding, spec := make_fabric(self.fabric))
        if self.fabric is None and has_hidden_spins(spec):
            _warn_caller(
                f"a term of this program has more than {LARGEST_FACTOR} bits, which no factor holds, so hidden spins "
                "stand for it; samples are correlated over more sweeps than THRML's, and small weights round more "
                "coarsely. Take longer warm-ups and more steps per sample, or split the term."
            )
        if self.tolerance is None and (doubt := warning_of(made)):
            finer = " A fabric of the program's own: fabric=thermofab.fabric_of(program, profile='fine')."
            _warn_caller(doubt if made.fabric == make_fabric(made.fabric, profile="fine") else doubt + finer)
        return made

    def numbers(self, lowered: Lowered) -> Numbers:
        """The requested nodes by number: a cached program may hold the equal nodes of an earlier THRML program."""
        index = {node: k for k, node in enumerate(lowered.model.nodes)}
        return [np.array([index[node] for node in block], dtype=np.int64) for block in self.wanted]

    def run(
        self,
        lowered: Lowered,
        wanted: Numbers,
        ready: Ready,
        seeds: Sequence[int],
        init: list[np.ndarray] | None,
        clamp: list[np.ndarray],
    ) -> list[np.ndarray]:
        """States ``[B, n_samples, nodes]`` per requested block, of a chain per seed, with states ``[B, nodes]``."""
        states: list[np.ndarray] = []
        for rows, known in _alike(lowered, clamp, len(seeds)):
            compiled = ready(known)
            samples = compiled.sample(
                self.schedule,
                nodes=[],  # read below, by number: naming them takes longer than a short run
                clamp=[values[rows] for values in clamp],
                init=None if init is None else [values[rows] for values in init],
                seed=[seeds[row] for row in rows],
                replicas=len(rows),
                device=self.device,
            )
            parts = [compiled.read(samples.sites, block) for block in wanted]
            states = states or [np.zeros((len(seeds), *part.shape[1:]), dtype=part.dtype) for part in parts]
            for whole, part in zip(states, parts):
                whole[rows] = part
        return states


def _alike(
    lowered: Lowered, clamp: list[np.ndarray], count: int
) -> list[tuple[np.ndarray, tuple[tuple[int, int], ...]]]:
    """Chains that share a compiled program, and the nodes folded into it.

    A term of higher order loses its clamped nodes: fewer hidden spins, and chains that mix sooner.
    """
    if not isinstance(lowered.model, DiscreteModel):
        return [(np.arange(count), ())]
    groups: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for row in range(count):
        known = clamp_values(lowered, [values[row] for values in clamp])
        groups.setdefault(tuple(sorted(known.items())), []).append(row)
    return [(np.array(rows), known) for known, rows in groups.items()]


def _warn_caller(text: str) -> None:
    """Warn of the line that called this package, through JAX or not."""
    level, frame = 1, sys._getframe()
    between = "thermofab.", "jax.", "equinox.", "contextlib"
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(between):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, DistributionWarning, stacklevel=level)
