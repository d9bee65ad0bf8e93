"""The register map of a spatial fabric."""

from functools import cache

import numpy as np

from thermofab.hw.host import registers as rm
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.spec import FabricSpec, Image, generator


@cache
def spatial_register_map(spec: FabricSpec, image: Image | None = None) -> rm.RegisterMap:
    """The registers of a fabric of ``spec``; with an image, of one that has its weights and biases built in."""
    top, words = spec.topology, (spec.n_sites + 31) // 32
    plan = plan_lanes(spec)
    made: list[rm.Register] = []
    place = 0

    def add(name: str, access: str, text: str, count: int = 1, constant=None, locked: bool = False) -> None:
        nonlocal place
        if count:
            size = 1 << (count - 1).bit_length()
            base = -(-place // size) * size
            made.append(rm.Register(name, base, count, access, text, constant, locked))
            place = base + count

    for register in rm.identity_registers(spec, plan.sweep_clocks, image):
        add(register.name, register.access, register.text, register.count, register.constant)
    add(
        "CONTROL",
        "W",
        "Bit 0 starts a run. Bit 1 aborts one: what is left of its read-out is dropped, and it ends with the sweep in "
        "hand. Bit 2 clears the counters of moments.",
    )
    add("STATUS", "R", "Bit 0: busy. Bit 1: the last run ended by itself. Bit 2: the last run was aborted.")
    add(
        "ERRORS",
        "RC",
        "Bit 0: a locked register was written, or a start asked for, during a run. Bit 1: an address or direction "
        "that does not exist. Bit 2: a value out of range. The write concerned had no effect. Bit 3: a counter of "
        "moments was full and stayed so. Bits stay until ones are written to them.",
    )
    add("SHIFT", "RW", f"Table address shift, {spec.min_shift}…{spec.dither_bits}.", locked=True)
    add("PHASES", "RW", f"Phases before the first sample, 0…{rm.PHASE_SLOTS}.", locked=True)
    add("SAMPLES", "RW", "Samples of a run; 0 runs the phases only.", locked=True)
    add("STEPS", "RW", "Sweeps between samples; 0 counts as 1.", locked=True)
    add("LEVEL", "RW", f"Table used between samples, 0…{spec.levels - 1}.", locked=True)
    add("MASK", "RW", "Clamps used between samples: 0, or 1 for the second half of CLAMPS.", locked=True)
    add(
        "STREAM",
        "RW",
        "1, as after reset: samples go out on the stream and are not counted. 0: they are counted, if there are "
        "counters, and do not go out.",
        locked=True,
    )
    add(
        "SEED",
        "W",
        f"Takes the generator states of all sites, {len(plan.seed_words(_no_states(spec)))} words in a row, in the "
        "order of `LanePlan.seed_words`. Generators form shift chains, so a load is complete after that many words, "
        "whatever was in them; an abort makes the next word the first of a state.",
        locked=True,
    )
    add(
        "CYCLES",
        "R",
        "Clocks of the current or last run, from its first sweep to its end, read-out stalls included; low word "
        "first; read both when the run is over.",
        2,
    )
    add("STALLS", "R", "Of these, clocks in which the fabric waited for the read-out, or for the counters.")
    add("SWEEPS", "R", "Sweeps of the current or last run.")
    add("PHASE_SWEEPS", "RW", "Sweeps of each phase; 0 counts as 1. Read between runs.", rm.PHASE_SLOTS, locked=True)
    add(
        "PHASE_LEVEL",
        "RW",
        f"Table of each phase, 0…{spec.levels - 1}. Read between runs.",
        rm.PHASE_SLOTS,
        locked=True,
    )
    add("PHASE_MASK", "RW", "Clamps of each phase, as MASK. Read between runs.", rm.PHASE_SLOTS, locked=True)
    add("STATES", "RW", "Site states, 32 a word, site 0 in bit 0 of entry 0.", words, locked=True)
    add(
        "CLAMPS",
        "RW",
        f"Ones for clamped sites, laid out as STATES: entries 0…{words - 1} for mask 0, the others for mask 1.",
        2 * words,
        locked=True,
    )
    if image is None:
        add("WEIGHTS", "RW", "Weight of each edge, two's complement, in the order of `topology.edges`. Like BIASES, "
            "read between runs.", top.n_edges, locked=True)  # fmt: skip
        add("BIASES", "RW", "Bias of each site, two's complement.", spec.n_sites, locked=True)
        add("FACTORS", "RW", f"What each factor adds to the field of each of its sites, {2**plan.code_bits} words a "
            "row of `LanePlan.factor_rows`, by the states of its positions. Read between runs.",
            len(plan.factor_rows) << plan.code_bits, locked=True)  # fmt: skip
    add(
        "TABLES",
        "RW",
        f"Activation tables: entry {spec.table_size}·level + a + {spec.table_size // 2}, "
        f"1…{2**spec.threshold_bits - 1}. Read between runs.",
        spec.levels * spec.table_size,
        locked=True,
    )
    if spec.moment_bits:
        add("MOMENTS_SITES", "R", "Samples in which each site was 1, since the last clear. Like MOMENTS_EDGES, read "
            "between runs.", spec.n_sites)  # fmt: skip
        add("MOMENTS_EDGES", "R", "Samples in which both ends of each edge were 1.", top.n_edges)
    return rm.RegisterMap(tuple(made))


def _no_states(spec: FabricSpec) -> np.ndarray:
    return np.zeros((spec.n_sites, generator(spec.rng).state_words), dtype=np.uint32)
