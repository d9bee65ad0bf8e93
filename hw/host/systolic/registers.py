"""The register map of a systolic fabric."""

from functools import cache

from thermofab.hw.host import registers as rm
from thermofab.hw.host.systolic.format import coefficient_format
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.spec import FabricSpec, generator

CLAMP_MASKS = 2
DUMP = 1 << 3  # bit of CONTROL
WORD = 32  # bits of a word of the stream


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
def systolic_register_map(spec: FabricSpec) -> rm.RegisterMap:
    """The registers of a systolic fabric of ``spec``."""
    layout = layout_of(spec)
    n_elements, n_slots = layout.n_elements, layout.n_slots
    lanes = coefficient_format(spec, layout.n_inputs)
    words, seeds = element_words(n_elements), generator(spec.rng).state_words
    made: list[rm.Register] = []
    place = 0

    def add(name: str, access: str, text: str, count: int = 1, constant=None, locked: bool = False) -> None:
        nonlocal place
        size = 1 << (count - 1).bit_length()
        base = -(-place // size) * size
        made.append(rm.Register(name, base, count, access, text, constant, locked))
        place = base + count

    for register in rm.identity_registers(spec, n_slots):
        add(register.name, register.access, register.text, register.count, register.constant)
    add("LAYOUT", "R", "Elements, slots of a round, inputs of an element, slots that hold sites.", 4,
        (n_elements, n_slots, layout.n_inputs, int(layout.used.sum())))  # fmt: skip
    add("CONTROL", "W", "Bit 0 starts a run; bit 1 aborts one at the end of its round and drops what is left of its "
        "read-out; bit 2 has the counters zeroed before the next run; bit 3 streams them out.")  # fmt: skip
    add("STATUS", "R", "Bit 0: busy. Bit 1: the last run ended by itself. Bit 2: the last run was aborted.")
    add("ERRORS", "RC", "Bit 0: a locked register was written, or a start asked for, during a run. Bit 1: an address "
        "or direction that does not exist. Bit 2: a value out of range. Bit 3: a counter was full, and samples were "
        "not counted. The write concerned had no effect. Bits stay until ones are written to them.")  # fmt: skip
    add("SHIFT", "RW", f"Table address shift, {spec.min_shift}…{spec.dither_bits}.", locked=True)
    add("PHASES", "RW", f"Phases before the first sample, 0…{rm.PHASE_SLOTS}.", locked=True)
    add("SAMPLES", "RW", "Samples of a run; 0 runs the phases only.", locked=True)
    add("STEPS", "RW", "Sweeps between samples; 0 counts as 1.", locked=True)
    add("LEVEL", "RW", f"Table used between samples, 0…{spec.levels - 1}.", locked=True)
    add("MASK", "RW", "Clamp mask used between samples, 0 or 1.", locked=True)
    add("STREAM", "RW", "1, as after reset: samples go out on the stream. 0: they are counted only.", locked=True)
    add("EXTRA", "RW", "Bits 32… of the next lanes of ENTRIES.", locked=True)
    add("CYCLES", "R", "Clocks of the current or last run; low word first; read both when it is over.", 2)
    add("STALLS", "R", "Of these, clocks in which the fabric waited for the read-out.")
    add("SWEEPS", "R", "Sweeps of the current or last run.")
    add("PHASE_SWEEPS", "W", "Sweeps of each phase; 0 counts as 1.", rm.PHASE_SLOTS, locked=True)
    add("PHASE_LEVEL", "W", f"Table of each phase, 0…{spec.levels - 1}.", rm.PHASE_SLOTS, locked=True)
    add("PHASE_MASK", "W", "Clamp mask of each phase, 0 or 1.", rm.PHASE_SLOTS, locked=True)
    add("STATES", "W", "Initial states: entry [slot, word] has a bit for each of 32 elements. A write makes the next "
        "run load all of them first.", entries(n_slots, words), locked=True)  # fmt: skip
    add("CLAMPS", "W", "Ones for clamped sites, for two masks: [mask, slot, word], laid out as STATES.",
        entries(CLAMP_MASKS, n_slots, words), locked=True)  # fmt: skip
    add("SEED", "W", f"Generator states: [element, slot, word], {seeds} words a site.",
        entries(n_elements, n_slots, seeds), locked=True)  # fmt: skip
    add("ENTRIES", "W", f"Weights and bias: [element, slot, lane] of {lanes.lanes} lanes of {lanes.lane_bits} "
        "bits; the host's word is the low 32 bits, EXTRA the rest.",
        entries(n_elements, n_slots, lanes.lanes), locked=True)  # fmt: skip
    add("TABLES", "W", f"Activation tables: entry {spec.table_size}·level + a + {spec.table_size // 2}.",
        spec.levels * spec.table_size, locked=True)  # fmt: skip
    return rm.RegisterMap(tuple(made))
