r"""A layer: the Boltzmann machine on the fabric that takes one step of the noise back.

    P_θ(x^{t-1}, z | x^t) ∝ exp(Γ_t Σ_i x^{t-1}_i x^t_i + Σ_i b_i s_i + Σ_(i,j) J_ij s_i s_j),

s being all sites: pixels x^{t-1}, latents z, and inputs x^t, which are clamped. The pairs (x^{t-1}_i, x^t_i) carry Γ_t
and are not trained; of the other edges, those of inputs in the grid are trained too (``conditioning="all"``) or held at
0 (``"pairs"``: x^t enters through Γ_t alone, as in the paper, and as it does anyway where inputs are beside the grid).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import Counts, FabricSpec, Ledger, Program, Schedule, SpecError
from thermofab.hw.spec.device import CountingDevice
from thermofab.models.boltzmann.connections import on_topology
from thermofab.models.boltzmann.machine import BoltzmannMachine
from thermofab.models.boltzmann.sampler import FabricSampler
from thermofab.models.dtm.roles import Roles

CONDITIONING = ("pairs", "all")


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer's roles, parameters, and which couplings are trained.

    Attributes:
        roles: of the sites.
        machine: parameters of all sites and edges of the fabric, Γ_t included.
        trained: bool ``[m]``.
    """

    roles: Roles
    machine: BoltzmannMachine
    trained: np.ndarray

    @staticmethod
    def fresh(roles: Roles, gamma: float, conditioning: str = "all", scale: float = 0.02, seed: int = 0) -> "Layer":
        """Couplings normal of deviation ``scale``; Γ_t on the pairs."""
        if conditioning not in CONDITIONING:
            raise SpecError(f"conditioning must be one of {', '.join(CONDITIONING)}, got {conditioning!r}.")
        connections = on_topology(roles.topology, roles.pixels.tolist())
        machine = BoltzmannMachine.random(connections, scale, seed)
        couplings = np.array(machine.couplings)
        trained = np.ones(connections.n_edges, dtype=bool)
        if len(roles.inputs):
            if conditioning == "pairs":
                trained[np.isin(connections.edges, roles.inputs).any(axis=1)] = False
            trained[roles.pair_edges] = False
            couplings[~trained] = 0.0
            couplings[roles.pair_edges] = gamma
        return Layer(roles, BoltzmannMachine.of(connections, machine.biases, couplings), trained)

    def with_machine(self, machine: BoltzmannMachine) -> "Layer":
        return Layer(self.roles, machine, self.trained)

    def template(
        self, spec: FabricSpec, compile: Callable[..., Program], betas: Sequence[float], seed: int = 0
    ) -> Program:
        """The program to sample with, one site per node: ``compile`` is :func:`thermofab.compile`."""
        return compile(self.machine.ising(), spec, keep_zero=True, beta_levels=tuple(betas), seed=seed, verify=False)

    def clamps(self, replicas: int, inputs: np.ndarray | None, pixels: np.ndarray | None = None) -> np.ndarray:
        """int8 ``[R, N]`` of sites: inputs, and pixels where given, clamped; the rest free."""
        clamp = np.full((replicas, self.roles.topology.n_sites), -1, dtype=np.int8)
        if len(self.roles.inputs):
            if inputs is None or np.shape(inputs) != (replicas, len(self.roles.inputs)):
                raise SpecError(
                    f"this layer needs its input: bool ({replicas}, {len(self.roles.inputs)}), got "
                    f"{None if inputs is None else np.shape(inputs)}."
                )
            clamp[:, self.roles.inputs] = inputs
        if pixels is not None:
            clamp[:, self.roles.pixels] = pixels
        return clamp

    def counted(
        self, sampler: FabricSampler, program: Program, schedule: Schedule, clamp: np.ndarray, seed: int
    ) -> Counts:
        """Σn_i and Σn_i n_j of every replica, counted by the device; no state is kept."""
        _check_native(program, self.machine)
        device = sampler.running
        if not isinstance(device, CountingDevice):
            raise SpecError(
                f"counting needs a device that accumulates, as simulators do; '{device.info().name}' does not."
            )
        device.load(program.image)
        return device.accumulate(schedule, replicas=len(clamp), clamp=clamp, seed=seed)

    def sampled(
        self, sampler: FabricSampler, program: Program, schedule: Schedule, clamp: np.ndarray, seed: int
    ) -> tuple[np.ndarray, Ledger]:
        """Site states bool ``[R, S, N]``, and what they cost."""
        _check_native(program, self.machine)
        sampler.running.load(program.image)
        run = sampler.running.run(schedule, replicas=len(clamp), clamp=clamp, seed=seed)
        return run.sites, run.ledger


def _check_native(program: Program, machine: BoltzmannMachine) -> None:
    """Sites are read as nodes and edges as couplings, so that they must be each other's."""
    top = program.fabric.topology
    if not np.array_equal(program.roots, np.arange(top.n_sites)) or not np.array_equal(
        top.edges, machine.connections.edges
    ):
        raise SpecError("a layer's program must have one site per node: compile it for a fabric of its own topology.")
