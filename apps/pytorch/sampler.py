"""FabricSampler: spins of a torch machine from a fabric, compiled once; a draw takes the parameters of the moment."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from thermofab.apps.pytorch.checks import checked_rows, checked_spins
from thermofab.apps.pytorch.machine import GraphRestrictedBoltzmannMachine
from thermofab.compiler.pipeline import compile
from thermofab.hw.spec import (
    Device,
    IsingModel,
    Program,
    Quantisation,
    Schedule,
    SpecError,
    ToolMissingError,
    Topology,
    fabric,
    open_device,
    to_spins,
)
from thermofab.models.seeds import derived

Chains = Literal["persistent", "fresh"]


class FabricSampler:
    """Draws from a machine on any device.

    The machine is compiled when the sampler is made. A draw puts the parameters of the moment on the same sites and
    wires (:meth:`thermofab.Program.with_weights`), rounded to the fabric's integers: :attr:`quantisation` says how, and
    :meth:`held` what they are. Draws are functions of the seed, the parameters and the number of draws before, so two
    bit-exact devices give the same spins.

    Args:
        machine: whose parameters are sampled.
        fabric: what :func:`thermofab.fabric` takes; by default one of the machine's own graph, with 8-bit weights. On a
            smaller or sparser one the machine is embedded, or the compiler says why it cannot be.
        device: a name for :func:`thermofab.open_device`, or an open device for the fabric.
        schedule: sweeps before the samples of a draw, samples, and sweeps between them.
        replicas: chains.
        seed: of everything drawn here.
        chains: ``"persistent"`` goes on from where the last draw ended (PCD); ``"fresh"`` starts at coin flips.
        burn_in: sweeps of new chains before the schedule: those of the first draw, or of all draws of fresh chains.
        conditional: the schedule of draws with known spins, whose chains are always new.
        options: of :func:`thermofab.compile`.

    Raises:
        CompileError: the graph does not fit the fabric.
        SpecError: arguments out of range, or weights that are not finite.
    """

    def __init__(
        self,
        machine: GraphRestrictedBoltzmannMachine,
        *,
        fabric: Any = None,
        device: str | Device = "native",
        schedule: Schedule = Schedule(1, 1),  # noqa: B008 (frozen)
        replicas: int = 64,
        seed: int = 0,
        chains: Chains = "persistent",
        burn_in: int = 100,
        conditional: Schedule = Schedule(50, 1),  # noqa: B008 (frozen)
        **options: Any,
    ) -> None:
        if chains not in ("persistent", "fresh"):
            raise SpecError(f"chains must be 'persistent' or 'fresh', got {chains!r}.")
        for name, value, low in (("replicas", replicas, 1), ("burn_in", burn_in, 0), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
        self._machine = machine
        self.schedule, self.replicas, self.seed = schedule, replicas, seed
        self.chains, self.burn_in, self.conditional = chains, burn_in, conditional
        self._fabric = _own_graph(machine) if fabric is None else fabric
        self._options = {"keep_zero": True, "verify": False, **options}
        self._compile(machine.ising())
        self.device: Device = open_device(device, self.template.fabric) if isinstance(device, str) else device
        self._states: np.ndarray | None = None
        self._draws = 0

    @property
    def machine(self) -> GraphRestrictedBoltzmannMachine:
        return self._machine

    @property
    def program(self) -> Program:
        """The program with the machine's parameters of this moment."""
        biases, couplings = self.machine.weights()
        held = self._program.model
        assert isinstance(held, IsingModel)
        if not (np.array_equal(held.biases, biases) and np.array_equal(held.couplings, couplings)):
            self._program = self.template.with_weights(biases=biases, couplings=couplings)
        return self._program

    @property
    def quantisation(self) -> Quantisation:
        """What rounding does to the parameters of this moment: step, values cut, largest error, predicted distance."""
        return self.program.report.quantisation

    def held(self) -> GraphRestrictedBoltzmannMachine:
        """A machine of the values that the integers stand for.

        Raises:
            SpecError: the fabric carries a coupling by several sites, so no single integer stands for it.
            ToolMissingError: the models' packages are not installed.
        """
        try:
            from thermofab.models.boltzmann import held_by
        except ImportError as missing:
            raise ToolMissingError("held() needs the models: pip install 'thermofab[torch,models]'") from missing
        graph = self.machine.graph
        found = held_by(self.program, self.machine.to_boltzmann().connections)
        couplings = np.empty(len(graph.edges))
        couplings[graph.order] = -np.asarray(found.couplings)
        return GraphRestrictedBoltzmannMachine(
            graph.nodes,
            graph.edges,
            hidden_nodes=graph.hidden_nodes,
            linear=-np.asarray(found.biases),
            quadratic=couplings,
        )

    def sample(self, x: Tensor | None = None, *, start: Tensor | None = None) -> Tensor:
        """Spins ±1, where the parameters are and of their type.

        Args:
            x: ``[B, n]``: known spins, nan for unknown ones, which are drawn given the known.
            start: ``[R, n]``: chains start here, whatever ``chains`` says, and are not gone on with (CD-k).

        Returns:
            ``[R·S, n]``, samples of one chain next to each other; with ``x``, ``[B, S, n]``.

        Raises:
            SpecError: shapes or values that do not fit.
        """
        widths = {self.machine.n_nodes: "all nodes"}
        if x is not None:
            if start is not None:
                raise SpecError("draws given x start at coin flips; give x or start, not both.")
            return self._given(checked_spins("x", checked_rows("x", x, widths), unknown=True))
        if start is not None:
            rows = checked_spins("start", checked_rows("start", start, widths))
            states = self._run(self.schedule, len(rows), init=_bits(rows))
        elif self.chains == "persistent" and self._states is not None:
            states = self._run(self.schedule, self.replicas, init=self._states)
        else:
            states = self._run(_later(self.schedule, self.burn_in), self.replicas)
        if start is None and self.chains == "persistent":
            self._states = states[:, -1].copy()
        return self._tensor(states.reshape(-1, self.machine.n_nodes))

    def complete(self, v: Tensor) -> Tensor:
        """Data ``[B, v]`` with the hidden nodes drawn given them: ``[B, S, n]``. Gradients flow to the data."""
        rows = checked_spins("v", checked_rows("v", v, {self.machine.n_visible: "the visible nodes"}))
        known = torch.full((len(rows), self.machine.n_nodes), torch.nan)
        known[:, self.machine.visible_idx.cpu()] = rows.detach().to(known)
        drawn = self.sample(known)
        seen = rows.to(drawn)[:, None].expand(-1, drawn.shape[1], -1)
        return drawn.index_copy(2, self.machine.visible_idx, seen)

    def state_dict(self) -> dict[str, Any]:
        """What going on bit for bit needs beside the machine's own: the chains, the draws done, and the weights that
        the sampler was compiled with (tensors and one integer).
        """
        model = self.template.model
        assert isinstance(model, IsingModel)
        return {
            "biases": torch.tensor(model.biases),
            "couplings": torch.tensor(model.couplings),
            "chains": None if self._states is None else torch.tensor(self._states),
            "draws": self._draws,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken, of a sampler of the same arguments."""
        graph = self.machine.graph
        biases, couplings = state["biases"].numpy(), state["couplings"].numpy()
        if biases.shape != (len(graph.nodes),) or couplings.shape != (len(graph.edges),):
            raise SpecError("this state is of a sampler of another graph.")
        chains = state["chains"]
        if chains is not None and chains.shape != (self.replicas, len(graph.nodes)):
            raise SpecError(f"this state has chains {tuple(chains.shape)}, the sampler {self.replicas} of them.")
        self._compile(IsingModel(graph.nodes, biases, graph.sorted_ends, couplings))
        self._states = None if chains is None else chains.numpy().copy()
        self._draws = int(state["draws"])

    def _compile(self, model: IsingModel) -> None:
        self.template = compile(model, self._fabric, **self._options)
        self._program = self.template

    def _given(self, known: Tensor) -> Tensor:
        """Draws given known spins. Which sites are clamped is the same for all chains of a run, so rows with the same
        unknown nodes run together.
        """
        rows = known.detach().cpu().numpy()
        masks, kind = np.unique(np.isnan(rows), axis=0, return_inverse=True)
        out = np.empty((len(rows), self.conditional.n_samples, rows.shape[1]), dtype=bool)
        for k, unknown in enumerate(masks):
            chosen = np.flatnonzero(kind.reshape(-1) == k)
            clamp = {self.machine.graph.nodes[node]: rows[chosen, node] > 0 for node in np.flatnonzero(~unknown)}
            out[chosen] = self._run(self.conditional, len(chosen), clamp=clamp or None)
        return self._tensor(out)

    def _run(
        self,
        schedule: Schedule,
        replicas: int,
        init: np.ndarray | None = None,
        clamp: dict[Any, np.ndarray] | None = None,
    ) -> np.ndarray:
        seed = derived(self.seed, self._draws)
        samples = self.program.sample(
            schedule,
            clamp=clamp,
            init=None if init is None else [init],
            replicas=replicas,
            seed=seed,
            device=self.device,
        )
        self._draws += 1
        return samples.node_states

    def _tensor(self, states: np.ndarray) -> Tensor:
        return torch.as_tensor(to_spins(states)).to(self.machine.linear)


def _own_graph(machine: GraphRestrictedBoltzmannMachine) -> Any:
    graph = machine.graph
    return fabric(Topology.from_edges("boltzmann", len(graph.nodes), graph.sorted_ends, labels=graph.nodes))


def _later(schedule: Schedule, sweeps: int) -> Schedule:
    return Schedule(
        schedule.n_warmup + sweeps, schedule.n_samples, schedule.steps_per_sample, schedule.anneal, schedule.level
    )


def _bits(spins: Tensor) -> np.ndarray:
    return (spins.detach() > 0).cpu().numpy()
