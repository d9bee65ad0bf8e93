"""Program: an image together with where the user's nodes sit in it."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from thermofab.hw.spec.contract import check_contract
from thermofab.hw.spec.device import numbers_of
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import DeviceError, SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.kept_devices import running_device
from thermofab.hw.spec.memory import check_samples_fit
from thermofab.hw.spec.mixing import Mixing, effective_of, observables
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.notebook import program_html
from thermofab.hw.spec.partition import LogPartition, Method
from thermofab.hw.spec.reading import Reading
from thermofab.hw.spec.registry import partition_estimator
from thermofab.hw.spec.report import Report
from thermofab.hw.spec.samples import Ledger, Samples
from thermofab.hw.spec.schedule import LikeSchedule, Schedule

Blocks = tuple[tuple[int, ...], ...]
_FEW_EFFECTIVE = 50  # effective samples of a chain below which its length says little
_MORE = (1.25, 2.5, 5.0, 10.0)  # times the samples that the yield calls for, run until enough are kept


class Structure(Protocol):
    """The compiler's memory of how it made a program: puts other weights on its sites and wires, and checks it."""

    def with_weights(self, source: Any, biases: Any, couplings: Any) -> "Program": ...

    def check(self, program: "Program", **options: Any) -> "Program": ...


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled program.

    Its *variables* are spins, each read at its *root*, the first of its copies; a node is a variable, or is read from
    several by a table (a categorical node), and there may be hidden variables that no node is read from. A node of
    ``clamped_blocks`` has all its copies clamped; any other node clamped for a run has its roots clamped, which is
    conditioning, hence as exact as the program.

    Attributes:
        image: the integers.
        model: the model as the user wrote it; its node order is the program's.
        copies: sites of every variable, the root first.
        free_blocks, clamped_blocks: node indices, in the user's block structure; every node is in one block.
        report: what the compiler did.
        readings: how every node is read; ``None`` where node k is variable k.
        checks: pairs of sites whose states must agree in a sample; one in which a pair differs is discarded
            (:attr:`Samples.kept`). None, unless the certificate is ``Rejecting``.
        structure: what :meth:`with_weights` needs; ``None`` in a program read from a file.
    """

    image: Image
    model: IsingModel | DiscreteModel
    copies: tuple[tuple[int, ...], ...]
    free_blocks: Blocks
    clamped_blocks: Blocks
    report: Report
    readings: tuple[Reading, ...] | None = None
    checks: tuple[tuple[int, int], ...] = ()
    structure: Structure | None = None

    def __post_init__(self) -> None:
        used = [site for sites in self.copies for site in sites]
        if self.readings is None and len(self.copies) != self.model.n_nodes or any(not sites for sites in self.copies):
            raise SpecError("every node of a program needs at least one site.")
        if len(set(used)) != len(used):
            raise SpecError("two nodes of a program share a site.")
        if self.readings is not None:
            if len(self.readings) != self.model.n_nodes:
                raise SpecError(f"a program of {self.model.n_nodes} nodes needs as many readings.")
            if any(v >= len(self.copies) for reading in self.readings for v in reading.variables):
                raise SpecError(f"a node is read from a variable beyond the program's {len(self.copies)}.")
        listed = sorted(k for block in self.free_blocks + self.clamped_blocks for k in block)
        if listed != list(range(self.model.n_nodes)):
            raise SpecError("every node of a program must be in exactly one free or clamped block.")
        for pair in self.checks:
            if len(pair) != 2 or not all(0 <= site < self.fabric.n_sites for site in pair):
                raise SpecError(f"checks are pairs of sites 0…{self.fabric.n_sites - 1}, got {pair}.")

    def __repr__(self) -> str:
        top, report = self.fabric.topology, self.report
        return f"Program({report.nodes} nodes on {report.sites} sites of {top.name!r}, {report.end_to_end} end to end)"

    def _repr_html_(self) -> str:
        return program_html(self)

    @property
    def fabric(self) -> FabricSpec:
        return self.image.fabric

    @property
    def contract(self) -> int:
        """Version of the arithmetic contract that the image is for."""
        return self.image.contract

    @cached_property
    def roots(self) -> np.ndarray:
        """int64 ``[variables]``: the site every variable is read at."""
        return np.array([sites[0] for sites in self.copies], dtype=np.int64)

    @cached_property
    def _copy_sites(self) -> tuple[np.ndarray, np.ndarray]:
        """The variable of every copy, and its site: int64 ``[copies]`` each."""
        owners = np.repeat(np.arange(len(self.copies)), [len(sites) for sites in self.copies])
        return owners, np.array([site for sites in self.copies for site in sites], dtype=np.int64)

    @cached_property
    def drawing(self) -> tuple[tuple[int, ...], ...]:
        """Of every variable the sites that draw: its root alone where the others are relays."""
        return self.copies if self.image.order is None else tuple(sites[:1] for sites in self.copies)

    @cached_property
    def node_index(self) -> dict[Hashable, int]:
        return {node: k for k, node in enumerate(self.model.nodes)}

    @cached_property
    def digest(self) -> str:
        read = () if self.readings is None else tuple((r.variables, r.table) for r in self.readings)
        parts = self.copies, self.free_blocks, self.clamped_blocks, *read, *self.checks
        return digest_of("program", self.image.digest, *parts)

    def variables_of(self, node: int) -> tuple[int, ...]:
        """The variables that node number ``node`` is read from."""
        return (node,) if self.readings is None else self.readings[node].variables

    def read(self, sites: np.ndarray, nodes: Sequence[int]) -> np.ndarray:
        """States of nodes from site states bool ``[..., N]``: bool ``[..., nodes]`` if all of them are spins, else
        uint8, spins as 0 and 1 (uint16 with more than 256 states).
        """
        categories = self.model.categories[list(nodes)]
        if self.readings is None:
            return sites[..., self.roots[list(nodes)]]
        kind = np.uint8 if not len(nodes) or categories.max() <= 256 else np.uint16
        out = np.zeros((*sites.shape[:-1], len(nodes)), dtype=kind if np.any(categories) else np.bool_)
        for place, node in enumerate(nodes):
            reading = self.readings[node]
            out[..., place] = reading.decode(sites[..., self.roots[list(reading.variables)]])
        return out

    def sample(
        self,
        schedule: LikeSchedule,
        *,
        nodes: Sequence[Any] | None = None,
        clamp: Sequence[Any] | Mapping[Hashable, Any] | None = None,
        init: Sequence[Any] | Mapping[Hashable, Any] | None = None,
        replicas: int | range = 1,
        seed: int | Sequence[int] | None = None,
        device: Any = "jax",
        discard: bool = True,
    ) -> Samples:
        """Run the program.

        States of spins are bools (0 and 1 will do), those of categorical nodes integers 0…q-1.

        Args:
            schedule: a :class:`Schedule`, or anything with THRML's three attributes.
            nodes: blocks to return, each a sequence of nodes (a THRML ``Block`` will do), or a plain list of nodes,
                which is one block; by default one block of all nodes.
            clamp: values of the clamped blocks, one array ``[nodes]`` or ``[R, nodes]`` a block; or a mapping from
                nodes to values (one, or ``[R]``), which may also name free nodes.
            init: starting states of the free blocks, likewise; by default drawn from the seed. A mapping names every
                free node.
            replicas: independent chains, or a range of their numbers, as in :meth:`Device.run`.
            seed: instead of the image's; or one per replica, whose samples then are those of a run of one replica with
                that seed.
            device: a name for :func:`open_device`, or an open device. A named one is kept open for the next call
                (:mod:`thermofab.hw.spec.kept_devices`), unless it can be closed: then it is closed.
            discard: for a program with ``checks``, run so many samples more that every replica has the number asked
                for without those in which copies disagree, and return those; the ledger counts all. ``False`` returns
                all samples of one run: :attr:`Samples.kept` tells which to use.

        Returns:
            samples whose ``states`` hold an array ``[R, S, nodes]`` a requested block: bool, or integers where the
            block has categorical nodes.

        Raises:
            SpecError: a node is unknown, an array has the wrong shape, or the samples exceed this machine's memory.
            DeviceError: far fewer samples than the certificate's yield have copies that agree.
        """
        asked = Schedule.of(schedule)
        blocks, count = self.node_blocks(nodes), len(numbers_of(replicas))
        check_samples_fit(count, asked.n_samples, self.fabric.n_sites)
        site_clamp = self._site_clamps(clamp, count)
        site_init = self._site_init(init, count)
        with running_device(device, self.fabric) as running:
            running.load(self.image)

            def run(samples: int) -> Samples:
                one = replace(asked, n_samples=samples)
                return running.run(one, replicas=replicas, init=site_init, clamp=site_clamp, seed=seed)

            raw = self._kept(run, asked) if self.checks and discard else run(asked.n_samples)
        samples = raw.decoded(self, blocks)
        # Chains given different clamped values have different distributions, and are not meant to meet.
        if np.all(site_clamp == site_clamp[:1]):
            samples.warn_unless_mixed()
        return samples

    def with_mixing(
        self,
        schedule: Schedule | None = None,
        *,
        clamp: Any = None,
        replicas: int = 64,
        seed: int = 0,
        device: Any = "jax",
    ) -> "Program":
        """The program with ``report.mixing`` measured by a run: how many independent samples of the means and
        products (of pairs that the model couples) of its spins, and of the means of its categories, a million clock
        cycles are worth.

        Args:
            schedule: by default 2,000 sweeps to warm up and 2,000 samples of successive sweeps; where a chain of these
                is worth fewer than 50 independent ones, as many samples again, 16 sweeps apart.
            clamp, replicas, seed, device: as in :meth:`sample`; at least 8 replicas.

        Raises:
            SpecError: fewer than 8 replicas.
        """
        if replicas < 8:
            raise SpecError(f"mixing is measured by the spread of chains, of at least 8; got replicas={replicas}.")
        options = {"clamp": clamp, "replicas": replicas, "seed": seed, "device": device}
        asked = Schedule.of(schedule or Schedule(2000, 2000, 1))
        samples = self.sample(asked, discard=False, **options)
        effective = self._effective(samples)
        if schedule is None and effective < _FEW_EFFECTIVE:
            asked = replace(asked, steps_per_sample=16)
            samples = self.sample(asked, discard=False, **options)
            effective = self._effective(samples)
        cycles = ((asked.n_samples - 1) * asked.steps_per_sample + 1) * self.report.cycles_per_sweep
        how = f"{replicas} chains of {asked.n_samples} samples on {device if isinstance(device, str) else 'a device'}"
        mixing = Mixing(1e6 * effective / cycles, float(samples.kept.mean()), how)
        return replace(self, report=replace(self.report, mixing=mixing))

    def _effective(self, samples: Samples) -> float:
        """Effective samples of a chain: of the means and products of spins, and of the means of categories."""
        return effective_of(observables(self.model, samples.node_states), samples.kept)

    def check(
        self,
        *,
        schedule: Schedule | None = None,
        clamp: Mapping[Hashable, Any] | None = None,
        replicas: int = 64,
        seed: int = 0,
        device: Any = "jax",
    ) -> "Program":
        """The program with ``report.checked``: a run compared with the same integers on a table of 24-bit thresholds
        and with the model before placement and rounding, sampled by replica exchange in floating point; a verdict with
        its false-alarm rate, what it could have seen, effective samples and split R-hat. Where the end-to-end distance
        was not enumerated it is now the measured one.

        Args:
            schedule: by default 2,000 sweeps to warm up and 500 samples, 10 sweeps apart; four and sixteen times as
                many sweeps where the chains have not met by then.
            clamp: nodes and their values, one value each; what is checked is the conditional distribution.
            replicas, seed, device: as in :meth:`sample`; at least 16 replicas.

        Raises:
            SpecError: fewer than 16 replicas, a clamped node without a value, or a program read from a file.
        """
        if self.structure is None:
            raise SpecError("a program read from a file has no model to compare with; compile it again.")
        return self.structure.check(self, schedule=schedule, clamp=clamp, replicas=replicas, seed=seed, device=device)

    def log_partition(
        self,
        method: Method = "ais",
        *,
        levels: int | Sequence[float] | None = None,
        replicas: int | None = None,
        sweeps: int | None = None,
        clamp: Mapping[Hashable, Any] | None = None,
        seed: int = 0,
        device: Any = "jax",
    ) -> LogPartition:
        """ln Z of the model as written, Z = Σ_s exp(-β E(s)), E of :attr:`model` with its offset and its β, over the
        states of the nodes that are not clamped (clamped ones have their values in E: the conditional ln Z).

        Chains go on the device from independent coin flips, β = 0 and ln Z known, through tables of rising β; more
        levels than the fabric holds are loaded in turn. That gives ln Z of the integers; weights of the samples at
        β carry it to the model, so that rounding, copies, codes and discarded samples leave no bias. The table does:
        a level samples the distribution of its rounded table (``report.table``, of which ``profile="fine"`` makes
        next to nothing), and that is not corrected for; see :mod:`thermofab.sim.partition`.

        Args:
            method: ``"ais"`` (annealed importance sampling; unbiased with any number of sweeps), ``"bar"`` (Bennett's
                acceptance ratio between neighbouring levels), ``"ti"`` (thermodynamic integration of the energy) or
                ``"population"`` (population annealing, for rugged models).
            levels: how many, β = 0 and 1 among them, or the factors on β themselves, from 1 down to 0; by default
                as many as the method wants, placed by a pilot's measured deviations of the energy.
            replicas: chains; for ``population`` in 16 populations.
            sweeps: of every chain at every level.
            clamp: nodes and their values, one value each.
            seed: of all that is drawn.
            device: a name for :func:`open_device`, or an open device: a simulator, or one whose states and generators
                can be placed, as those of ``"rtl"`` and ``"serial://…"`` can.

        Raises:
            SpecError: an argument is out of range, or level 0 holds another table than the standard one.
            RefusedError: the estimate would not be one of the model's ln Z, or is not to be believed: the message
                says why and what to raise.
        """
        return partition_estimator()(
            self, method, levels=levels, replicas=replicas, sweeps=sweeps, clamp=clamp, seed=seed, device=device
        )

    def _kept(self, run: Callable[[int], Samples], asked: Schedule) -> Samples:
        """The first samples of every replica in which copies agree, as many as were asked for."""
        share = getattr(self.report.certificate, "yield_", 1.0)
        spent: Ledger | None = None
        for more in _MORE:
            raw = run(int(np.ceil(more * asked.n_samples / share)) + 8)
            spent = raw.ledger if spent is None else spent.plus(raw.ledger)
            agree = np.ones(raw.sites.shape[:2], dtype=bool)
            for a, b in self.checks:
                agree &= raw.sites[:, :, a] == raw.sites[:, :, b]
            if agree.sum(axis=1).min() >= asked.n_samples:
                first = np.argsort(~agree, axis=1, kind="stable")[:, : asked.n_samples]
                sites = np.take_along_axis(raw.sites, first[:, :, None], axis=1)
                return replace(raw, sites=sites, schedule=asked, ledger=spent)
        raise DeviceError(
            f"a replica has fewer than the {asked.n_samples} samples asked for among {raw.sites.shape[1]}, the others "
            f"have copies that disagree, where a share of {share:.2g} was expected to be kept. Warm up for longer, "
            "compile with a tolerance, or take a fabric that holds the program's graph directly."
        )

    def node_blocks(self, nodes: Sequence[Any] | None) -> Blocks:
        """Node indices of requested blocks; refuses nodes the program does not have."""
        if nodes is None:
            return (tuple(range(self.model.n_nodes)),)
        if self._is_one_block(nodes):
            return (tuple(self.node_index[node] for node in nodes),)
        blocks = []
        for position, block in enumerate(nodes):
            members = block if isinstance(block, (list, tuple)) else getattr(block, "nodes", None)
            if members is None:
                raise SpecError(
                    f"nodes[{position}] is a single {type(block).__name__}; nodes is a list of blocks, "
                    "each a list of nodes, or one list of this program's nodes."
                )
            unknown = [node for node in members if node not in self.node_index]
            if unknown:
                raise SpecError(
                    f"nodes[{position}] asks for {unknown[0]!r}, which is not a node of this program of "
                    f"{self.model.n_nodes} nodes."
                )
            blocks.append(tuple(self.node_index[node] for node in members))
        return tuple(blocks)

    def _is_one_block(self, nodes: Sequence[Any]) -> bool:
        """Whether all entries are nodes; entries that are blocks of nodes as well count as blocks."""
        if not nodes or not all(isinstance(node, Hashable) and node in self.node_index for node in nodes):
            return False
        return not all(isinstance(node, tuple) and all(part in self.node_index for part in node) for node in nodes)

    def site_states(self, clamp: Any, init: Any, replicas: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Clamps int8 ``[R, N]`` and starting states bool ``[R, N]`` (or ``None``) of the fabric's sites, from what
        :meth:`sample` takes.
        """
        return self._site_clamps(clamp, replicas), self._site_init(init, replicas)

    def _site_clamps(self, clamp: Any, replicas: int) -> np.ndarray:
        clamps = np.full((replicas, self.fabric.n_sites), FREE, dtype=np.int8)
        must = {k for block in self.clamped_blocks for k in block}
        values: dict[int, np.ndarray] = {}
        if isinstance(clamp, Mapping):
            for node, value in clamp.items():
                if node not in self.node_index:
                    raise SpecError(f"clamp names {node!r}, which is not a node of this program.")
                array = np.asarray(value)
                if array.shape not in ((), (replicas,)):
                    raise SpecError(f"clamp of {node!r} must be a bool or have shape ({replicas},), got {array.shape}.")
                k = self.node_index[node]
                values[k] = _as_states(f"clamp of {node!r}", array, self.model.categories[k])
        elif clamp is not None or any(self.variables_of(k) for k in must):
            for block, array in self._block_arrays("clamp", clamp or [], self.clamped_blocks, replicas):
                values |= {k: array[..., place] for place, k in enumerate(block)}
        known = {k for k in range(self.model.n_nodes) if not self.variables_of(k)}
        for k in known & set(values):
            if np.any(values[k] != self._known(k)):
                raise SpecError(
                    f"this program was compiled with {self.model.nodes[k]!r} clamped to {self._known(k)}; compile it "
                    "again for another value, or without it in clamp."
                )
        missing = must - known - set(values)
        if missing:
            raise SpecError(
                f"this program has {len(must)} clamped nodes and clamp gives no value for "
                f"{self.model.nodes[min(missing)]!r}; pass clamp=[one array per clamped block]."
            )
        for k in set(values) - known:
            for variable, bit in zip(self.variables_of(k), self._bits(k, values[k])):
                for site in self.copies[variable] if k in must else self.copies[variable][:1]:
                    clamps[:, site] = bit
        return clamps

    def _known(self, node: int) -> int:
        """The value of a node that was clamped when the program was compiled."""
        assert self.readings is not None
        return self.readings[node].table[0]

    def _bits(self, node: int, states: np.ndarray) -> list[np.ndarray]:
        """The bits of a node's variables for its states ``[...]``."""
        if self.readings is None:
            return [states]
        bits = self.readings[node].encode(states)
        return [bits[..., k] for k in range(bits.shape[-1])]

    def _site_init(self, init: Any, replicas: int) -> np.ndarray | None:
        if init is None:
            return None
        if isinstance(init, Mapping):
            init = self._block_values(init, replicas)
        sites = np.zeros((replicas, self.fabric.n_sites), dtype=bool)
        for block, array in self._block_arrays("init", init, self.free_blocks, replicas):
            if self.readings is None:  # the block's nodes are variables: all at once
                place_of = np.full(len(self.copies), -1)
                place_of[list(block)] = np.arange(len(block))
                owners, copies = self._copy_sites
                mine = place_of[owners] >= 0
                sites[:, copies[mine]] = array[..., place_of[owners[mine]]]
                continue
            for place, k in enumerate(block):
                for variable, bit in zip(self.variables_of(k), self._bits(k, array[..., place])):
                    sites[:, list(self.copies[variable])] = bit[..., None]
        return sites

    def _block_values(self, init: Mapping[Hashable, Any], replicas: int) -> list[np.ndarray]:
        """Values by node as an array ``[R, nodes]`` per free block."""
        free = {self.model.nodes[k] for block in self.free_blocks for k in block}
        for node in init:
            if node not in free:
                raise SpecError(f"init names {node!r}, which is not a free node of this program.")
        if missing := [node for node in self.model.nodes if node in free and node not in init]:
            raise SpecError(
                f"init gives no value for {missing[0]!r}; name all {len(free)} free nodes, or leave init out."
            )
        for node, value in init.items():
            if np.shape(value) not in ((), (replicas,)):
                raise SpecError(
                    f"init of {node!r} must be one value or have shape ({replicas},), got {np.shape(value)}."
                )
        return [
            np.stack([np.broadcast_to(init[self.model.nodes[k]], replicas) for k in block], axis=-1)
            for block in self.free_blocks
        ]

    def _block_arrays(self, name: str, arrays: Any, blocks: Blocks, replicas: int) -> list[tuple[tuple, np.ndarray]]:
        kind = "clamped" if name == "clamp" else "free"
        if len(arrays) != len(blocks):
            raise SpecError(f"{name} needs one array for each of the {len(blocks)} {kind} blocks, got {len(arrays)}.")
        checked = []
        for position, (raw, block) in enumerate(zip(arrays, blocks)):
            array = np.asarray(raw)
            if array.shape not in ((len(block),), (replicas, len(block))):
                raise SpecError(
                    f"{name}[{position}] must have shape ({len(block)},) or ({replicas}, {len(block)}), "
                    f"got {array.shape}."
                )
            checked.append((block, _as_states(f"{name}[{position}]", array, self.model.categories[list(block)])))
        return checked

    def with_weights(self, source: Any = None, *, biases: Any = None, couplings: Any = None) -> "Program":
        """The program with other weights on the same sites and wires: for training loops.

        The step is chosen anew; the certificate's proof holds for any weights of a layout without trunks, and is
        renewed for one with them.

        Args:
            source: a program like the one compiled, of the same nodes and edges; what :func:`thermofab.compile` takes.
            biases: instead of a source, float ``[n]`` in the order and units of ``model.biases``; ``None`` keeps those
                there are.
            couplings: likewise, float ``[m]`` in the order of ``model.edges``.

        Raises:
            CompileError: the new weights couple nodes that no wire joins, or are not finite.
            SpecError: the program was read from a file.
        """
        if self.structure is None:
            raise SpecError("a program read from a file has no structure to put new weights on; compile it again.")
        return self.structure.with_weights(source, biases, couplings)

    def replace(self, **changes: Any) -> "Program":
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary with the fabric inside: a program file stands alone."""
        return {
            "contract": self.contract,
            "fabric": self.fabric.to_json(),
            "image": self.image.to_json(),
            "model": self.model.to_json(),
            "copies": self.copies,
            "free_blocks": self.free_blocks,
            "clamped_blocks": self.clamped_blocks,
            "report": self.report.to_json(),
            "readings": None if self.readings is None else [[r.variables, r.table] for r in self.readings],
            "checks": self.checks,
        }

    @staticmethod
    def from_json(data: dict[str, Any], fabric: FabricSpec | None = None) -> "Program":
        """Inverse of :meth:`to_json`; with ``fabric``, refuse a program made for another one.

        Raises:
            SpecError: the program is of a contract version unknown here (one without a version is of version 1), was
                changed, or is for another fabric.
        """
        check_contract(data.get("contract", 1), "the program")

        def nested(rows: Any) -> Blocks:
            return tuple(tuple(row) for row in rows)

        own = FabricSpec.from_json(data["fabric"]) if fabric is None else fabric
        read = data.get("readings")
        return Program(
            image=Image.from_json(data["image"], own),
            model=(DiscreteModel if "factors" in data["model"] else IsingModel).from_json(data["model"]),
            copies=nested(data["copies"]),
            free_blocks=nested(data["free_blocks"]),
            clamped_blocks=nested(data["clamped_blocks"]),
            report=Report.from_json(data["report"]),
            checks=tuple((int(a), int(b)) for a, b in data.get("checks", ())),
            readings=None if read is None else tuple(Reading(tuple(bits), tuple(table)) for bits, table in read),
        )


def _as_states(name: str, array: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """``array`` as bool, or as int64 where nodes of ``categories`` states are among it; the last axis is nodes."""
    spins = np.broadcast_to(np.asarray(categories) == 0, array.shape)
    if array.dtype != np.bool_ and np.any(spins & (array != 0) & (array != 1)):
        raise SpecError(f"{name} must be bool, or 0 and 1; spins are given as True for +1 and False for -1.")
    if np.all(spins):
        return array.astype(bool)
    if np.any(~spins & ((array < 0) | (array >= categories) | (array != np.floor(array)))):
        raise SpecError(
            f"{name} gives a categorical node of up to {int(np.max(categories))} states another one; they are 0, 1, …."
        )
    return array.astype(np.int64)
