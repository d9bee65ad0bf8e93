"""How the host lays out what it loads into a relay fabric, and reads what comes out.

Clamps, generators' states and biases are laid out by the image's trees and colours, so the image is loaded first.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from thermofab.hw.host.bits import WORD, pack_bits, unpack_bits
from thermofab.hw.host.loading import SiteLoading, Write
from thermofab.hw.host.relay.plan import (
    BIAS_WORDS,
    CLAMP_MASKS,
    COLOURS,
    EVENT_WORDS,
    STATES_WORD,
    plan_of,
)
from thermofab.hw.host.relay.registers import LOAD_STATES, REWIND, TALLEST, relay_register_map
from thermofab.hw.spec import DeviceError, FabricSpec, Image
from thermofab.hw.spec.clocks import relay_clocks, relay_width
from thermofab.hw.spec.order import IDLE, NO_PARENT, Order


class RelayLoading(SiteLoading):
    """The loading of :class:`thermofab.hw.rtl.relay.top.RelayTop`."""

    def __init__(self, spec: FabricSpec) -> None:
        super().__init__(spec, relay_register_map(spec))
        self._plan = plan_of(spec)
        self.sweep_clocks = relay_clocks(spec)
        self._order: Order | None = None
        self._clamped = [np.zeros(spec.n_sites, dtype=bool) for _ in range(CLAMP_MASKS)]

    def image(self, image: Image) -> Iterator[Write]:
        """Trees, weights, biases and tables; clamps stay as they were.

        Raises:
            DeviceError: the image has more colours, levels of trees or bits of biases than the fabric has memory for.
        """
        assert image.order is not None
        width = relay_width(image)
        check_limits(image)
        self._order = image.order
        yield self._row("FIELD_BITS", [width])
        yield self._row("LAST_COLOUR", [image.order.n_colours - 1])
        yield self._row("HEIGHTS", image.order.heights)
        yield self._masks(image)
        yield self._biases(image, width)
        for mask, clamped in enumerate(self._clamped):
            yield self._events(mask, clamped)
        yield self._row("TABLES", image.tables.reshape(-1))

    def states(self, bits: np.ndarray) -> Write:
        words = pack_bits(bits)
        where = self._at("EVENTS", (len(words), CLAMP_MASKS, EVENT_WORDS), np.arange(len(words)), 0, STATES_WORD)
        load = self._row("LOAD", [LOAD_STATES])
        return np.append(where, load[0]), np.append(words.astype(np.int64), load[1])

    def clamps(self, mask: int, bits: np.ndarray) -> Write:
        self._clamped[mask] = np.array(bits, dtype=bool)
        return self._events(mask, self._clamped[mask])

    def seeds(self, words: np.ndarray) -> Write:
        """Generator states of the roots, uint32 ``[N, words]``; those of other sites draw nothing and are left out."""
        order, source = self._loaded, self._plan.source
        roots = np.flatnonzero(order.is_root)
        # Bits of a root's state, in words of `source.bits`, under [colour, word, unit].
        bits = unpack_bits(words[roots], 32 * words.shape[1]).reshape(len(roots), source.words, source.bits)
        table = np.zeros((order.n_colours, source.words, len(self._plan.units), source.bits), dtype=bool)
        table[order.colours[roots], :, self._spec.draw_units[roots]] = bits
        flat = table.reshape(order.n_colours, source.words, -1)
        where, data = self._banked("SEED", flat, (COLOURS, source.words), len(self._plan.banks(flat.shape[-1])))
        load = self._row("LOAD", [REWIND])
        return np.append(where, load[0]), np.append(data, load[1])

    @property
    def _loaded(self) -> Order:
        if self._order is None:
            raise DeviceError("states of generators are laid out by an image's trees; load an image before them.")
        return self._order

    def _masks(self, image: Image) -> Write:
        """All groups' words for one address after another, each address set first."""
        plan, order, degree = self._plan, self._loaded, self._spec.topology.max_degree
        sites, edges = self._spec.topology.neighbour_table
        own = np.arange(len(sites))[:, None]
        weights = np.where(edges < 0, 0, image.weights[edges] if len(image.weights) else 0).astype(np.int64)
        child = (sites >= 0) & (order.parents[sites] == own)
        parent = (sites >= 0) & (order.parents[own] == sites)
        bits = [np.where(child, 1, weights >> k & 1) for k in range(self._spec.weight_bits)]
        words = np.array([parent.astype(np.int64), *bits])  # [address, site, neighbour]
        lanes = (words << np.arange(degree)).sum(axis=2) if degree else np.zeros(words.shape[:2], dtype=np.int64)
        shifts = np.arange(max(map(len, plan.groups))) * degree
        data = [[int((row[list(group)] << shifts[: len(group)]).sum()) for group in plan.groups] for row in lanes]
        where = [self.map["MASK_WORD"].at(), *[self.map["MASKS"].at()] * len(plan.groups)]
        held = np.column_stack([np.array(plan.mask_addresses), np.array(data)])
        return np.tile(where, len(held)), held.reshape(-1)

    def _biases(self, image: Image, width: int) -> Write:
        """Σ over a tree of (b_i - Σ_j w_ij), for each colour and draw unit."""
        order, spec = self._loaded, self._spec
        own = image.biases.astype(np.int64)
        for side in (0, 1):
            np.subtract.at(own, spec.topology.edges[:, side], image.weights)
        total = np.zeros((order.n_colours, len(self._plan.units)), dtype=np.int64)
        busy = order.colours != IDLE
        roots = order.roots[busy]
        np.add.at(total, (order.colours[roots], spec.draw_units[roots]), own[busy])
        bits = (total[:, None, :] >> np.arange(width)[None, :, None] & 1).reshape(-1, total.shape[1])
        return self._banked("BIASES", bits, (BIAS_WORDS,), len(self._plan.banks(total.shape[1])))

    def _events(self, mask: int, clamped: np.ndarray) -> Write:
        if self._order is None:  # they are written with the image
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        order = self._order
        first = np.cumsum(order.heights + 1) - (order.heights + 1)
        sites = np.flatnonzero((order.colours != IDLE) & ~(clamped & (order.parents == NO_PARENT)))
        colours = order.colours[sites]
        bits = np.zeros((int(np.sum(order.heights + 1)), self._spec.n_sites), dtype=np.int64)
        bits[first[colours] + order.heights[colours] - order.depths[sites], sites] = 1
        banks = len(self._plan.banks(bits.shape[1]))
        where, data = self._banked("EVENTS", bits, (CLAMP_MASKS, EVENT_WORDS), banks, (mask,))
        return where, data

    def _banked(
        self, name: str, bits: np.ndarray, sizes: tuple[int, ...], banks: int, before: tuple[int, ...] = ()
    ) -> Write:
        """Bits ``[…, column]`` for banks of 32 columns, under ``[bank, *before, …]`` of array ``name``."""
        padded = np.zeros((*bits.shape[:-1], banks * WORD), dtype=np.int64)
        padded[..., : bits.shape[-1]] = bits
        words = (padded.reshape(*bits.shape[:-1], banks, WORD) << np.arange(WORD)).sum(axis=-1)
        words = np.moveaxis(words, -1, 0)
        indices = np.indices(words.shape)
        where = self._at(name, (banks, *sizes), indices[0], *before, *indices[1:])
        return where.reshape(-1), words.reshape(-1)

    def _at(self, name: str, sizes: tuple[int, ...], *indices: Any) -> np.ndarray:
        place = np.zeros((), dtype=np.int64)
        for size, index in zip(sizes, indices):
            place = place * size + index
        return self.map[name].base + np.asarray(place)


def check_limits(image: Image) -> None:
    """Raise ``DeviceError`` unless the fabric has memory for the image's order."""
    order = image.order
    assert order is not None
    if order.n_colours > COLOURS:
        raise DeviceError(
            f"the image has {order.n_colours} colours, and a relay fabric keeps generators for {COLOURS}; place its "
            "roots so that fewer of them are coupled or share a draw unit."
        )
    if (words := int(np.sum(order.heights + 1))) > STATES_WORD:
        raise DeviceError(
            f"the colours of the image have {words} levels of trees in all, and a relay fabric keeps events for "
            f"{STATES_WORD}; take lower trees, rooted in their middles, or fewer colours."
        )
    if (height := int(order.heights.max())) > TALLEST:
        raise DeviceError(f"a tree has height {height}, and a relay fabric's go up to {TALLEST}; root it elsewhere.")
    if (words := order.n_colours * relay_width(image)) > BIAS_WORDS:
        raise DeviceError(
            f"the image has {order.n_colours} colours of fields of {relay_width(image)} bits, and a relay fabric keeps "
            f"{BIAS_WORDS} bits of biases, not {words}; take fewer colours, or smaller weights."
        )
