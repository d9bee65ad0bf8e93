"""Samples: what a run returned, at the sites and as the user's nodes."""

import base64
import gc
import warnings
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from thermofab.hw.spec.costs import CLOCK_MODELS, COST_MODELS, POWER_MODELS, ClockModel, CostModel, Figure, PowerModel
from thermofab.hw.spec.digest import frozen_array
from thermofab.hw.spec.errors import MixingWarning, SpecError, ToolMissingError
from thermofab.hw.spec.image import Image
from thermofab.hw.spec.mixing import split_r_hat
from thermofab.hw.spec.model import IsingModel, to_spins
from thermofab.hw.spec.notebook import samples_html
from thermofab.hw.spec.schedule import Schedule

if TYPE_CHECKING:
    from thermofab.hw.spec.program import Program


# Fewest samples that a split R-hat is taken of, nodes that it looks at, and where it is worth a warning.
_FEWEST, _LOOKED_AT = 20, 16
UNMIXED = 1.2
_PIECE_BYTES = 2**24  # of packed states that moments are counted on at a time


@dataclass(frozen=True)
class Ledger:
    """What a run cost, over all replicas.

    Attributes:
        site_updates: updates of free and clamped sites, sweeps × sites × replicas.
        sweeps: sweeps × replicas.
        cycles: clock cycles of the fabric.
        cycles_are: ``"measured"`` (a cycle counter) or ``"modelled"`` (sweeps × colours).
        seconds: wall-clock time of the run, host work included.
        sites_read: site states read out, samples × sites × replicas.
        sites_written: sites loaded, sites × replicas.
        bus_bytes: data that crosses a fabric's register bus and sample stream, in its 32-bit words: the image once,
            states and generator states a replica, and what is read out (samples, or counters).
        bus_bytes_are: ``"measured"`` or ``"modelled"``.
    """

    site_updates: int
    sweeps: int
    cycles: int
    cycles_are: str
    seconds: float
    sites_read: int = 0
    sites_written: int = 0
    bus_bytes: int = 0
    bus_bytes_are: str = "modelled"

    def figures(
        self,
        models: Sequence[CostModel] = COST_MODELS,
        clocks: Sequence[ClockModel] = CLOCK_MODELS,
        powers: Sequence[PowerModel] = POWER_MODELS,
    ) -> tuple[Figure, ...]:
        """Everything in the ledger and what follows from it, each figure with its standing and source."""
        cycles_from = "a cycle a colour" if self.cycles_are == "modelled" else "the fabric's cycle counter"
        energies = [
            Figure(f"energy on {m.name}", self.joules(m), "J", m.standing, f"{m.source}, times counted operations")
            for m in models
        ]
        energies += [
            Figure(f"energy on {p.clock.name}, {p.watts:g} W", p.joules(self.cycles), "J", p.standing, p.source)
            for p in powers
        ]
        times = [
            Figure(
                f"time at {c.hertz / 1e6:g} MHz, {c.name}",
                c.seconds(self.cycles),
                "s",
                c.standing if self.cycles_are == "measured" else "modelled",
                c.source,
            )
            for c in clocks
        ]
        return (
            Figure("site updates", self.site_updates, "updates", "measured", "sweeps × sites × replicas, all run"),
            Figure("cycles", self.cycles, "cycles", self.cycles_are, cycles_from),
            Figure("bus bytes", self.bus_bytes, "bytes", self.bus_bytes_are, "32-bit words of the register map"),
            Figure("host time", self.seconds, "s", "measured", "wall clock, host work included"),
            *times,
            *energies,
        )

    def plus(self, other: "Ledger") -> "Ledger":
        """What both runs cost together; measured only where both are."""

        def sum_of(mine: Any, theirs: Any) -> Any:
            if isinstance(mine, str):
                return mine if mine == theirs else "modelled"
            return mine + theirs

        return Ledger(*(sum_of(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)))

    def joules(self, model: CostModel) -> float:
        """Energy of the run on the chip that ``model`` describes; see :mod:`thermofab.hw.spec.costs`."""
        return model.joules(self.site_updates, self.sites_read, self.sites_written)


class Moments(NamedTuple):
    """``first``: E[s_i] of ``nodes``; ``second``: E[s_i s_j] of ``edges`` (pairs of nodes); s = ±1."""

    nodes: tuple[Hashable, ...]
    first: np.ndarray
    edges: tuple[tuple[Hashable, Hashable], ...]
    second: np.ndarray


