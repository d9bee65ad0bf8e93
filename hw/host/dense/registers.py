"""The register map of a dense fabric."""

from functools import cache

from thermofab.hw.host.control import control_registers, moment_registers, run_registers
from thermofab.hw.host.dense.format import row_format
from thermofab.hw.host.registers import Register, RegisterMap, identity_registers, placed
from thermofab.hw.spec import FabricSpec, UnsupportedError, generator
from thermofab.hw.spec.clocks import dense_clocks
from thermofab.hw.spec.dense import dense_plan

CLAMP_MASKS = 2
MOST_COUNTERS = 1 << 16  # of moments: a sample is counted one of them a clock


def padded(count: int) -> int:
    """The power of two from ``count`` up: the stride of an index below another."""
    return 1 << (count - 1).bit_length()


@cache
def dense_register_map(spec: FabricSpec) -> RegisterMap:
    """The registers of a dense fabric of ``spec``.

    Raises:
        UnsupportedError: moments are to be counted, and there are more of them than :data:`MOST_COUNTERS`.
    """
    n, top, plan = spec.n_sites, spec.topology, dense_plan(spec)
    rows = row_format(plan)
    if spec.moment_bits and n + top.n_edges > MOST_COUNTERS:
        raise UnsupportedError(
            f"a dense fabric counts at most {MOST_COUNTERS} moments, and {top.name} has {n + top.n_edges} sites and "
            "edges; build it with moment_bits=0."
        )
    seeds = generator(spec.rng).state_words
    held = (
        f"entry {rows.words}·(row + part) + lane: {rows.lane_weights} weights of {spec.weight_bits} bits, the first "
        "lowest"
        if plan.masked
        else f"entry {rows.words}·chunk + {1 << plan.chunk}·site + states: Σ w n of the chunk's {plan.chunk} columns"
    )
    many = max(2, n)  # an index has a bit at least
    return placed(
        [
            *identity_registers(spec, dense_clocks(spec)),
            Register("LAYOUT", "R", "Parts of a row, columns of a part, columns of a term, clocks that a colour "
                     "drains.", 4, constant=(plan.parts, plan.width, plan.chunk, plan.drain)),
            *control_registers(
                spec,
                control="Bit 0 starts a run. Bit 1 aborts one: what is left of its read-out is dropped, and it ends "
                "with the sweep in hand. Bit 2 clears the counters of moments.",
                full="a counter of moments was full and stayed so",
            ),
            Register("LAST", "RW", "The last entry of ORDER in use.", locked=True, high=n - 1, kept=True),
            *run_registers(
                spec,
                cycles="Clocks of the current or last run, from its start to its end",
                stalls="Of these, clocks in which the fabric waited for the read-out, or for the counters",
                phases="W",
            ),
            Register("STATES", "W", "State of each site.", many, locked=True, high=1),
            Register("CLAMPS", "W", f"1 where the site is clamped: entry {padded(n)}·mask + site.",
                     (CLAMP_MASKS - 1) * padded(n) + n, locked=True, high=1),
            Register("SEED", "W", f"Generator states: entry {padded(seeds)}·site + word.",
                     padded(seeds) * (many - 1) + seeds, locked=True),
            Register("ORDER", "W", "The sites that a sweep visits, one after the other: bits 15…0 the site, bit 16: "
                     "the last of its colour, bits 31…17: where its row begins, in parts.", many, locked=True),
            Register("BASES", "W", f"Of each site, b - Σ w, modulo 2^{plan.field_bits}.", many, locked=True),
            Register("WEIGHTS", "W", f"Weights, two's complement: {held}.", rows.words * rows.count, locked=True),
            Register("TABLES", "W", f"Activation tables: entry {spec.table_size}·level + a + {spec.table_size // 2}.",
                     spec.levels * spec.table_size, locked=True, low=1, high=2**spec.threshold_bits - 1),
            *moment_registers(spec),
        ]
    )  # fmt: skip
