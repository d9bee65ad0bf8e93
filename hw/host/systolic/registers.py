"""The register map of a systolic fabric."""

from functools import cache

from thermofab.hw.host.control import control_registers, run_registers
from thermofab.hw.host.registers import Register, RegisterMap, identity_registers, placed
from thermofab.hw.host.systolic.format import coefficient_format
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.spec import FabricSpec, Image, generator

CLAMP_MASKS = 2
DUMP, DUMP_FIELDS, DUMP_TABLES = 1 << 3, 1 << 4, 1 << 5  # bits of CONTROL


def element_words(elements: int) -> int:
    """32-bit words that hold a bit from every element."""
    return (elements + 31) // 32


def fields(*sizes: int) -> tuple[tuple[int, int], ...]:
    """``(lowest bit, bits)`` of the indices that make up an array's index, the last lowest."""
    made, place = [], 0
    for size in reversed(sizes):
        made.append((place, (size - 1).bit_length()))
        place += made[-1][1]
    return tuple(reversed(made))


def entries(*sizes: int) -> int:
    """Registers in an array whose index is made of such indices."""
    return sum((size - 1) << low for size, (low, _) in zip(sizes, fields(*sizes))) + 1


@cache
def systolic_register_map(spec: FabricSpec, image: Image | None = None) -> RegisterMap:
    """The registers of a systolic fabric of ``spec``; with an image, of one that has it built in."""
    layout = layout_of(spec)
    n_elements, n_slots = layout.n_elements, layout.n_slots
    lanes = coefficient_format(spec, layout.n_weights)
    words, seeds = element_words(n_elements), generator(spec.rng).state_words
    extra = (Register("EXTRA", "RW", "Bits 32… of the next lanes of ENTRIES.", locked=True, high=15, kept=True),)
    coefficients = (
        Register(
            "ENTRIES",
            "W",
            f"Weights and bias: [element, slot, lane] of {lanes.lanes} lanes of {lanes.lane_bits} bits; the host's "
            "word is the low 32 bits, EXTRA the rest.",
            entries(n_elements, n_slots, lanes.lanes),
            locked=True,
        ),
    )
    shape = (n_elements, n_slots, layout.n_factors, 1 << layout.factor_states)
    factors = (
        Register(
            "FACTORS",
            "W",
            "What each factor of a site adds to its field, by the states of its other sites: [element, slot, factor, "
            "states].",
            entries(*shape) if layout.n_factors else 0,
            locked=True,
        ),
    )
    if image is not None:
        extra = coefficients = factors = ()
    return placed(
        [
            *identity_registers(spec, n_slots, image),
            Register("LAYOUT", "R", "Elements, slots of a round, inputs of an element, slots that hold sites.", 4,
                     constant=(n_elements, n_slots, layout.n_inputs, int(layout.used.sum()))),
            *control_registers(
                spec,
                control="Bit 0 starts a run. Bit 1 aborts one: what is left of its read-out is dropped, and it ends "
                "with the round in hand. Bit 2 has the counters zeroed before the next run. Between runs, bit 3 "
                "streams them out, bit 4 the fields that NEIGHBOURS give and bit 5 the tables, a bit of every element "
                "at a time: lowest first, slot by slot, or entry by entry. Of two elements that share a table the "
                "first in `layout.order` shows it.",
                full="a counter was full, and samples were not counted",
            ),
            *extra,
            *run_registers(
                spec,
                cycles="Clocks of the current or last run, from its start to its end",
                stalls="Of these, clocks in which the fabric waited for the read-out",
                phases="W",
            ),
            Register("STATES", "RW", "Site states: entry [slot, word] has a bit for each of 32 elements. A write, or a "
                     "reset, makes the next run load all of them first; what it does to them is read after it. Like "
                     "CLAMPS, 0 in a run.", entries(n_slots, words), locked=True),
            Register("CLAMPS", "RW", "Ones for clamped sites, and where there is no site, for two masks: [mask, slot, "
                     "word], laid out as STATES.",
                     entries(CLAMP_MASKS, n_slots, words), locked=True),
            Register("SEED", "W", f"Generator states: [element, slot, word], {seeds} words per site.",
                     entries(n_elements, n_slots, seeds), locked=True),
            *coefficients,
            *factors,
            Register("NEIGHBOURS", "RW", "States that all sites' neighbours are taken to have while fields are read "
                     "out, bit b for input b. With all 0 and each alone 1 the fields say what weights and biases are.",
                     -(-layout.n_inputs // 32), locked=True),
            Register("TABLES", "W", f"Activation tables: entry {spec.table_size}·level + a + {spec.table_size // 2}.",
                     spec.levels * spec.table_size, locked=True),
        ]
    )  # fmt: skip
