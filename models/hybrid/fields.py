"""Fields that differ from chain to chain, on one compiled program: clamped p-bits as digital-to-analogue converters.

A program has one bias per site for all replicas. To sample a batch of problems at once, every spin i gets ``bits``
clamped neighbours d_ik = ±1 coupled to it by u·2^k: they add the field

    h_i = u·Σ_k 2^k d_ik,   an odd multiple of u between ±u·(2^bits - 1),

and clamps may differ between replicas. Conditioning on clamped nodes is exact, so the distribution of a chain is
P(s) ∝ exp(Σ h_i s_i + Σ J_ij s_i s_j) with its own h, up to the rounding of the converter (≤ u) and of the fabric.
Nothing is compiled or loaded between batches. The caller compiles; this package never imports the compiler:

    layout = FieldLayout(n=8, edges=((0, 1), (2, 3)), bits=6, unit=0.0625)
    program = fab.compile(layout.ising(), fab.fabric(layout.graph()), keep_zero=True)
    device = DeviceFields(program, layout, device="native")
    spins = device.sample(fields, Schedule(16, 32), seed=1)          # int8 [R, S, n]
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np

from thermofab.hw.spec import FabricSpec, IsingModel, Program, Schedule, SpecError, fabric, open_device


@dataclass(frozen=True)
class FieldLayout:
    """What to compile: ``n`` spins joined by ``edges`` (pairs i < j, sorted), with a converter each.

    Attributes:
        n: spins.
        edges: pairs that couplings are learnt or given for.
        bits: of a converter.
        unit: u, in units of β⁻¹.

    Raises:
        SpecError: a number outside its range, or edges that are not sorted pairs i < j < n.
    """

    n: int
    edges: tuple[tuple[int, int], ...] = ()
    bits: int = 6
    unit: float = 0.0625

    def __post_init__(self) -> None:
        if self.n < 1 or not 1 <= self.bits <= 10 or self.unit <= 0:
            raise SpecError("a field layout needs n ≥ 1 spins, 1 to 10 bits and a positive unit.")
        if list(self.edges) != sorted(set(self.edges)) or any(not 0 <= i < j < self.n for i, j in self.edges):
            raise SpecError(f"edges of a field layout are distinct sorted pairs i < j < {self.n}.")

    @property
    def largest(self) -> float:
        """The largest field, u·(2^bits - 1)."""
        return self.unit * (2**self.bits - 1)

    @cached_property
    def _converter_edges(self) -> np.ndarray:
        spins = np.repeat(np.arange(self.n), self.bits)
        return np.stack([spins, self.n + np.arange(self.n * self.bits)], axis=1)

    def graph(self) -> nx.Graph:
        """The graph a fabric needs: nodes 0…n-1 the spins, then ``bits`` converter cells for each."""
        graph = nx.Graph()
        graph.add_nodes_from(range(self.n * (1 + self.bits)))
        graph.add_edges_from(self.edges)
        graph.add_edges_from(map(tuple, self._converter_edges.tolist()))
        return graph

    def fabric(self) -> FabricSpec:
        """A fabric of :meth:`graph`, a site per spin and converter bit, whose widths hold the converters' ratios and
        log-odds of a dozen: 24-bit thresholds, and weights three bits wider than a converter."""
        return fabric(self.graph(), profile="fine", weight_bits=min(16, self.bits + 3))

    @cached_property
    def _order(self) -> np.ndarray:
        pairs = np.concatenate([np.asarray(self.edges, dtype=np.int64).reshape(-1, 2), self._converter_edges])
        return np.lexsort((pairs[:, 1], pairs[:, 0]))

    def couplings(self, weights: np.ndarray) -> np.ndarray:
        """Those of :meth:`ising` in its order, from ``weights`` float ``[edges]``."""
        converters = np.tile(self.unit * 2.0 ** np.arange(self.bits), self.n)
        return np.concatenate([np.asarray(weights, dtype=np.float64).reshape(-1), converters])[self._order]

    def ising(self, weights: np.ndarray | None = None) -> IsingModel:
        """The model to compile, with ``keep_zero=True`` where couplings may be 0 (as they are by default)."""
        pairs = np.concatenate([np.asarray(self.edges, dtype=np.int64).reshape(-1, 2), self._converter_edges])
        weights = np.zeros(len(self.edges)) if weights is None else weights
        nodes = self.n * (1 + self.bits)
        return IsingModel(tuple(range(nodes)), np.zeros(nodes), pairs[self._order], self.couplings(weights))

    def codes(self, fields: np.ndarray) -> np.ndarray:
        """bool ``[R, n, bits]``: the converters' states nearest to fields ``[R, n]``, cut at ±``largest``.

        Raises:
            SpecError: fields of another shape, or not finite.
        """
        fields = np.asarray(fields, dtype=np.float64)
        if fields.ndim != 2 or fields.shape[1] != self.n or not np.isfinite(fields).all():
            raise SpecError(f"fields must be finite, of shape [replicas, {self.n}]; got shape {list(fields.shape)}.")
        levels = np.rint((fields / self.unit + 2**self.bits - 1) / 2).clip(0, 2**self.bits - 1).astype(np.int64)
        return (levels[..., None] >> np.arange(self.bits) & 1).astype(bool)

    def held(self, fields: np.ndarray) -> np.ndarray:
        """float64 ``[R, n]``: the fields that :meth:`codes` stand for."""
        return self.unit * ((2 * self.codes(fields).astype(np.int64) - 1) * 2 ** np.arange(self.bits)).sum(axis=-1)


@dataclass(eq=False)
class DeviceFields:
    """A compiled :class:`FieldLayout` on a device.

    Attributes:
        program: compiled from ``layout.ising()``.
        layout: what it was compiled from.
        device: a name for :func:`thermofab.open_device`, or an open device.
    """

    program: Program
    layout: FieldLayout
    device: Any = "native"
    _held: tuple[bytes, Program] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if tuple(self.program.model.nodes) != tuple(range(self.layout.n * (1 + self.layout.bits))):
            raise SpecError("this program was not compiled from this layout's ising(); compile that one.")
        if isinstance(self.device, str):
            self.device = open_device(self.device, self.program.fabric)

    def sample(
        self, fields: np.ndarray, schedule: Schedule, *, seed: int, weights: np.ndarray | None = None
    ) -> np.ndarray:
        """Spins int8 ±1 ``[R, S, n]``, a chain for every row of ``fields`` ``[R, n]``.

        Args:
            fields: of every chain.
            schedule: sweeps and samples.
            seed: of the run.
            weights: couplings float ``[edges]``, by default those compiled; changed ones are put on
                the same sites.
        """
        layout = self.layout
        codes = layout.codes(fields).reshape(len(fields), -1)
        run = self._holding(weights).sample(
            schedule,
            nodes=[tuple(range(layout.n))],
            clamp={layout.n + k: codes[:, k] for k in range(codes.shape[1])},
            replicas=len(fields),
            seed=seed,
            device=self.device,
        )
        return 2 * run.states[0].astype(np.int8) - 1

    def _holding(self, weights: np.ndarray | None) -> Program:
        if weights is None:
            return self.program
        couplings = self.layout.couplings(weights)
        if self._held is None or self._held[0] != couplings.tobytes():
            self._held = couplings.tobytes(), self.program.with_weights(couplings=couplings)
        return self._held[1]
