"""The register map of a relay fabric."""

from functools import cache

from thermofab.hw.host.control import control_registers, moment_registers, run_registers
from thermofab.hw.host.registers import Register, RegisterMap, identity_registers, placed
from thermofab.hw.host.relay.plan import BIAS_WORDS, CLAMP_MASKS, COLOURS, EVENT_WORDS, plan_of
from thermofab.hw.spec import FabricSpec
from thermofab.hw.spec.clocks import RELAY_WIDTHS, relay_clocks

LOAD_STATES, REWIND = 1 << 0, 1 << 1  # bits of LOAD
TALLEST = 255


@cache
def relay_register_map(spec: FabricSpec) -> RegisterMap:
    """The registers of a relay fabric of ``spec``. Indices of arrays with several are in words of two to a power:
    ``EVENTS[bank, mask, word]`` is entry ``(bank·2 + mask)·256 + word``.
    """
    plan, source = plan_of(spec), plan_of(spec).source
    n, units = spec.n_sites, len(plan.units)
    return placed(
        [
            *identity_registers(spec, relay_clocks(spec)),
            *control_registers(
                spec,
                control="Bit 0 starts a run. Bit 1 aborts one: what is left of its read-out is dropped, and it ends "
                "with the sweep in hand. Bit 2 clears the counters of moments.",
                full="a counter of moments was full and stayed so",
                other_clamps="mask 1 of EVENTS",
            ),
            *run_registers(
                spec,
                cycles="Clocks of the current or last run, from its first sweep to its end, read-out stalls included",
                stalls="Of these, clocks in which the fabric waited for the read-out, or for the counters",
                phases="W",
            ),
            Register(
                "FIELD_BITS",
                "RW",
                "Bits of a field that are added up, dither included.",
                locked=True,
                low=RELAY_WIDTHS[0],
                high=RELAY_WIDTHS[1],
                init=RELAY_WIDTHS[0],
                kept=True,
            ),
            Register(
                "LAST_COLOUR", "RW", "Colours of a sweep, less one.", locked=True, high=COLOURS - 1, kept=True
            ),
            Register(
                "HEIGHTS", "W", "Largest depth of any site of each colour.", COLOURS, locked=True, high=TALLEST
            ),
            Register(
                "LOAD",
                "W",
                f"Bit 0: sites take the states in word {EVENT_WORDS - 1} of EVENTS, mask 0. Bit 1: generators go on "
                "from the first word of SEED.",
                locked=True,
            ),
            Register(
                "EVENTS",
                "W",
                "[bank, mask, word]: a bit for each of 32 sites. Colours follow each other, each with a word for every "
                "depth, the deepest first: ones for its sites of that depth, but for clamped roots.",
                len(plan.banks(n)) * CLAMP_MASKS * EVENT_WORDS,
                locked=True,
            ),
            Register(
                "BIASES",
                "W",
                "[bank, word]: a bit for each of 32 draw units. Colours follow each other, each with FIELD_BITS words: "
                "the sum of b - Σw over the tree of the unit's root, lowest bit first.",
                len(plan.banks(units)) * BIAS_WORDS,
                locked=True,
            ),
            Register(
                "SEED",
                "W",
                f"[bank, colour, word]: {source.bits} bits for each of {32 // source.bits} draw units: of the state of "
                f"its root of that colour, which takes {source.words} words, lowest first.",
                len(plan.banks(units, source.bits)) * COLOURS * source.words,
                locked=True,
            ),
            Register("MASK_WORD", "W", "Address that MASKS are written to, beginning with the first group.",
                     locked=True, high=2**plan.address_bits - 1),
            Register("MASKS", "W", f"A word of masks for the next of {len(plan.groups)} groups of cells.", locked=True),
            Register(
                "TABLES",
                "W",
                f"Activation tables: entry {spec.table_size}·level + a + {spec.table_size // 2}, "
                f"1…{2**spec.threshold_bits - 1}.",
                spec.levels * spec.table_size,
                locked=True,
                low=1,
                high=2**spec.threshold_bits - 1,
            ),
            *moment_registers(spec),
        ]
    )  # fmt: skip
