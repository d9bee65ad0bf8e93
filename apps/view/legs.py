"""Legs: the stretches of a run between changes, each one call of :meth:`Program.sample`.

A leg is ``program.sample(Schedule(sweeps, 1), seed=…, clamp=…, init=…)`` of the program with its factor on β. Its
chains are held between frames, so a frame costs its own sweeps only; the states are those of the call, bit for bit.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np

from thermofab.apps.view.controls import Controls
from thermofab.hw.spec import Device, Program
from thermofab.hw.spec.auto import with_levels
from thermofab.sim.chains import Chains
from thermofab.sim.holding import holding, start_chains


@dataclass(frozen=True, eq=False)
class Leg:
    """What is run from one change to the next.

    Attributes:
        number: 0 after a restart.
        seed: of the call.
        factor: on β.
        clamp: state by node number.
        previous: the leg whose last states this one begins from; ``None`` where they are drawn from the seed.
        swept: sweeps of the previous leg.
    """

    number: int
    seed: int
    factor: float
    clamp: Mapping[int, int] = field(default_factory=dict)
    previous: "Leg | None" = None
    swept: int = 0

    @staticmethod
    def of(controls: Controls) -> "Leg":
        """The first leg after a restart."""
        return Leg(0, controls.seed, controls.factor, controls.clamp)

    def followed(self, controls: Controls, swept: int) -> "Leg":
        """The leg after ``swept`` sweeps of this one."""
        return Leg(self.number + 1, self.seed + 1, controls.factor, controls.clamp, self, swept)

    def serves(self, controls: Controls) -> bool:
        """Whether nothing was changed that a leg has."""
        return self.factor == controls.factor and self.clamp == controls.clamp

    def history(self) -> "list[Leg]":
        """All legs since the restart, the first one first."""
        legs: list[Leg] = [self]
        while (before := legs[-1].previous) is not None:
            legs.append(before)
        return legs[::-1]


def at_factor(program: Program, factor: float) -> Program:
    """The program with ``factor`` times its β at level 0: the activation table alone changes."""
    return program if factor == 1 else with_levels(program, [factor])


def named(program: Program, clamp: Mapping[int, int]) -> dict[Hashable, int]:
    """Clamps by node, as :meth:`Program.sample` takes them."""
    return {program.model.nodes[node]: state for node, state in clamp.items()}


def init_of(program: Program, nodes: np.ndarray) -> list[np.ndarray]:
    """States of all nodes ``[R, n]`` by free block, as :meth:`Program.sample` takes them."""
    return [nodes[:, list(block)] for block in program.free_blocks]


def start(program: Program, device: Device, leg: Leg, nodes: np.ndarray | None, replicas: int) -> Chains:
    """Chains of a leg that have not swept yet.

    Args:
        nodes: states ``[R, n]`` to begin from; drawn from the leg's seed where ``None``.
    """
    ready = at_factor(program, leg.factor)
    init = None if nodes is None else init_of(program, nodes)
    site_clamp, site_init = ready.site_states(named(program, leg.clamp), init, replicas)
    device.load(ready.image)
    held = holding(device, "the live page")
    return start_chains(held, replicas=replicas, init=site_init, clamp=site_clamp, seed=leg.seed)
