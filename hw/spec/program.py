"""Program: an image together with where the user's nodes sit in it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.hw.spec.certificate import Report
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.registry import open_device
from thermofab.hw.spec.samples import Samples
from thermofab.hw.spec.schedule import Schedule

Blocks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled program.

    A node is read at its *root*, the first of its copies. A node of ``clamped_blocks`` has all its copies clamped;
    any other node clamped for a run has its root clamped, which is conditioning, hence as exact as the program.

    Attributes:
        image: the integers.
        model: the model as the user wrote it; its node order is the program's.
        copies: sites of every node, the root first.
        free_blocks, clamped_blocks: node indices, in the user's block structure; every node is in one block.
        report: what the compiler did.
    """

    image: Image
    model: IsingModel
    copies: tuple[tuple[int, ...], ...]
    free_blocks: Blocks
    clamped_blocks: Blocks
    report: Report

    def __post_init__(self) -> None:
        used = [site for sites in self.copies for site in sites]
        if len(self.copies) != self.model.n_nodes or any(not sites for sites in self.copies):
            raise SpecError("every node of a program needs at least one site.")
        if len(set(used)) != len(used):
            raise SpecError("two nodes of a program share a site.")
        listed = sorted(k for block in self.free_blocks + self.clamped_blocks for k in block)
        if listed != list(range(self.model.n_nodes)):
            raise SpecError("every node of a program must be in exactly one free or clamped block.")

    @property
    def fabric(self) -> FabricSpec:
        return self.image.fabric

    @cached_property
    def roots(self) -> np.ndarray:
        """int64 ``[n]``: the site every node is read at."""
        return np.array([sites[0] for sites in self.copies], dtype=np.int64)

    @cached_property
    def node_index(self) -> dict[Hashable, int]:
        return {node: k for k, node in enumerate(self.model.nodes)}

    @cached_property
    def digest(self) -> str:
        return digest_of("program", self.image.digest, self.copies, self.free_blocks, self.clamped_blocks)

    def sample(
        self,
        schedule: Schedule,
        *,
        nodes: Sequence[Any] | None = None,
        clamp: Sequence[Any] | Mapping[Hashable, Any] | None = None,
        init: Sequence[Any] | None = None,
        replicas: int = 1,
        seed: int | None = None,
        device: Any = "jax",
    ) -> Samples:
        """Run the program.

        Args:
            schedule: a :class:`Schedule`, or anything with THRML's three attributes.
            nodes: blocks to return, each a sequence of nodes (a THRML ``Block`` will do); by default one block of
                all nodes.
            clamp: values of the clamped blocks, one array ``[nodes]`` or ``[R, nodes]`` a block; or a mapping from
                nodes to values (bool or ``[R]``), which may also name free nodes.
            init: starting states of the free blocks, likewise; by default drawn from the seed.
            replicas: independent chains.
            seed: instead of the image's.
            device: a name for :func:`open_device`, or an open device.

        Returns:
            samples whose ``states`` hold a bool array ``[R, S, nodes]`` a requested block.

        Raises:
            SpecError: a node is unknown, or an array has the wrong shape.
        """
        blocks = self.node_blocks(nodes)
        site_clamp = self._site_clamps(clamp, replicas)
        site_init = self._site_init(init, replicas)
        running = open_device(device, self.fabric) if isinstance(device, str) else device
        running.load(self.image)
        raw = running.run(Schedule.of(schedule), replicas=replicas, init=site_init, clamp=site_clamp, seed=seed)
        return raw.decoded(self, blocks)

    def node_blocks(self, nodes: Sequence[Any] | None) -> Blocks:
        """Node indices of requested blocks; refuses nodes the program does not have."""
        if nodes is None:
            return (tuple(range(self.model.n_nodes)),)
        blocks = []
        for position, block in enumerate(nodes):
            members = block if isinstance(block, (list, tuple)) else getattr(block, "nodes", None)
            if members is None:
                raise SpecError(
                    f"nodes[{position}] is a single {type(block).__name__}; nodes is a list of blocks, "
                    "each a list of nodes."
                )
            unknown = [node for node in members if node not in self.node_index]
            if unknown:
                raise SpecError(
                    f"nodes[{position}] asks for {unknown[0]!r}, which is not a node of this program of "
                    f"{self.model.n_nodes} nodes."
                )
            blocks.append(tuple(self.node_index[node] for node in members))
        return tuple(blocks)

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
                values[self.node_index[node]] = _as_bool(f"clamp of {node!r}", array)
        else:
            for block, array in self._block_arrays("clamp", clamp or [], self.clamped_blocks, replicas):
                values |= {k: array[..., place] for place, k in enumerate(block)}
        missing = must - set(values)
        if missing:
            raise SpecError(
                f"this program has {len(must)} clamped nodes and clamp gives no value for "
                f"{self.model.nodes[min(missing)]!r}; pass clamp=[one array a clamped block]."
            )
        for k, value in values.items():
            for site in self.copies[k] if k in must else self.copies[k][:1]:
                clamps[:, site] = value
        return clamps

    def _site_init(self, init: Any, replicas: int) -> np.ndarray | None:
        if init is None:
            return None
        sites = np.zeros((replicas, self.fabric.n_sites), dtype=bool)
        for block, array in self._block_arrays("init", init, self.free_blocks, replicas):
            for place, k in enumerate(block):
                sites[:, list(self.copies[k])] = array[..., place, None]
        return sites

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
            checked.append((block, _as_bool(f"{name}[{position}]", array)))
        return checked

    def replace(self, **changes: Any) -> "Program":
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary with the fabric inside: a program file stands alone."""
        return {
            "fabric": self.fabric.to_json(),
            "image": self.image.to_json(),
            "model": self.model.to_json(),
            "copies": self.copies,
            "free_blocks": self.free_blocks,
            "clamped_blocks": self.clamped_blocks,
            "report": self.report.to_json(),
        }

    @staticmethod
    def from_json(data: dict[str, Any], fabric: FabricSpec | None = None) -> "Program":
        """Inverse of :meth:`to_json`; with ``fabric``, refuse a program made for another one."""

        def nested(rows: Any) -> Blocks:
            return tuple(tuple(row) for row in rows)

        own = FabricSpec.from_json(data["fabric"]) if fabric is None else fabric
        return Program(
            image=Image.from_json(data["image"], own),
            model=IsingModel.from_json(data["model"]),
            copies=nested(data["copies"]),
            free_blocks=nested(data["free_blocks"]),
            clamped_blocks=nested(data["clamped_blocks"]),
            report=Report.from_json(data["report"]),
        )


def _as_bool(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype != np.bool_ and np.any((array != 0) & (array != 1)):
        raise SpecError(f"{name} must be bool, or 0 and 1; spins are given as True for +1 and False for -1.")
    return array.astype(bool)
