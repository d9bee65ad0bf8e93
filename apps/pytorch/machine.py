r"""GraphRestrictedBoltzmannMachine: a Boltzmann machine on any graph as a torch module, in D-Wave's sign convention.

    E(s) = Σ_i h_i s_i + Σ_(i,j) J_ij s_i s_j,    P(s) ∝ exp(-E(s)),    s_i = ±1.

h is ``linear``, J is ``quadratic``. The biases and couplings of the rest of thermofab are -h and -J.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from thermofab.apps.pytorch import moments
from thermofab.apps.pytorch.checks import checked_rows, checked_spins
from thermofab.apps.pytorch.graph import Graph
from thermofab.apps.pytorch.pseudolikelihood import maximum_pseudolikelihood
from thermofab.hw.spec import IsingModel, SpecError, ToolMissingError

if TYPE_CHECKING:
    from thermofab.models.boltzmann import BoltzmannMachine

Weights = Mapping[Any, float] | Sequence[float] | np.ndarray | Tensor
Range = tuple[float, float]

# Parameters in a state dict say nothing of the graph they belong to; these do.
_BUFFERS = ("edge_idx_i", "edge_idx_j", "hidden_idx")


@runtime_checkable
class SpinSampler(Protocol):
    """Whatever draws spins of one machine at its parameters of the moment, as :class:`FabricSampler` does."""

    @property
    def machine(self) -> "GraphRestrictedBoltzmannMachine": ...

    def sample(self, x: Tensor | None = None, *, start: Tensor | None = None) -> Tensor:
        """Spins ``[K, n]``, of chains from ``start`` ``[R, n]`` if that is given; with ``x`` ``[B, n]``, nan where
        unknown, ``[B, S, n]`` given the known ones.
        """
        ...

    def complete(self, v: Tensor) -> Tensor:
        """``[B, S, n]``: data ``[B, v]`` with hidden nodes drawn."""
        ...


class GraphRestrictedBoltzmannMachine(nn.Module):
    r"""P(s) ∝ exp(-E(s)),  E(s) = Σ h_i s_i + Σ J_ij s_i s_j,  s = ±1.

    Spins are floats -1 and +1 in tensors ``[B, n]``, columns in the order of ``nodes``; data are ``[B, v]``, columns in
    the order of the visible nodes. Gradients of the likelihood are data moments less model moments.

    Differences from D-Wave's class: hidden nodes may be joined by edges (their conditional moments are then sampled);
    ``quasi_objective`` returns a scalar of shape () and picks its ``kind`` itself where none is given; data other than
    ±1, unknown nodes and weights that are not finite are refused; no temperature is needed, since a fabric samples at
    β = 1, but ``prefactor`` is there for other samplers.

    Args:
        nodes: hashable names.
        edges: pairs of nodes.
        hidden_nodes: those of the nodes that have no data.
        linear: h, as a mapping from nodes or as n numbers; those not given are drawn from N(0, 1/n).
        quadratic: J, as a mapping from edges (either way round) or as m numbers; likewise.

    Attributes:
        linear: float32 ``[n]``, a parameter.
        quadratic: float32 ``[m]``, a parameter, in the order of ``edges``.
        edge_idx_i, edge_idx_j: int64 ``[m]``, the edges' ends.
        visible_idx, hidden_idx: int64 ``[v]`` and ``[h]``, ascending.

    Raises:
        SpecError: the graph or the weights are malformed.
    """

    linear: nn.Parameter
    quadratic: nn.Parameter
    edge_idx_i: Tensor
    edge_idx_j: Tensor
    visible_idx: Tensor
    hidden_idx: Tensor

    def __init__(
        self,
        nodes: Iterable[Hashable],
        edges: Iterable[tuple[Hashable, Hashable]],
        *,
        hidden_nodes: Iterable[Hashable] | None = None,
        linear: Weights | None = None,
        quadratic: Weights | None = None,
    ) -> None:
        super().__init__()
        self.graph = Graph.of(nodes, edges, hidden_nodes)
        n, m = self.n_nodes, self.n_edges
        self.linear = nn.Parameter(torch.randn(n) / n**0.5)
        self.quadratic = nn.Parameter(torch.randn(m) / n**0.5)
        self.register_buffer("edge_idx_i", torch.tensor(self.graph.ends[:, 0]))
        self.register_buffer("edge_idx_j", torch.tensor(self.graph.ends[:, 1]))
        self.register_buffer("hidden_idx", torch.tensor(self.graph.hidden))
        self.register_buffer("visible_idx", torch.tensor(self.graph.visible), persistent=False)
        if linear is not None:
            self.set_linear(linear)
        if quadratic is not None:
            self.set_quadratic(quadratic)

    def set_linear(self, linear: Weights) -> None:
        """Set h: a mapping from nodes, which leaves other nodes as they are, or n numbers."""
        self._set("linear", self.linear, linear, self.graph.index.get)

    def set_quadratic(self, quadratic: Weights) -> None:
        """Set J: a mapping from edges, either way round, which leaves other edges as they are, or m numbers."""
        self._set("quadratic", self.quadratic, quadratic, lambda edge: self.graph.edge_index.get(frozenset(edge)))

    @property
    def nodes(self) -> list[Hashable]:
        return list(self.graph.nodes)

    @property
    def edges(self) -> list[tuple[Hashable, Hashable]]:
        return list(self.graph.edges)

    @property
    def hidden_nodes(self) -> list[Hashable]:
        return list(self.graph.hidden_nodes)

    @property
    def node_to_idx(self) -> dict[Hashable, int]:
        return dict(self.graph.index)

    @property
    def n_nodes(self) -> int:
        return len(self.graph.nodes)

    @property
    def n_edges(self) -> int:
        return len(self.graph.edges)

    @property
    def n_visible(self) -> int:
        return len(self.graph.visible)

    @property
    def theta(self) -> Tensor:
        """``[n + m]``: h, then J."""
        return torch.cat([self.linear, self.quadratic])

    def forward(self, x: Tensor) -> Tensor:
        """E of ``x`` ``[..., n]``, all nodes, hidden ones too: ``[...]``. Values between -1 and 1 are taken as they
        are (means of independent spins, say), as D-Wave's class does.
        """
        return self.sufficient_statistics(x) @ self.theta

    def interactions(self, x: Tensor) -> Tensor:
        """s_i s_j of every edge, ``[..., m]``, of ``x`` ``[..., n]``."""
        if x.shape[-1] != self.n_nodes:
            raise SpecError(f"x must have shape (..., {self.n_nodes}), a column per node, got {tuple(x.shape)}.")
        return x[..., self.edge_idx_i] * x[..., self.edge_idx_j]

    def sufficient_statistics(self, x: Tensor) -> Tensor:
        """T(x) ``[..., n + m]``: the spins, then the products over edges; E = T·theta."""
        pairs = self.interactions(x)
        return torch.cat([x.to(self.linear), pairs.to(self.linear)], dim=-1)

    def fields(self, x: Tensor) -> Tensor:
        """h_i + Σ_j J_ij s_j of every node, ``[B, n]``, for ``x`` ``[B, n]``: E = Σ s_i fields_i on terms with s_i."""
        i, j, spins = self.edge_idx_i, self.edge_idx_j, x.to(self.linear)
        out = self.linear.expand(len(spins), -1).index_add(1, i, self.quadratic * spins[:, j])
        return out.index_add(1, j, self.quadratic * spins[:, i])

    def free_energy(self, v: Tensor) -> Tensor:
        r"""F(v) = -ln Σ_hidden exp(-E(v, hidden)) of data ``[B, v]``: ``[B]``, differentiable.

        Raises:
            SpecError: edges join hidden nodes, so that there is no closed form; or data that are no spins.
        """
        if not self.graph.hidden_apart:
            raise SpecError(
                "edges join hidden nodes, so the free energy has no closed form; give quasi_objective samples of them "
                "(sampler.complete(v)), or take thermofab.models.boltzmann.free_energy(machine.to_boltzmann(), bits)."
            )
        padded = self._padded(self._data("v", v))
        fields = self.fields(padded)[:, self.hidden_idx]
        return self(padded) - torch.logaddexp(fields, -fields).sum(-1)

    def hidden_means(self, v: Tensor) -> Tensor:
        """E[hidden | v] = -tanh(fields) of data ``[B, v]``: ``[B, h]``, constants. Refuses as :meth:`free_energy`."""
        if not self.graph.hidden_apart:
            raise SpecError("edges join hidden nodes, so their means are sampled: sampler.complete(v).")
        with torch.no_grad():
            return -torch.tanh(self.fields(self._padded(self._data("v", v)))[:, self.hidden_idx])

    def completed(self, v: Tensor, *, drawn: bool = False) -> Tensor:
        """Data ``[B, v]`` with hidden nodes at their means given the data: ``[B, n]``.

        Args:
            v: data; gradients flow through the visible columns.
            drawn: draw the hidden spins instead, by torch's generator, as contrastive divergence starts from.
        """
        rows, means = self._padded(self._data("v", v)), self.hidden_means(v)
        hidden = 2 * torch.bernoulli((1 + means) / 2) - 1 if drawn else means
        return rows.index_copy(1, self.hidden_idx, hidden)

    def quasi_objective(
        self,
        s_observed: Tensor,
        s_model: Tensor,
        kind: Literal["exact-disc", "sampling"] | None = None,
        *,
        sampler: SpinSampler | None = None,
    ) -> Tensor:
        """Mean energy of the data less mean energy of the model's samples: a scalar whose gradient is that of the
        negative log-likelihood per row; its value is not.

        Args:
            s_observed: data ``[B, v]``; or ``[B, n]``, with hidden spins that were sampled given the data.
            s_model: spins of the model ``[K, n]``.
            kind: of the hidden nodes' moments given data ``[B, v]``: ``"exact-disc"`` in closed form, where no edge
                joins two of them; ``"sampling"`` by ``sampler.complete``. By default the first where it can be.
            sampler: for ``"sampling"``.

        Raises:
            SpecError: shapes or values that do not fit, or a kind that cannot be.
        """
        if kind not in (None, "exact-disc", "sampling"):
            raise SpecError(f"kind must be 'exact-disc' or 'sampling', got {kind!r}.")
        widths = {self.n_nodes: "all nodes", self.n_visible: "the visible nodes"}
        rows = checked_spins("s_observed", checked_rows("s_observed", s_observed, widths))
        model = self._samples(s_model)
        if rows.shape[1] != self.n_nodes:
            rows = self._with_hidden(rows, kind, sampler)
        observed = self.sufficient_statistics(rows).mean(0)
        return (observed - self.sufficient_statistics(model.detach()).mean(0)) @ self.theta

    def negative_log_likelihood(self, s_observed: Tensor, s_model: Tensor, log_z: float = 0.0) -> Tensor:
        """-ln P(v) per row of data ``[B, v]``: F(v) in closed form and ln Z, whose gradient is estimated by
        ``s_model`` ``[K, n]`` and whose value, which samples do not give, is ``log_z``.
        """
        return self.free_energy(s_observed).mean() + self.log_partition(s_model, log_z)

    def log_partition(self, s_model: Tensor, value: float = 0.0) -> Tensor:
        """ln Z as a scalar: its value is ``value``, its gradient -E[T] over the samples ``[K, n]``."""
        return moments.log_partition(value, self._samples(s_model), self.linear, self.quadratic, self._ends)

    def expectation(self, values: Tensor, s_model: Tensor) -> Tensor:
        """E[f] from ``values`` f(s) ``[K, ...]`` at samples ``s_model`` ``[K, n]``: ``[...]``.

        Backwards the parameters get -Cov(f, T), the gradient of E[f], from the same samples; ``values`` that depend on
        parameters of their own get theirs besides. The covariance is unbiased for independent samples; samples of one
        chain count for fewer. First derivatives only.

        Raises:
            SpecError: fewer than 2 samples, or not as many values.
        """
        samples = self._samples(s_model)
        if len(samples) < 2 or len(values) != len(samples):
            raise SpecError(
                f"an expectation needs a value per sample, of at least 2; got {len(values)} of {len(samples)}."
            )
        return moments.expectation(values.to(self.linear), samples, self.linear, self.quadratic, self._ends)

    def sample(
        self,
        sampler: Any = "native",
        x: Tensor | None = None,
        *,
        prefactor: float = 1.0,
        linear_range: Range | None = None,
        quadratic_range: Range | None = None,
        sample_params: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Spins of the model, ``[K, n]``, where the parameters are and of their type.

        Args:
            sampler: a :class:`FabricSampler` of this machine, or another :class:`SpinSampler`; the name of a device,
                for one draw on a fabric of the machine's graph, compiled for it; or a dimod sampler.
            x: ``[B, n]`` for a fabric: spins that are known, nan for those that are not; gives ``[B, S, n]``.
            prefactor, linear_range, quadratic_range: for dimod samplers, as for :meth:`to_ising`.
            sample_params: arguments of the :class:`FabricSampler` of a device's name, or of ``sample_ising``.

        Raises:
            SpecError: the sampler is of another machine, or arguments do not go together.
        """
        if isinstance(sampler, str):
            from thermofab.apps.pytorch.sampler import FabricSampler  # which imports this file

            sampler = FabricSampler(self, device=sampler, **(sample_params or {}))
        if isinstance(sampler, SpinSampler):
            if sampler.machine is not self:
                raise SpecError("this sampler was made for another machine; make one by FabricSampler(machine, ...).")
            if (prefactor, linear_range, quadratic_range) != (1.0, None, None):
                raise SpecError("a fabric samples at β = 1: prefactor and ranges are for other samplers.")
            return sampler.sample(x)
        if not callable(getattr(sampler, "sample_ising", None)):
            raise SpecError(f"sampler must be a FabricSampler, a device's name or a dimod sampler, got {sampler!r}.")
        if x is not None:
            raise SpecError("known spins need a FabricSampler; a dimod sampler takes the whole model.")
        h, couplings = self.to_ising(prefactor, linear_range, quadratic_range)
        return self.sampleset_to_tensor(sampler.sample_ising(h, couplings, **(sample_params or {})))

    def sampleset_to_tensor(self, sample_set: Any) -> Tensor:
        """A ``dimod.SampleSet`` of spins as ``[K, n]``, one row per occurrence, columns in the order of ``nodes``."""
        columns = [list(sample_set.variables).index(node) for node in self.graph.nodes]
        record = sample_set.record
        rows = np.repeat(record.sample, record.num_occurrences, axis=0)[:, columns]
        return torch.as_tensor(np.ascontiguousarray(rows)).to(self.linear)

    def estimate_beta(self, spins: Tensor) -> float:
        """The β at which ``spins`` ``[K, n]`` look to have been drawn from exp(-β E), by pseudo-likelihood.

        Raises:
            SpecError: no finite β is best: the weights are 0, or every spin points along its field.
        """
        rows = self._samples(spins, "spins")
        with torch.no_grad():
            return maximum_pseudolikelihood((-2 * rows * self.fields(rows)).double().cpu().numpy())

    def to_ising(
        self, prefactor: float = 1.0, linear_range: Range | None = None, quadratic_range: Range | None = None
    ) -> tuple[dict[Hashable, float], dict[tuple[Hashable, Hashable], float]]:
        """h and J as ``dimod``'s ``sample_ising`` takes them, times ``prefactor``, then cut to the ranges."""
        parts = []
        for values, limits in ((self.linear, linear_range), (self.quadratic, quadratic_range)):
            scaled = prefactor * values.detach().cpu()
            parts.append((scaled if limits is None else scaled.clip(*limits)).tolist())
        return dict(zip(self.graph.nodes, parts[0])), dict(zip(self.graph.edges, parts[1]))

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """-h float64 ``[n]`` and -J float64 ``[m]`` in the order of the compiler's edges.

        Raises:
            SpecError: a parameter is not finite.
        """
        found = []
        for name, names, values in (
            ("linear", self.graph.nodes, self.linear),
            ("quadratic", self.graph.edges, self.quadratic),
        ):
            array = values.detach().double().cpu().numpy()
            if not np.all(np.isfinite(array)):
                k = int(np.argmax(~np.isfinite(array)))
                raise SpecError(
                    f"{name} of {names[k]!r} is {array[k]}; every weight must be a finite number. Look for a learning "
                    "rate that diverged."
                )
            found.append(-array)
        return found[0], found[1][self.graph.order]

    def ising(self) -> IsingModel:
        """The model that is compiled."""
        biases, couplings = self.weights()
        return IsingModel(self.graph.nodes, biases, self.graph.sorted_ends, couplings)

    def to_boltzmann(self) -> "BoltzmannMachine":
        """The same machine for :mod:`thermofab.models.boltzmann`: exact and annealed likelihoods, enumeration. Data
        there are bits, ``v > 0``.

        Raises:
            ToolMissingError: the models' packages are not installed.
        """
        try:
            from thermofab.models.boltzmann import BoltzmannMachine, Connections
        except ImportError as missing:
            raise ToolMissingError("this needs the models: pip install 'thermofab[torch,models]'") from missing
        connections = Connections(self.graph.nodes, self.graph.sorted_ends, self.graph.visible)
        return BoltzmannMachine.of(connections, *self.weights())

    @property
    def _ends(self) -> tuple[Tensor, Tensor]:
        return self.edge_idx_i, self.edge_idx_j

    def _data(self, name: str, v: Tensor) -> Tensor:
        return checked_spins(name, checked_rows(name, v, {self.n_visible: "the visible nodes"}))

    def _samples(self, spins: Tensor, name: str = "s_model") -> Tensor:
        rows = checked_rows(name, spins, {self.n_nodes: "all nodes"})
        return checked_spins(name, rows).to(self.linear)

    def _padded(self, v: Tensor) -> Tensor:
        """Data ``[B, v]`` as ``[B, n]`` with hidden nodes at 0."""
        zeros = self.linear.new_zeros(len(v), self.n_nodes)
        return zeros.index_copy(1, self.visible_idx, v.to(self.linear))

    def _with_hidden(self, rows: Tensor, kind: str | None, sampler: SpinSampler | None) -> Tensor:
        kind = kind or ("exact-disc" if self.graph.hidden_apart else "sampling")
        if kind == "exact-disc":
            return self.completed(rows)
        if sampler is None:
            raise SpecError("kind 'sampling' draws the hidden nodes; give quasi_objective(..., sampler=...).")
        return sampler.complete(rows).flatten(0, 1)

    def _set(self, name: str, parameter: nn.Parameter, given: Weights, place: Any) -> None:
        values = parameter.detach().clone()
        if isinstance(given, Mapping):
            for key, value in given.items():
                where = place(key)
                if where is None:
                    raise SpecError(f"{name} gives a weight to {key!r}, which is not in this machine's graph.")
                values[where] = float(value)
        else:
            array = torch.as_tensor(given, dtype=values.dtype)
            if array.shape != values.shape:
                raise SpecError(f"{name} must be a mapping or {len(values)} numbers, got shape {tuple(array.shape)}.")
            values.copy_(array)
        if not bool(values.isfinite().all()):
            raise SpecError(f"{name} must be finite numbers.")
        with torch.no_grad():
            parameter.copy_(values)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        for name in _BUFFERS:
            own, other = getattr(self, name), state_dict.get(prefix + name)
            if other is not None and not torch.equal(own.cpu(), other.cpu()):
                raise SpecError(
                    f"these weights are of a machine of another graph ({name} differs); make one of the same nodes, "
                    "edges and hidden nodes, in the same order."
                )
        super()._load_from_state_dict(state_dict, prefix, *rest)
