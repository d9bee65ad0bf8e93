"""MarketGraph: a hand-made graph of market features over a few time slices, each up or down."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thermofab.compiler import compile as compile_program
from thermofab.hw.spec import Device, IsingModel, Program, Schedule, SpecError


@dataclass(frozen=True, eq=False)
class MarketGraph:
    """See :meth:`of`.

    Attributes:
        features: their names.
        slices: time slices.
        model: the couplings; node ``(t, feature)``.
        program: the model at its inverse temperature, on a fabric.
    """

    features: tuple[str, ...]
    slices: int
    model: IsingModel
    program: Program

    @staticmethod
    def of(
        features: Sequence[str],
        slices: int = 5,
        coupling_strength: float = 0.5,
        couplings: Mapping[tuple[str, str], float] | None = None,
        fabric: Any = "king-12x12",
        beta: float = 1.0,
    ) -> "MarketGraph":
        """A graph by hand.

        Args:
            features: their names.
            slices: how many.
            coupling_strength: J of a feature with itself one slice later.
            couplings: J between two features of a slice; by default half the strength between all.
            fabric: what it is compiled for.
            beta: inverse temperature of what is sampled.

        Raises:
            SpecError: no features, two of one name, or couplings of unknown ones.
        """
        names = tuple(features)
        if not names or len(set(names)) != len(names):
            raise SpecError(f"market_features are different names, one at least; got {list(names)}.")
        if not np.isfinite(coupling_strength):
            raise SpecError(f"coupling_strength must be finite, got {coupling_strength!r}.")
        within = {(a, b): coupling_strength / 2 for i, a in enumerate(names) for b in names[i + 1 :]}
        if couplings is not None:
            unknown = [name for pair in couplings for name in pair if name not in names]
            if unknown:
                raise SpecError(f"couplings name {unknown[0]!r}, which is not among {', '.join(names)}.")
            within = dict(couplings)
        n = len(names)
        rows = [((t * n + k, (t + 1) * n + k), coupling_strength) for t in range(slices - 1) for k in range(n)]
        for (a, b), value in within.items():
            i, j = sorted((names.index(a), names.index(b)))
            rows += [((t * n + i, t * n + j), value) for t in range(slices)]
        rows.sort()
        model = IsingModel(
            tuple((t, name) for t in range(slices) for name in names),
            np.zeros(slices * n), np.array([pair for pair, _ in rows], dtype=int).reshape(-1, 2),
            np.array([value for _, value in rows], dtype=float),
        )  # fmt: skip
        at_beta = replace(model, biases=beta * model.biases, couplings=beta * model.couplings)
        return MarketGraph(names, slices, model, compile_program(at_beta, fabric, verify=False))

    def simulate(
        self, chances: Any, paths: int, seed: int, *, sweeps: int = 200, device: str | Device = "jax"
    ) -> np.ndarray:
        """±1 int8 ``[paths, slices, features]``.

        Args:
            chances: how likely each feature is up in the first slice, 0…1; ``None`` for ½ each.
            paths: chains.
            seed: of everything random.
            sweeps: before a path's sample.
            device: what samples.

        Raises:
            SpecError: chances of another number, or outside 0…1.
        """
        n = len(self.features)
        chance = np.full(n, 0.5) if chances is None else np.asarray(chances, dtype=float)
        if chance.shape != (n,) or np.any((chance < 0) | (chance > 1)):
            raise SpecError(f"initial_state gives {n} features a probability 0…1 each, got {chances!r}.")
        up = np.random.default_rng([seed, 2]).random((paths, n)) < chance
        clamp: dict[Hashable, np.ndarray] = {(0, name): up[:, k] for k, name in enumerate(self.features)}
        out = self.program.sample(Schedule(sweeps, 1), clamp=clamp, replicas=paths, seed=seed, device=device)
        return np.where(out.node_states[:, 0], 1, -1).astype(np.int8).reshape(paths, self.slices, n)
