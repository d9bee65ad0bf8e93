"""Codec: nodes of a user's model as states of a fabric's sites, and back."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thermofab.hw.spec.arguments import Block, Blocks, LikeBlock, LikeNodes, LikeValues
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.node_values import BlockStates, block_states, mapped_states
from thermofab.hw.spec.reading import Reading


@dataclass(frozen=True, eq=False)
class Codec:
    """Where the nodes of a model sit. Fields as those of :class:`~thermofab.hw.spec.program.Program`."""

    n_sites: int
    model: IsingModel | DiscreteModel
    copies: tuple[Block, ...]
    free_blocks: Blocks
    clamped_blocks: Blocks
    readings: tuple[Reading, ...] | None

    @cached_property
    def roots(self) -> np.ndarray:
        """int64 ``[variables]``: the site every variable is read at."""
        return np.array([sites[0] for sites in self.copies], dtype=np.int64)

    @cached_property
    def node_index(self) -> dict[Hashable, int]:
        return {node: k for k, node in enumerate(self.model.nodes)}

    @cached_property
    def _copy_sites(self) -> tuple[np.ndarray, np.ndarray]:
        """The variable of every copy, and its site: int64 ``[copies]`` each."""
        owners = np.repeat(np.arange(len(self.copies)), [len(sites) for sites in self.copies])
        return owners, np.array([site for sites in self.copies for site in sites], dtype=np.int64)

    @cached_property
    def _clamped(self) -> frozenset[int]:
        """Nodes that a run must give values for."""
        return frozenset(k for block in self.clamped_blocks for k in block)

    @cached_property
    def _known(self) -> frozenset[int]:
        """Nodes whose value was known when the program was compiled: no site holds them."""
        return frozenset(k for k, reading in enumerate(self.readings or ()) if not reading.variables)

    @cached_property
    def _kept_indices(self) -> dict[Block, np.ndarray]:
        """Index arrays of the blocks that a program is asked for again and again: its own, and all nodes."""
        blocks = {*self.free_blocks, *self.clamped_blocks, tuple(range(self.model.n_nodes))}
        return {block: np.array(block, dtype=np.int64) for block in blocks}

    def _indices(self, block: Block | np.ndarray) -> np.ndarray:
        if isinstance(block, np.ndarray):
            return block
        kept = self._kept_indices.get(block)
        return np.array(block, dtype=np.int64) if kept is None else kept

    def variables_of(self, node: int) -> Block:
        """The variables that node number ``node`` is read from."""
        return (node,) if self.readings is None else self.readings[node].variables

    def read(self, sites: np.ndarray, nodes: Sequence[int] | np.ndarray) -> np.ndarray:
        """States of nodes from site states bool ``[..., N]``, see :meth:`~thermofab.hw.spec.program.Program.read`."""
        indices = self._indices(nodes if isinstance(nodes, np.ndarray) else tuple(nodes))
        if self.readings is None:
            return sites[..., self.roots[indices]]
        categories = self.model.categories[indices]
        kind = np.uint8 if not len(nodes) or categories.max() <= 256 else np.uint16
        states = np.zeros((*sites.shape[:-1], len(nodes)), dtype=kind if np.any(categories) else np.bool_)
        for place, node in enumerate(nodes):
            reading = self.readings[node]
            states[..., place] = reading.decode(sites[..., self.roots[list(reading.variables)]])
        return states

    def node_blocks(self, nodes: LikeNodes | None) -> Blocks:
        """Node indices of the blocks that a user asks for, one block of all nodes by default.

        Raises:
            SpecError: a node that the program does not have, or something that is no block.
        """
        if nodes is None:
            return (tuple(range(self.model.n_nodes)),)
        if self._is_one_block(nodes):
            return (tuple(self.node_index[node] for node in nodes if isinstance(node, Hashable)),)
        return tuple(self._block(position, block) for position, block in enumerate(nodes))

    def _block(self, position: int, block: object) -> Block:
        if isinstance(block, LikeBlock):
            members = block.nodes
        elif isinstance(block, (list, tuple)):
            members = block
        else:
            raise SpecError(
                f"nodes[{position}] is a single {type(block).__name__}; nodes is a list of blocks, "
                "each a list of nodes, or one list of this program's nodes."
            )
        try:
            return tuple(map(self.node_index.__getitem__, members))
        except KeyError as unknown:
            raise SpecError(
                f"nodes[{position}] asks for {unknown.args[0]!r}, which is not a node of this program of "
                f"{self.model.n_nodes} nodes."
            ) from None

    def _is_one_block(self, nodes: LikeNodes) -> bool:
        """Whether all entries are nodes; entries that are blocks of nodes as well count as blocks."""
        if not nodes or not all(isinstance(node, Hashable) and node in self.node_index for node in nodes):
            return False
        return not all(isinstance(node, tuple) and all(part in self.node_index for part in node) for node in nodes)

    def site_clamps(self, clamp: LikeValues | None, replicas: int) -> np.ndarray:
        """Clamps int8 ``[R, N]``: at all copies of nodes that are clamped in the program, at the root of others.

        Raises:
            SpecError: a clamped node has no value, one that was known at compile time another, or a value is none of
                its node's.
        """
        given = self._clamp_states(clamp, replicas)
        named = {k for block, _ in given for k in block}
        self._check_known(given)
        if missing := self._clamped - self._known - named:
            raise SpecError(
                f"this program has {len(self._clamped)} clamped nodes and clamp gives no value for "
                f"{self.model.nodes[min(missing)]!r}; pass clamp=[one array per clamped block]."
            )
        clamps = np.full((replicas, self.n_sites), FREE, dtype=np.int8)
        must = [self._bits(block, states) for block, states in given if self._clamped.issuperset(block)]
        self._write_copies(clamps, must)
        for block, states in given:
            if not self._clamped.issuperset(block):
                variables, bits = self._bits(block, states)
                clamps[:, self.roots[variables]] = bits
        return clamps

    def site_init(self, init: LikeValues | None, replicas: int) -> np.ndarray | None:
        """Starting states bool ``[R, N]``, the same at all copies of a node; none where none are given.

        Raises:
            SpecError: a free node has no value, or a value is none of its node's.
        """
        if init is None:
            return None
        if isinstance(init, Mapping):
            index = {self.model.nodes[k]: k for block in self.free_blocks for k in block}
            given = mapped_states("init", init, index, "free node", replicas, self.model.categories)
            if missing := [node for node in self.model.nodes if node in index and node not in init]:
                raise SpecError(
                    f"init gives no value for {missing[0]!r}; name all {len(index)} free nodes, or leave init out."
                )
        else:
            given = block_states("init", "free", init, self.free_blocks, replicas, self.model.categories)
        sites = np.zeros((replicas, self.n_sites), dtype=bool)
        self._write_copies(sites, [self._bits(block, states) for block, states in given])
        return sites

    def _clamp_states(self, clamp: LikeValues | None, replicas: int) -> list[BlockStates]:
        if isinstance(clamp, Mapping):
            return mapped_states("clamp", clamp, self.node_index, "node", replicas, self.model.categories)
        if clamp is None and not any(self.variables_of(k) for k in self._clamped):
            return []
        arrays = [] if clamp is None else clamp
        return block_states("clamp", "clamped", arrays, self.clamped_blocks, replicas, self.model.categories)

    def _check_known(self, given: list[BlockStates]) -> None:
        """Nodes whose value the compiler was told keep it: the program was made for that value."""
        for block, states in given:
            for place, k in enumerate(block):
                if k in self._known and np.any(states[..., place] != self._known_value(k)):
                    raise SpecError(
                        f"this program was compiled with {self.model.nodes[k]!r} clamped to {self._known_value(k)}; "
                        "compile it again for another value, or without it in clamp."
                    )

    def _known_value(self, node: int) -> int:
        assert self.readings is not None
        return self.readings[node].table[0]

    def _bits(self, block: Block, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The variables of a block's nodes, int64 ``[V]``, and their bits, bool ``[V]`` or ``[R, V]``."""
        if self.readings is None:
            return self._indices(block), states
        read = [(place, self.readings[k]) for place, k in enumerate(block) if self.readings[k].variables]
        variables = [v for _, reading in read for v in reading.variables]
        bits = [reading.encode(states[..., place]) for place, reading in read]
        empty = np.zeros((*states.shape[:-1], 0), dtype=bool)
        return np.array(variables, dtype=np.int64), np.concatenate([empty, *bits], axis=-1)

    def places(self, blocks: Blocks) -> np.ndarray:
        """Where every site's node stands among the nodes of ``blocks``, int64 ``[N]``, one block after another; -1 for
        sites of other nodes and of none. For programs whose variables are their nodes.
        """
        nodes = np.array([k for block in blocks for k in block], dtype=np.int64)
        place_of, places = np.full(len(self.copies), -1), np.full(self.n_sites, -1)
        place_of[nodes] = np.arange(len(nodes))
        owners, copies = self._copy_sites
        places[copies] = place_of[owners]
        return places

    def _write_copies(self, sites: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Write bits of variables to all their copies in ``sites`` ``[R, N]``."""
        if not parts:
            return
        variables = np.concatenate([of for of, _ in parts])
        bits = np.concatenate([np.broadcast_to(part, (len(sites), len(of))) for of, part in parts], axis=1)
        place_of = np.full(len(self.copies), -1)
        place_of[variables] = np.arange(len(variables))
        owners, copies = self._copy_sites
        written = place_of[owners] >= 0
        sites[:, copies[written]] = bits[:, place_of[owners[written]]]
