"""The register map of a dense fabric."""

from functools import cache

import thermofab.hw.host.registers as rm
from thermofab.hw.host.dense.format import row_format
from thermofab.hw.spec import FabricSpec, UnsupportedError, generator
from thermofab.hw.spec.clocks import dense_clocks
from thermofab.hw.spec.dense import dense_plan

CLAMP_MASKS = 2
MOST_COUNTERS = 1 << 16  # of moments: a sample is counted one of them a clock


def padded(count: int) -> int:
    """The power of two from ``count`` up: the stride of an index below another."""
    return 1 << (count - 1).bit_length()


@cache
def dense_register_map(spec: FabricSpec) -> rm.RegisterMap:
    """The registers of a dense fabric of ``spec``.

    Raises:
        UnsupportedError: moments are to be counted, and there are more of them than :data:`MOST_COUNTERS`.
    """
    n, top, plan, rows = spec.n_sites, spec.topology, dense_plan(spec), row_format(spec)
    if spec.moment_bits and n + top.n_edges > MOST_COUNTERS:
        raise UnsupportedError(
            f"a dense fabric counts at most {MOST_COUNTERS} moments, and {top.name} has {n + top.n_edges} sites and "
            "edges; build it with moment_bits=0."
        )
    seeds = generator(spec.rng).state_words
    made: list[rm.Register] = []
    place = 0

    def add(name: str, access: str, text: str, count: int = 1, constant=None, locked: bool = False) -> None:
        nonlocal place
        if count:
            size = padded(count)
            base = -(-place // size) * size
            made.append(rm.Register(name, base, count, access, text, constant, locked))
            place = base + count

    for register in rm.identity_registers(spec, dense_clocks(spec)):
        add(register.name, register.access, register.text, register.count, register.constant)
    add("LAYOUT", "R", "Parts of a row, columns of a part, columns of a term, clocks that a colour drains.", 4,
        (plan.parts, plan.width, plan.chunk, plan.drain))  # fmt: skip
    add("CONTROL", "W", "Bit 0 starts a run. Bit 1 aborts one: what is left of its read-out is dropped, and it ends "
        "with the sweep in hand. Bit 2 clears the counters of moments.")  # fmt: skip
    add("STATUS", "R", "Bit 0: busy. Bit 1: the last run ended by itself. Bit 2: the last run was aborted.")
    add("ERRORS", "RC", "Bit 0: a locked register was written, or a start asked for, during a run. Bit 1: an address "
        "or direction that does not exist. Bit 2: a value out of range. The write concerned had no effect. Bit 3: a "
        "counter of moments was full and stayed so. Bits stay until ones are written to them.")  # fmt: skip
    add("SHIFT", "RW", f"Table address shift, {spec.min_shift}…{spec.dither_bits}.", locked=True)
    add("PHASES", "RW", f"Phases before the first sample, 0…{rm.PHASE_SLOTS}.", locked=True)
    add("SAMPLES", "RW", "Samples of a run; 0 runs the phases only.", locked=True)
    add("STEPS", "RW", "Sweeps between samples; 0 counts as 1.", locked=True)
    add("LEVEL", "RW", f"Table used between samples, 0…{spec.levels - 1}.", locked=True)
    add("MASK", "RW", "Clamp mask used between samples, 0 or 1.", locked=True)
    add("STREAM", "RW", "1, as after reset: samples go out on the stream and are not counted. 0: they are counted, if "
        "there are counters, and do not go out.", locked=True)  # fmt: skip
    add("LAST", "RW", "The last entry of ORDER in use.", locked=True)
    add("CYCLES", "R", "Clocks of the current or last run; low word first; read both when it is over.", 2)
    add("STALLS", "R", "Of these, clocks in which the fabric waited for the read-out, or for the counters.")
    add("SWEEPS", "R", "Sweeps of the current or last run.")
    add("PHASE_SWEEPS", "W", "Sweeps of each phase; 0 counts as 1.", rm.PHASE_SLOTS, locked=True)
    add("PHASE_LEVEL", "W", f"Table of each phase, 0…{spec.levels - 1}.", rm.PHASE_SLOTS, locked=True)
    add("PHASE_MASK", "W", "Clamp mask of each phase, 0 or 1.", rm.PHASE_SLOTS, locked=True)
    add("STATES", "W", "State of each site, in bit 0.", n, locked=True)
    add("CLAMPS", "W", f"Bit 0: the site is clamped. Entry {padded(n)}·mask + site.",
        (CLAMP_MASKS - 1) * padded(n) + n, locked=True)  # fmt: skip
    add("SEED", "W", f"Generator states: entry {padded(seeds)}·site + word.", padded(seeds) * (n - 1) + seeds,
        locked=True)  # fmt: skip
    add("ORDER", "W", "The sites that a sweep visits, one after the other: bits 15…0 the site, bit 16: the last of its "
        "colour, bits 31…17: where its row begins, in parts.", n, locked=True)  # fmt: skip
    add("BASES", "W", f"Of each site, b - Σ w, modulo 2^{plan.field_bits}.", n, locked=True)
    held = (f"entry {rows.words}·chunk + {1 << plan.chunk}·site + states: Σ w n of the chunk's {plan.chunk} columns"
            if not plan.masked else
            f"entry {rows.words}·(row + part) + lane: {rows.lane_weights} weights of {spec.weight_bits} bits")  # fmt: skip
    add("WEIGHTS", "W", f"Weights, two's complement: {held}.", rows.words * rows.count, locked=True)
    add("TABLES", "W", f"Activation tables: entry {spec.table_size}·level + a + {spec.table_size // 2}.",
        spec.levels * spec.table_size, locked=True)  # fmt: skip
    if spec.moment_bits:
        add("MOMENTS_SITES", "R", "Samples in which each site was 1, since the last clear. Like MOMENTS_EDGES, read "
            "between runs.", n)  # fmt: skip
        add("MOMENTS_EDGES", "R", "Samples in which both ends of each edge were 1.", top.n_edges)
    return rm.RegisterMap(tuple(made))
