"""Program: an image together with where the user's nodes sit in it, and what can be run of it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from thermofab.hw.spec.agreement import agreeing_samples
from thermofab.hw.spec.arguments import Blocks, LikeNodes, LikeValues
from thermofab.hw.spec.codec import Codec
from thermofab.hw.spec.contract import check_contract
from thermofab.hw.spec.device import Device, numbers_of
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.kept_devices import running_device
from thermofab.hw.spec.memory import check_samples_fit
from thermofab.hw.spec.mixing_run import measured_mixing
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.notebook import program_html
from thermofab.hw.spec.partition import LogPartition, Method
from thermofab.hw.spec.reading import Reading
from thermofab.hw.spec.registry import partition_estimator
from thermofab.hw.spec.report import Report
from thermofab.hw.spec.samples import Samples
from thermofab.hw.spec.schedule import LikeSchedule, Schedule


class Structure(Protocol):
    """The compiler's memory of how it made a program: puts other weights on its sites and wires, and checks it."""

    def with_weights(self, source: object, biases: ArrayLike | None, couplings: ArrayLike | None) -> "Program":
        """See :meth:`Program.with_weights`."""
        ...

    def check(
        self,
        program: "Program",
        *,
        schedule: Schedule | None,
        clamp: Mapping[Hashable, ArrayLike] | None,
        replicas: int,
        seed: int,
        device: Device | str,
    ) -> "Program":
        """See :meth:`Program.check`."""
        ...


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
        used = list(chain.from_iterable(self.copies))
        if self.readings is None and len(self.copies) != self.model.n_nodes or not all(self.copies):
            raise SpecError("every node of a program needs at least one site.")
        if len(set(used)) != len(used):
            raise SpecError("two nodes of a program share a site.")
        if self.readings is not None:
            if len(self.readings) != self.model.n_nodes:
                raise SpecError(f"a program of {self.model.n_nodes} nodes needs as many readings.")
            if any(v >= len(self.copies) for reading in self.readings for v in reading.variables):
                raise SpecError(f"a node is read from a variable beyond the program's {len(self.copies)}.")
        listed = sorted(chain.from_iterable(self.free_blocks + self.clamped_blocks))
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
    def codec(self) -> Codec:
        """Nodes as states of sites, and back."""
        return Codec(self.fabric.n_sites, self.model, self.copies, self.free_blocks, self.clamped_blocks, self.readings)

    @property
    def roots(self) -> np.ndarray:
        """int64 ``[variables]``: the site every variable is read at."""
        return self.codec.roots

    @property
    def node_index(self) -> dict[Hashable, int]:
        return self.codec.node_index

    @cached_property
    def drawing(self) -> tuple[tuple[int, ...], ...]:
        """Of every variable the sites that draw: its root alone where the others are relays."""
        return self.copies if self.image.order is None else tuple(sites[:1] for sites in self.copies)

    @cached_property
    def digest(self) -> str:
        read = () if self.readings is None else tuple((r.variables, r.table) for r in self.readings)
        parts = self.copies, self.free_blocks, self.clamped_blocks, *read, *self.checks
        return digest_of("program", self.image.digest, *parts)

    def variables_of(self, node: int) -> tuple[int, ...]:
        """The variables that node number ``node`` is read from."""
        return self.codec.variables_of(node)

    def read(self, sites: np.ndarray, nodes: Sequence[int] | np.ndarray) -> np.ndarray:
        """States of nodes, given by number, from site states bool ``[..., N]``: bool ``[..., nodes]`` if all of them
        are spins, else uint8, spins as 0 and 1 (uint16 with more than 256 states).
        """
        return self.codec.read(sites, nodes)

    def node_blocks(self, nodes: LikeNodes | None) -> Blocks:
        """Node indices of requested blocks; raises ``SpecError`` for nodes that the program does not have."""
        return self.codec.node_blocks(nodes)

    def site_states(
        self, clamp: LikeValues | None, init: LikeValues | None, replicas: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Clamps int8 ``[R, N]`` and starting states bool ``[R, N]`` (or ``None``) of the fabric's sites, from what
        :meth:`sample` takes.
        """
        return self.codec.site_clamps(clamp, replicas), self.codec.site_init(init, replicas)

    def sample(
        self,
        schedule: LikeSchedule,
        *,
        nodes: LikeNodes | None = None,
        clamp: LikeValues | None = None,
        init: LikeValues | None = None,
        replicas: int | range = 1,
        seed: int | Sequence[int] | None = None,
        device: Device | str = "jax",
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
        site_clamp, site_init = self.site_states(clamp, init, count)
        with running_device(device, self.fabric) as running:
            running.load(self.image)

            def run(samples: int) -> Samples:
                counted = replace(asked, n_samples=samples)
                return running.run(counted, replicas=replicas, init=site_init, clamp=site_clamp, seed=seed)

            raw = agreeing_samples(self, run, asked) if self.checks and discard else run(asked.n_samples)
        samples = raw.decoded(self, blocks, conditioned=bool(np.any(site_clamp != FREE)))
        # Chains given different clamped values have different distributions, and are not meant to meet.
        if np.all(site_clamp == site_clamp[:1]):
            samples.warn_unless_mixed()
        return samples

    def with_mixing(
        self,
        schedule: Schedule | None = None,
        *,
        clamp: LikeValues | None = None,
        replicas: int = 64,
        seed: int = 0,
        device: Device | str = "jax",
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
        mixing = measured_mixing(self, schedule, clamp, replicas, seed, device)
        return replace(self, report=replace(self.report, mixing=mixing))

    def check(
        self,
        *,
        schedule: Schedule | None = None,
        clamp: Mapping[Hashable, ArrayLike] | None = None,
        replicas: int = 64,
        seed: int = 0,
        device: Device | str = "jax",
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
        clamp: Mapping[Hashable, ArrayLike] | None = None,
        seed: int = 0,
        device: Device | str = "jax",
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

    def with_weights(
        self, source: object = None, *, biases: ArrayLike | None = None, couplings: ArrayLike | None = None
    ) -> "Program":
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

        def nested(rows: list[list[int]]) -> Blocks:
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
