"""How the host lays out what it loads into a systolic fabric, and reads what comes out: the driver's half of the map.

Host and stream speak of slots and elements; programs speak of sites. Everything here is arithmetic on arrays.
"""

from collections.abc import Iterator

import numpy as np

from thermofab.hw.host.bits import WORD, unpack_bits
from thermofab.hw.host.loading import Registers, Write
from thermofab.hw.host.systolic.format import coefficient_format, factor_words, input_weights, packed
from thermofab.hw.host.systolic.layout import NONE
from thermofab.hw.host.systolic.registers import (
    CLAMP_MASKS,
    DUMP,
    DUMP_FIELDS,
    DUMP_TABLES,
    element_words,
    fields,
    systolic_register_map,
)
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.spec import DeviceError, FabricSpec, Image


class SystolicLoading:
    """Addresses and data for a fabric of ``spec``, with those of ``built_in`` fixed in it if that is given."""

    def __init__(self, spec: FabricSpec, built_in: Image | None = None) -> None:
        self._spec, self.map, self._layout = spec, systolic_register_map(spec, built_in), layout_of(spec)
        self._loads = built_in is None
        self.sweep_clocks = self._layout.n_slots
        order = self._layout.sites[:, self._layout.used].T.reshape(-1)
        self._stream_site = order  # site of each bit of a sample, -1 for none
        self.sample_words = -(-len(order) // WORD)

    def image(self, image: Image) -> Iterator[Write]:
        """Weights and biases, where they are loaded, and tables."""
        if self._loads:
            yield from self._entries(image)
            if self._layout.n_factors:
                yield self._factors(image)
        tables = image.tables.reshape(-1)
        yield self.map["TABLES"].base + np.arange(len(tables)), tables

    def _entries(self, image: Image) -> Iterator[Write]:
        layout = self._layout
        form = coefficient_format(self._spec, layout.n_weights)
        lanes = packed(form, self._spec, input_weights(layout, image), image.biases)
        where = self._at("ENTRIES", (layout.n_elements, layout.n_slots, form.lanes),
                         layout.element_of[:, None], layout.slot_of[:, None], np.arange(form.lanes))  # fmt: skip
        extra = (lanes >> np.uint64(32)).astype(np.int64)
        for value in np.unique(extra).tolist():
            mine = extra == value
            yield np.array([self.map["EXTRA"].at()]), np.array([value])
            yield where[mine], (lanes[mine] & np.uint64(0xFFFFFFFF)).astype(np.int64)

    def _factors(self, image: Image) -> Write:
        layout, words = self._layout, factor_words(self._layout, image)
        where = self._at("FACTORS", (layout.n_elements, layout.n_slots, *words.shape[1:]),
                         layout.element_of[:, None, None], layout.slot_of[:, None, None],
                         np.arange(words.shape[1])[:, None], np.arange(words.shape[2]))  # fmt: skip
        return where.reshape(-1), words.reshape(-1)

    def states(self, bits: np.ndarray) -> Write:
        """Initial states, bool ``[N]``."""
        layout, words = self._layout, self._element_bits(bits)
        where = self._at("STATES", (layout.n_slots, words.shape[1]), np.arange(layout.n_slots)[:, None],
                         np.arange(words.shape[1]))  # fmt: skip
        return where.reshape(-1), words.reshape(-1)

    def clamps(self, mask: int, bits: np.ndarray) -> Write:
        """Clamp mask number ``mask``, bool ``[N]``. Places without a site are clamped too: they draw from coefficients
        and generators that nobody loads, and what they drew would go out with the samples.
        """
        layout, words = self._layout, self._element_bits(bits, idle=True)
        where = self._at("CLAMPS", (CLAMP_MASKS, layout.n_slots, words.shape[1]), np.array(mask),
                         np.arange(layout.n_slots)[:, None], np.arange(words.shape[1]))  # fmt: skip
        return where.reshape(-1), words.reshape(-1)

    def seeds(self, words: np.ndarray) -> Write:
        """Generator states, uint32 ``[N, words]``."""
        layout, count = self._layout, words.shape[1]
        where = self._at("SEED", (layout.n_elements, layout.n_slots, count), layout.element_of[:, None],
                         layout.slot_of[:, None], np.arange(count))  # fmt: skip
        return where.reshape(-1), words.reshape(-1).astype(np.int64)

    def samples(self, words: np.ndarray) -> np.ndarray:
        """bool ``[S, N]`` from the stream's words, uint32 ``[S, sample_words]``."""
        bits = unpack_bits(words, len(self._stream_site))
        return self._by_site(bits)

    @property
    def _counter_bits(self) -> int:
        return self._spec.moment_bits * (self._layout.owned + 1)

    def counters(self, fabric: Registers) -> tuple[np.ndarray, np.ndarray]:
        """``(ones, both)``, int64 ``[N]`` and ``[E]``: the fabric streams its counters out, a bit of every element at a
        time, lowest first, counter by counter, slot by slot.
        """
        layout, width = self._layout, self._spec.moment_bits
        count = layout.n_slots * self._counter_bits * layout.n_elements
        fabric.write("CONTROL", DUMP)
        bits = unpack_bits(fabric.collect(-(-count // WORD))[None], count)
        fields_of = bits.reshape(layout.n_slots, layout.owned + 1, width, layout.n_elements)
        values = (fields_of.astype(np.int64) << np.arange(width)[None, None, :, None]).sum(axis=2)
        mine = values[layout.slot_of, :, layout.element_of]
        both = np.zeros(self._spec.topology.n_edges, dtype=np.int64)
        both[layout.edges[:, : layout.owned][layout.counted]] = mine[:, 1:][layout.counted]
        return mine[:, 0], both

    def states_in(self, fabric: Registers) -> np.ndarray:
        """Bool ``[N]``, from STATES, which a sweep writes back."""
        layout = self._layout
        size, sizes = element_words(layout.n_elements), (layout.n_slots, element_words(layout.n_elements))
        where = self._at("STATES", sizes, np.arange(layout.n_slots)[:, None], np.arange(size)) - self.map["STATES"].base
        words = np.array([[fabric.read("STATES", int(k)) for k in row] for row in where], dtype=np.uint32)
        return unpack_bits(words, layout.n_elements)[layout.slot_of, layout.element_of]

    def check(self, fabric: Registers, image: Image) -> None:
        """Every copy: both ends of an edge, the inputs that have no neighbour, and each table memory."""
        spec, layout = self._spec, self._layout
        added = factor_words(layout, image)
        down, ups = self._fields(fabric), [self._fields(fabric, b) for b in range(layout.n_weights)]
        weights = np.stack([(up - down) // 2 for up in ups], axis=1) if ups else np.zeros((spec.n_sites, 0), np.int64)
        for found, loaded, what in (
            (weights, input_weights(layout, image), "input {1} of site {0} has the weight"),
            (down + weights.sum(axis=1) - added[..., 0].sum(axis=1), image.biases, "site {0} has the bias"),
            (self._tables(fabric), np.tile(image.tables.reshape(-1), (-(-layout.n_elements // 2), 1)),
             "entry {1} of table memory {0} is"),
        ):  # fmt: skip
            if not np.array_equal(found, loaded):
                at = tuple(np.argwhere(found != loaded)[0].tolist())
                raise DeviceError(
                    f"{what.format(*at)} {found[at]} where {loaded[at]} was loaded; load again, and look at the link "
                    "or the part if it stays so."
                )

        for f, places in enumerate(layout.places):
            for states in range(1, 1 << len(places)):
                up = (place for k, place in enumerate(places) if states >> k & 1)
                changed, loaded = self._fields(fabric, *up) - down, added[:, f, states] - added[:, f, 0]
                if not np.array_equal(changed, loaded):
                    site = int(np.argmax(changed != loaded))
                    raise DeviceError(
                        f"factor {f} of site {site} adds {changed[site]} more for states {states:#b} than for 0 where "
                        f"{loaded[site]} was loaded; load again, and look at the link or the part if it stays so."
                    )

    def _fields(self, fabric: Registers, *up: int) -> np.ndarray:
        """int64 ``[N]``: the field of every site whose neighbours are all 0, but for those at inputs ``up``."""
        layout = self._layout
        if layout.n_inputs:
            words = [0] * self.map["NEIGHBOURS"].count
            for b in up:
                words[b // WORD] |= 1 << b % WORD
            fabric.write("NEIGHBOURS", np.array(words))
        fields_of = self._dumped(fabric, DUMP_FIELDS, layout.n_slots, self._spec.field_bits)
        values = fields_of[layout.slot_of, layout.element_of]
        return values - (values >> (self._spec.field_bits - 1) << self._spec.field_bits)

    def _tables(self, fabric: Registers) -> np.ndarray:
        """int64 ``[memories, entries]``."""
        spec = self._spec
        values = self._dumped(fabric, DUMP_TABLES, spec.levels * spec.table_size, spec.threshold_bits)
        return values[:, list(self._layout.order[::2])].T

    def _dumped(self, fabric: Registers, which: int, places: int, bits: int) -> np.ndarray:
        """int64 ``[places, elements]``, unsigned, as CONTROL streams them out."""
        count = places * bits * self._layout.n_elements
        fabric.write("CONTROL", which)
        streamed = unpack_bits(fabric.collect(-(-count // WORD))[None], count)
        by_bit = streamed.reshape(places, bits, self._layout.n_elements).astype(np.int64)
        return (by_bit << np.arange(bits)[:, None]).sum(axis=1)

    def _by_site(self, bits: np.ndarray) -> np.ndarray:
        real = self._stream_site != NONE
        sites = np.empty((len(bits), self._spec.n_sites), dtype=bool)
        sites[:, self._stream_site[real]] = bits[:, real]
        return sites

    def _element_bits(self, bits: np.ndarray, *, idle: bool = False) -> np.ndarray:
        """Bits by site as words ``[P, words]``, one bit per element; where there is no site, ``idle``."""
        layout, count = self._layout, element_words(self._layout.n_elements)
        table = np.zeros((layout.n_slots, 32 * count), dtype=np.int64)
        table[:, : layout.n_elements] = idle
        table[layout.slot_of, layout.element_of] = bits
        return (table.reshape(layout.n_slots, count, 32) << np.arange(32)).sum(axis=2)

    def _at(self, name: str, sizes: tuple[int, ...], *indices: np.ndarray) -> np.ndarray:
        place = sum(np.asarray(index) << low for index, (low, _) in zip(indices, fields(*sizes)))
        return self.map[name].base + np.asarray(place)
