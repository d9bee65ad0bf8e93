"""TSUSampler: a fabric as a dimod sampler."""

from collections.abc import Hashable, Sequence
from numbers import Integral
from typing import Any

import dimod
import numpy as np
from dimod.exceptions import BinaryQuadraticModelStructureError

from thermofab.compiler.annealing_range import annealing_range
from thermofab.compiler.frontend.dimod_bqm import lower
from thermofab.compiler.pipeline import compile
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.schedule import Schedule

# β levels of a fabric that the sampler makes itself.
OWN_LEVELS = 64


class StructureError(CompileError, BinaryQuadraticModelStructureError):
    """A BQM is not on the sampler's graph; composites that embed catch it by dimod's name."""


class TSUSampler(dimod.Sampler, dimod.Structured):
    """Low states of BQMs that are written on the fabric's own sites, or samples of P ∝ exp(-beta·E).

    Unless told otherwise it anneals, from and to the β that suit the BQM. With ``beta`` it samples at that one.
    Variables are the labels of the fabric's topology where it has them (any made from a networkx graph), else site
    numbers. A BQM on another graph is placed by :func:`thermofab.compile`.

    Args:
        fabric: a :class:`FabricSpec`, or what :func:`thermofab.fabric` makes one from, which then has 64 β levels.
        device: a name for :func:`thermofab.open_device`, or an open device for the fabric.
    """

    def __init__(self, fabric: Any, device: Any = "jax") -> None:
        self._fabric: FabricSpec = fabric if isinstance(fabric, FabricSpec) else make_fabric(fabric, levels=OWN_LEVELS)
        self._device = device
        topology = self._fabric.topology
        self._nodelist: list[Hashable] = list(range(topology.n_sites) if topology.labels is None else topology.labels)
        self._edgelist = [(self._nodelist[i], self._nodelist[j]) for i, j in topology.edges.tolist()]
        self._site_of = {label: site for site, label in enumerate(self._nodelist)}

    @property
    def nodelist(self) -> list[Hashable]:
        return self._nodelist

    @property
    def edgelist(self) -> list[tuple[Hashable, Hashable]]:
        return self._edgelist

    @property
    def fabric(self) -> FabricSpec:
        return self._fabric

    @property
    def properties(self) -> dict[str, Any]:
        """What the fabric is, and under D-Wave's names what its tools ask of a sampler. ``h_range`` and ``j_range``
        are in steps of an integer weight: BQMs need no scaling, for compiling chooses the step. A Pegasus or Zephyr
        fabric has D-Wave's type and shape; others are of the type of their own name.
        """
        spec = self._fabric
        return {
            "topology": _topology(spec.topology.name, spec.n_sites),
            "supported_problem_types": ["ising", "qubo"],
            "parameters": dict.fromkeys(self.parameters, ""),
            "num_qubits": spec.n_sites,
            "qubits": self._nodelist,
            "couplers": self._edgelist,
            "h_range": [-spec.bias_max, spec.bias_max],
            "j_range": [-spec.weight_max, spec.weight_max],
            "chip_id": f"thermofab-{spec.digest[:12]}",
            "category": "software",
            "fabric": self._fabric.topology.name,
            "sites": self._fabric.n_sites,
            "edges": self._fabric.topology.n_edges,
            "levels": self._fabric.levels,
            "device": self._device if isinstance(self._device, str) else type(self._device).__name__,
        }

    @property
    def parameters(self) -> dict[str, list[str]]:
        names = ("num_reads", "num_sweeps", "beta", "beta_range", "schedule", "seed", "initial_states")
        return {name: [] for name in names}

    def sample(
        self,
        bqm: Any,
        *,
        num_reads: int | None = None,
        num_sweeps: int = 1000,
        beta: float | None = None,
        beta_range: tuple[float, float] | None = None,
        schedule: Any = None,
        seed: int = 0,
        initial_states: Any = None,
        **unknown: Any,
    ) -> dimod.SampleSet:
        """Sample a BQM.

        Args:
            bqm: a BQM on variables and interactions of :attr:`nodelist` and :attr:`edgelist`.
            num_reads: independent chains, each read once after ``num_sweeps`` sweeps, or as ``schedule`` says; 1, or
                the number of initial states.
            num_sweeps: sweeps of a read, without ``schedule``.
            beta: inverse temperature to sample at, without annealing.
            beta_range: (first, last) β of annealing, in as many geometric steps as the fabric has levels; the last
                takes the place of ``beta``. Without ``beta``, ``beta_range`` and ``schedule`` the sampler anneals over
                the range of :func:`~thermofab.compiler.annealing_range.annealing_range`, in as many equal steps of β.
            schedule: a :class:`Schedule` instead of ``num_sweeps``, at ``beta``, or 1; every sample of every chain is
                returned.
            seed: 0…2^64-1; the same seed gives the same samples.
            initial_states: anything :func:`dimod.as_samples` takes; repeated in turn where there are more reads.
                Annealing starts from them at its hottest level.

        Raises:
            StructureError: a variable or interaction is not the fabric's: a ``CompileError`` and dimod's
                ``BinaryQuadraticModelStructureError``.
            CompileError: an argument is malformed.
        """
        if unknown:
            raise CompileError(f"unknown parameter {sorted(unknown)[0]!r}; known are {', '.join(self.parameters)}.")
        copies = self._copies(bqm)
        if beta is None and beta_range is None and schedule is None and copies:
            levels, phases, beta = self._own_anneal(bqm, num_sweeps)
        else:
            levels, phases = self._anneal(num_sweeps, beta_range)
            beta = float(beta_range[1]) if beta_range is not None else 1.0 if beta is None else beta
        if schedule is None:
            schedule = Schedule(0 if phases else _count("num_sweeps", num_sweeps), 1, 1, phases, len(levels) - 1)
        elif phases:
            raise CompileError("give either schedule or beta_range; a schedule has anneal phases of its own.")
        reads, initial = self._initial(bqm, num_reads, initial_states)
        if not copies:
            return dimod.SampleSet.from_samples_bqm(np.zeros((reads * schedule.n_samples, 0), dtype=np.int8), bqm)
        # Optimisation runs colder than tables hold a distribution: any distance is accepted, and the report says it.
        program = compile(
            bqm, self._fabric, beta=beta, beta_levels=levels, seed=seed, copies=copies, verify=False, tolerance=1.0
        )
        samples = program.sample(schedule, init=initial, replicas=reads, device=self._device)
        states = samples.node_states.reshape(-1, len(copies)).astype(np.int8)
        spins = states if bqm.vartype is dimod.BINARY else 2 * states - 1
        return dimod.SampleSet.from_samples_bqm(
            (spins, list(program.model.nodes)),
            bqm,
            info={"program": program.report.to_json(), "seconds": samples.ledger.seconds},
        )

    def _copies(self, bqm: Any) -> Sequence[tuple[int]]:
        """The site of every variable of the BQM."""
        elsewhere = "compile it with thermofab.compile(bqm, fabric), which places any graph."
        for variable in bqm.variables:
            if variable not in self._site_of:
                raise StructureError(
                    f"variable {variable!r} is not a site of {self._fabric.topology.name}; {elsewhere}"
                )
        joined = self._fabric.topology.edge_index
        for u, v in bqm.quadratic:
            if (self._site_of[u], self._site_of[v]) not in joined:
                raise StructureError(
                    f"interaction ({u!r}, {v!r}) is not an edge of {self._fabric.topology.name}; {elsewhere}"
                )
        return tuple((self._site_of[variable],) for variable in bqm.variables)

    def _anneal(self, num_sweeps: int, beta_range: Any) -> tuple[tuple[float, ...], tuple[tuple[int, int], ...]]:
        """β levels as factors on the last β, and the phases of ``num_sweeps`` sweeps over them."""
        num_sweeps = _count("num_sweeps", num_sweeps)
        if beta_range is None:
            return (1.0,), ()
        first, last = (float(value) for value in beta_range)
        if not (0 < first < float("inf") and 0 < last < float("inf")):
            raise CompileError(f"beta_range must be two positive finite numbers, got {tuple(beta_range)}.")
        # A single level is the last β.
        count = min(self._fabric.levels, num_sweeps)
        return self._stepped(np.geomspace(first / last, 1.0, count) if count > 1 else np.ones(1), num_sweeps)

    def _own_anneal(self, bqm: Any, num_sweeps: int) -> tuple[tuple[float, ...], tuple[tuple[int, int], ...], float]:
        """As :meth:`_anneal`, in equal steps over the range that suits the BQM; and the last β."""
        num_sweeps = _count("num_sweeps", num_sweeps)
        first, last = annealing_range(lower(bqm, 1.0).model)
        count = min(self._fabric.levels, num_sweeps)
        return *self._stepped(np.linspace(first / last, 1.0, count) if count > 1 else np.ones(1), num_sweeps), last

    @staticmethod
    def _stepped(factors: np.ndarray, num_sweeps: int) -> tuple[tuple[float, ...], tuple[tuple[int, int], ...]]:
        share = [num_sweeps // len(factors) + (k < num_sweeps % len(factors)) for k in range(len(factors))]
        return tuple(float(factor) for factor in factors), tuple((sweeps, k) for k, sweeps in enumerate(share))

    @staticmethod
    def _initial(bqm: Any, num_reads: int | None, initial_states: Any) -> tuple[int, list[np.ndarray] | None]:
        num_reads = None if num_reads is None else _count("num_reads", num_reads)
        if initial_states is None:
            return num_reads or 1, None
        array, labels = dimod.as_samples(initial_states)
        missing = [variable for variable in bqm.variables if variable not in list(labels)]
        if missing:
            raise CompileError(f"initial_states give no value for {missing[0]!r}.")
        reads = num_reads or len(array)
        if not 1 <= len(array) <= reads:
            raise CompileError(
                f"initial_states hold {len(array)} states for num_reads={reads}; give one to {reads}, which are "
                "repeated in turn."
            )
        array = np.asarray(array)[np.arange(reads) % len(array)]
        column = {label: k for k, label in enumerate(labels)}
        return reads, [array[:, [column[variable] for variable in bqm.variables]] > 0]


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise CompileError(f"{name} must be an integer of at least 1, got {value!r}.")
    return int(value)


def _topology(name: str, n_sites: int) -> dict[str, Any]:
    """The type and shape by which D-Wave's tools know a graph."""
    family, _, size = name.partition("-")
    # Zephyr's second number is its tile's, of which there is one kind.
    shapes = {"pegasus": [int(size)], "zephyr": [int(size), 4]} if size.isdigit() else {}
    shape = shapes.get(family)
    return {"type": name, "shape": [n_sites]} if shape is None else {"type": family, "shape": shape}
