"""FabricSampler: a compiled program on a device, sampling whatever parameters a machine has.

    program = thermofab.compile(machine.ising(), fabric, keep_zero=True)
    sampler = FabricSampler(program, device="jax")
    chains = sampler.sample(machine, Schedule(100, 1), replicas=64, seed=1)[:, -1]

New parameters are put on the sites and wires of the one program that was compiled; nothing is placed again. They are
always put on that same program, never on the last one, so that the integers depend on the parameters alone.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec import IsingModel, Program, Samples, Schedule, SpecError, open_device
from thermofab.hw.spec.device import Device
from thermofab.models.boltzmann.connections import Connections
from thermofab.models.boltzmann.held import at_step, held_by
from thermofab.models.boltzmann.machine import BoltzmannMachine, checked_data

STEPS = ("searched", "fixed")


@dataclass(frozen=True, eq=False)
class FabricSampler:
    """What training and generation sample with.

    Attributes:
        template: a program compiled from the machine's :meth:`~BoltzmannMachine.ising`, with ``keep_zero=True`` where
            couplings may be 0.
        device: a name for :func:`thermofab.open_device`, or an open device.
        step: ``"searched"``: an integer's worth is chosen near the template's for every set of parameters
            (:meth:`Program.with_weights`); ``"fixed"``: it stays the template's, and what is beyond the range is cut
            (:func:`~thermofab.models.boltzmann.held.at_step`).
    """

    template: Program
    device: Device | str = "jax"
    step: str = "searched"

    def __post_init__(self) -> None:
        if self.step not in STEPS:
            raise SpecError(f"step must be one of {', '.join(STEPS)}, got {self.step!r}.")
        if isinstance(self.device, str):
            object.__setattr__(self, "device", open_device(self.device, self.template.fabric))

    @property
    def running(self) -> Device:
        """The open device."""
        assert not isinstance(self.device, str)
        return self.device

    def holding(self, machine: BoltzmannMachine) -> Program:
        """The program with the machine's parameters, rounded to the fabric's integers.

        Raises:
            SpecError: the template was compiled from a machine of another graph, at another temperature, or without
                ``keep_zero=True`` and with couplings of 0.
        """
        self._check(machine.connections)
        if self.step == "fixed":
            return at_step(self.template, machine)
        return self.template.with_weights(
            biases=np.asarray(machine.biases, dtype=np.float64),
            couplings=np.asarray(machine.couplings, dtype=np.float64),
        )

    def held(self, machine: BoltzmannMachine) -> BoltzmannMachine:
        """What the integers stand for (:func:`held_by`)."""
        return held_by(self.holding(machine), machine.connections)

    def run(
        self,
        program: Program,
        connections: Connections,
        schedule: Schedule,
        *,
        replicas: int,
        seed: int,
        init: np.ndarray | None = None,
        visible: np.ndarray | None = None,
        given: Mapping[Hashable, Any] | None = None,
    ) -> Samples:
        """Run a program that :meth:`holding` gave.

        Args:
            program: what to run.
            connections: of the machine.
            schedule: sweeps and samples.
            replicas: chains; with ``visible``, as many as it has rows.
            seed: of the run.
            init: bool ``[R, n]``, where chains start; by default drawn from the seed.
            visible: bool ``[R, v]``: clamps the visible nodes.
            given: node to value (one, or ``[R]``): clamps any nodes.
        """
        clamp: dict[Hashable, Any] = {}
        if visible is not None:
            rows = checked_data(connections, visible)
            clamp = {connections.nodes[k]: rows[:, place] for place, k in enumerate(connections.visible.tolist())}
        clamp |= dict(given or {})
        return program.sample(
            schedule,
            clamp=clamp or None,
            init=None if init is None else [np.asarray(init)],
            replicas=replicas,
            seed=seed,
            device=self.device,
        )

    def sample(
        self,
        machine: BoltzmannMachine,
        schedule: Schedule,
        *,
        replicas: int,
        seed: int,
        init: np.ndarray | None = None,
        visible: np.ndarray | None = None,
        given: Mapping[Hashable, Any] | None = None,
    ) -> np.ndarray:
        """States of all nodes, bool ``[R, S, n]``; arguments as in :meth:`run`. ``given`` (or ``visible``) makes it
        conditional sampling: the distribution of the other nodes given those.
        """
        program = self.holding(machine)
        run = self.run(
            program,
            machine.connections,
            schedule,
            replicas=replicas,
            seed=seed,
            init=init,
            visible=visible,
            given=given,
        )
        return run.node_states

    def _check(self, connections: Connections) -> None:
        model = self.template.model
        if not (
            isinstance(model, IsingModel)
            and (model.nodes, model.beta) == (connections.nodes, 1.0)
            and np.array_equal(model.edges, connections.edges)
        ):
            raise SpecError(
                "this sampler's program was compiled from another model; compile machine.ising() with keep_zero=True "
                "and β = 1, and give that program."
            )
