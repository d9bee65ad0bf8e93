"""The register map of a spatial fabric."""

from functools import cache

import numpy as np

from thermofab.hw.host.control import control_registers, moment_registers, run_registers
from thermofab.hw.host.registers import Register, RegisterMap, identity_registers, placed
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.spec import FabricSpec, Image, generator


@cache
def spatial_register_map(spec: FabricSpec, image: Image | None = None) -> RegisterMap:
    """The registers of a fabric of ``spec``; with an image, of one that has its weights and biases built in."""
    words, plan = (spec.n_sites + 31) // 32, plan_lanes(spec)
    return placed(
        [
            *identity_registers(spec, plan.sweep_clocks, image),
            *control_registers(
                spec,
                control="Bit 0 starts a run. Bit 1 aborts one: what is left of its read-out is dropped, and it ends "
                "with the sweep in hand. Bit 2 clears the counters of moments.",
                full="a counter of moments was full and stayed so",
            ),
            Register(
                "SEED",
                "W",
                f"Takes the generator states of all sites, {len(plan.seed_words(_no_states(spec)))} words in a row, in "
                "the order of `LanePlan.seed_words`. Generators form shift chains, so a load is complete after that "
                "many words, whatever was in them; an abort makes the next word the first of a state.",
                locked=True,
            ),
            *run_registers(
                spec,
                cycles="Clocks of the current or last run, from its first sweep to its end, read-out stalls included",
                stalls="Of these, clocks in which the fabric waited for the read-out, or for the counters",
                phases="RW",
            ),
            Register("STATES", "RW", "Site states, 32 a word, site 0 in bit 0 of entry 0.", words, locked=True),
            Register(
                "CLAMPS",
                "RW",
                f"Ones for clamped sites, laid out as STATES: entries 0…{words - 1} for mask 0, the others for mask 1.",
                2 * words,
                locked=True,
            ),
            *(_coefficients(spec) if image is None else ()),
            Register(
                "TABLES",
                "RW",
                f"Activation tables: entry {spec.table_size}·level + a + {spec.table_size // 2}, "
                f"1…{2**spec.threshold_bits - 1}. Read between runs.",
                spec.levels * spec.table_size,
                locked=True,
                low=1,
                high=2**spec.threshold_bits - 1,
            ),
            *moment_registers(spec),
        ]
    )


def _coefficients(spec: FabricSpec) -> tuple[Register, ...]:
    plan = plan_lanes(spec)
    return (
        Register(
            "WEIGHTS",
            "RW",
            "Weight of each edge, two's complement, in the order of `topology.edges`. Like BIASES, read between runs.",
            spec.topology.n_edges,
            locked=True,
        ),
        Register("BIASES", "RW", "Bias of each site, two's complement.", spec.n_sites, locked=True),
        Register(
            "FACTORS",
            "RW",
            f"What each factor adds to the field of each of its sites, {2**plan.code_bits} words a row of "
            "`LanePlan.factor_rows`, by the states of its positions. Read between runs.",
            len(plan.factor_rows) << plan.code_bits,
            locked=True,
        ),
    )


def _no_states(spec: FabricSpec) -> np.ndarray:
    return np.zeros((spec.n_sites, generator(spec.rng).state_words), dtype=np.uint32)