@dataclass(frozen=True, eq=False)
class Counts:
    """What a fabric has counted over the samples of a run, per replica, instead of giving the samples out.

    With s = 2n - 1, over S samples: Σs_i = 2·ones_i - S and Σs_i·s_j = 4·both_ij - 2·ones_i - 2·ones_j + S.

    Attributes:
        ones: int64 ``[R, N]``, samples in which a site was 1.
        both: int64 ``[R, E]``, samples in which both ends of an edge of ``image.fabric.topology`` were 1.
        samples: S.
        image: what was loaded, with the seed that was run.
        device: the device's name.
        ledger: what it cost.
    """

    ones: np.ndarray
    both: np.ndarray
    samples: int
    image: Image
    device: str
    ledger: Ledger

    def __post_init__(self) -> None:
        top = self.image.fabric.topology
        for name, count in (("ones", top.n_sites), ("both", top.n_edges)):
            values = np.asarray(getattr(self, name))
            if values.ndim != 2 or values.shape[1] != count or values.dtype.kind not in "iu":
                raise SpecError(f"{name} must be integers [R, {count}], got {values.dtype} {values.shape}.")
            if values.size and (values.min() < 0 or values.max() > self.samples):
                raise SpecError(f"{name} must lie in 0…{self.samples}, the number of samples, got {values.max()}.")
            object.__setattr__(self, name, frozen_array(values, np.int64))
        if len(self.ones) != len(self.both):
            raise SpecError(f"ones has {len(self.ones)} replicas but both has {len(self.both)}.")

    @staticmethod
    def of(samples: "Samples") -> "Counts":
        """The counts of samples that were read out."""
        sites = samples.sites.astype(np.int64)
        i, j = samples.image.fabric.topology.edges.T
        both = (sites[:, :, i] * sites[:, :, j]).sum(axis=1)
        return Counts(sites.sum(axis=1), both, sites.shape[1], samples.image, samples.device, samples.ledger)

    def first(self) -> np.ndarray:
        """E[s_i], float64 ``[R, N]``."""
        return (2 * self.ones - self.samples) / self.samples

    def second(self) -> np.ndarray:
        """E[s_i s_j] of every edge, float64 ``[R, E]``."""
        i, j = self.image.fabric.topology.edges.T
        ones = self.ones
        return (4 * self.both - 2 * ones[:, i] - 2 * ones[:, j] + self.samples) / self.samples

    def mean_energy(self, image: Image | None = None) -> np.ndarray:
        """Mean over the samples of E = -Σ b_i s_i - Σ w_ij s_i s_j, float64 ``[R]``, in units of an integer weight.

        Exact: E is linear in what was counted. ``image`` gives other weights and biases than those that were run.
        """
        image = self.image if image is None else image
        return -(self.first() @ image.biases.astype(np.float64)) - self.second() @ image.weights.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Samples:
    """Recorded states of a run.

    Attributes:
        sites: bool ``[R, S, N]``, site states of every replica and sample.
        image: what was loaded, with the seed that was run.
        schedule: what was run.
        device: the device's name.
        ledger: what it cost.
        program: the program the sites are decoded by; ``None`` for a bare image.
        blocks: node indices of every requested block.
        conditioned: whether nodes were clamped for the run, so that its distribution is not that of the whole model.
    """

    sites: np.ndarray
    image: Image
    schedule: Schedule
    device: str
    ledger: Ledger
    program: "Program | None" = None
    blocks: tuple[tuple[int, ...], ...] | None = None
    conditioned: bool = False

    def __post_init__(self) -> None:
        if self.sites.dtype != np.bool_ or self.sites.ndim != 3:
            raise SpecError(f"sites must be a bool array [R, S, N], got {self.sites.dtype} {self.sites.shape}.")

    def __repr__(self) -> str:
        replicas, samples, sites = self.sites.shape
        read = f"{sites} sites" if self.program is None else f"{self.program.model.n_nodes} nodes"
        return f"Samples({replicas} replicas of {samples} samples of {read} on {self.device}, R-hat {self.r_hat:.3g})"

    def _repr_html_(self) -> str:
        return samples_html(self)

    @cached_property
    def r_hat(self) -> float:
        """Largest split R-hat over replicas of at most 16 nodes (sites of a bare image), spread evenly: near 1 where
        the chains agree. Not a number with fewer than two replicas or 20 samples each.
        """
        if self.sites.shape[0] < 2 or self.sites.shape[1] < _FEWEST:
            return float("nan")
        if self.program is None:
            return split_r_hat(self.sites[:, :, _spread(self.sites.shape[2])])
        nodes = _spread(self.program.model.n_nodes)
        return split_r_hat(self.program.read(self.sites, nodes), self.kept if self.program.checks else None)

    def warn_unless_mixed(self) -> None:
        """Warns ``MixingWarning`` where 4 chains or more of 100 samples or more have an R-hat above 1.2."""
        if self.sites.shape[0] >= 4 and self.sites.shape[1] >= 100 and self.r_hat > UNMIXED:
            warnings.warn(
                f"the {self.sites.shape[0]} chains have not met: split R-hat {self.r_hat:.3g} over replicas. Warm up "
                "for longer, take more sweeps per sample, or use tempering (thermofab.sim.tempering).",
                MixingWarning,
                stacklevel=3,
            )

    def decoded(
        self, program: "Program", blocks: tuple[tuple[int, ...], ...], *, conditioned: bool = False
    ) -> "Samples":
        """The same samples, read as the nodes of ``program``."""
        return replace(self, program=program, blocks=blocks, conditioned=conditioned)

    def _program(self) -> "Program":
        if self.program is None:
            raise SpecError("these samples came from a bare image; run a Program to read nodes, or use .sites.")
        return self.program

    @property
    def states(self) -> list[np.ndarray]:
        """One array ``[R, S, nodes of the block]`` for every requested block: bool, or unsigned integers where it has
        categorical nodes.
        """
        program = self._program()
        return [program.read(self.sites, block) for block in self.blocks or ()]

    @property
    def node_states(self) -> np.ndarray:
        """``[R, S, n]``: all nodes of the program, in its order; bool, or unsigned integers if some are categorical."""
        program = self._program()
        return program.read(self.sites, range(program.model.n_nodes))

    @property
    def kept(self) -> np.ndarray:
        """bool ``[R, S]``: samples in which the sites of all the program's ``checks`` agree; all, if it has none."""
        kept = np.ones(self.sites.shape[:2], dtype=bool)
        for a, b in self._program().checks:
            kept &= self.sites[:, :, a] == self.sites[:, :, b]
        return kept

    def accepted(self) -> list[np.ndarray]:
        """The states of the kept samples, replicas one after another: an array ``[K, nodes]`` for every block."""
        kept = self.kept
        return [states[kept] for states in self.states]

    def _kept_states(self) -> np.ndarray:
        """All nodes in the kept samples ``[K, n]``, refused if there is none."""
        states = self.node_states[self.kept]
        if not len(states):
            raise SpecError(
                f"none of the {self.sites.shape[0] * self.sites.shape[1]} samples has copies that agree; take more "
                "samples, or compile for a fabric that needs no copies."
            )
        return states

    def _spin_model(self, what: str) -> IsingModel:
        model = self._program().model
        if not isinstance(model, IsingModel):
            raise SpecError(f"{what} needs a program of spins and pairs of spins; use node_states and frequencies().")
        return model

    def frequencies(self) -> list[np.ndarray]:
        """How often every node was in each of its states, over the kept samples: float64 ``[2 or q]`` each."""
        model, states = self._program().model, self._kept_states()
        sizes = [int(q) or 2 for q in model.categories]
        flat = states.reshape(-1, model.n_nodes).astype(np.int64)
        return [np.bincount(flat[:, k], minlength=size) / len(flat) for k, size in enumerate(sizes)]

    def moments(self) -> Moments:
        """Moments over the kept samples of all replicas, of all nodes and of the program's edges.

        Raises:
            SpecError: the program has categorical nodes or terms of higher order.
        """
        model = self._spin_model("moments()")
        states = self._kept_states()
        ends = [map(model.nodes.__getitem__, side.tolist()) for side in model.edges.T]
        with _no_collections():
            pairs = tuple(zip(*ends))
        first = (2 * np.count_nonzero(states, axis=0) - len(states)) / len(states)
        return Moments(model.nodes, first, pairs, _mean_products(states, model.edges))

    def energies(self) -> np.ndarray:
        """Energies in the user's units (for THRML, β included, as its ``energy()``): float64 ``[R, S]``."""
        return self._program().model.energies(self.node_states)

    def to_dimod(self) -> Any:
        """A ``dimod.SampleSet`` of the kept samples, replicas one after another, in the source's vartype.

        States are 0 and 1 for a BINARY model or polynomial, ±1 for every other source.

        Raises:
            SpecError: the program has categorical nodes.
        """
        import dimod

        model = self._program().model
        if np.any(model.categories):
            raise SpecError("to_dimod() needs a program of spins; use node_states and frequencies().")
        states = self._kept_states()
        written = to_spins(states) if model.vartype == "SPIN" else states.astype(np.int8)
        return dimod.SampleSet.from_samples(
            (written, list(model.nodes)), energy=self.energies()[self.kept], vartype=model.vartype
        )

    def to_arviz(self) -> Any:
        """An ``arviz.InferenceData``: replicas are chains, samples are draws, one variable ``spin[node]``.

        All samples are in it, so that chains stay as long as each other; ``sample_stats.kept`` marks those to use.
        """
        try:
            import arviz
        except ImportError as missing:
            raise ToolMissingError("to_arviz needs ArviZ; install it with: pip install 'thermofab[arviz]'") from missing
        names = [str(node) for node in self._program().model.nodes]
        spins = not np.any(self._program().model.categories)
        return arviz.from_dict(
            posterior={"spin" if spins else "state": to_spins(self.node_states) if spins else self.node_states},
            sample_stats={"lp": -self._program().model.beta * self.energies(), "kept": self.kept},
            coords={"node": names},
            dims={"spin" if spins else "state": ["node"]},
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary: site states packed to bits (base64), with the digests of image and schedule."""
        return {
            "image_digest": self.image.digest,
            "seed": self.image.seed,
            "schedule": self.schedule.to_json(),
            "device": self.device,
            "ledger": asdict(self.ledger),
            "shape": list(self.sites.shape),
            "sites": base64.b64encode(np.packbits(self.sites, axis=None).tobytes()).decode(),
            "blocks": self.blocks,
            "conditioned": self.conditioned,
        }

    @staticmethod
    def from_json(data: dict[str, Any], source: "Image | Program") -> "Samples":
        """Inverse of :meth:`to_json`; ``source`` is the image or program that was run, with whatever seed."""
        image = (source if isinstance(source, Image) else source.image).replace(seed=data["seed"])
        if image.digest != data["image_digest"]:
            raise SpecError("these samples came from another image; give the one whose digest the file names.")
        packed = np.frombuffer(base64.b64decode(data["sites"]), dtype=np.uint8)
        count = int(np.prod(data["shape"]))
        return Samples(
            sites=frozen_array(np.unpackbits(packed, count=count).reshape(data["shape"]), np.bool_),
            image=image,
            schedule=Schedule.from_json(data["schedule"]),
            device=data["device"],
            ledger=Ledger(**data["ledger"]),
            program=None if isinstance(source, Image) else source,
            blocks=None if data["blocks"] is None else tuple(tuple(block) for block in data["blocks"]),
            conditioned=data.get("conditioned", False),
        )


def _spread(count: int) -> list[int]:
    """At most 16 of ``count`` numbers, evenly apart."""
    return np.unique(np.linspace(0, count - 1, min(count, _LOOKED_AT)).astype(np.int64)).tolist()


@contextmanager
def _no_collections() -> Iterator[None]:
    """Millions of new tuples set off collections of all of a process's objects, which take longer than the tuples."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _mean_products(states: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """float64 ``[M]``: means over samples of s_i·s_j, s = ±1, of bool states ``[K, n]`` and ``pairs`` ``[M, 2]``."""
    packed, count = np.packbits(states.T, axis=1), len(states)
    differ = np.empty(len(pairs), dtype=np.int64)
    step = max(1, _PIECE_BYTES // packed.shape[1])
    for start in range(0, len(pairs), step):
        i, j = pairs[start : start + step].T
        differ[start : start + step] = np.bitwise_count(packed[i] ^ packed[j]).sum(axis=1, dtype=np.int64)
    return (count - 2 * differ) / count
