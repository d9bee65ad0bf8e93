"""The control block: the registers by which any fabric is run, whatever its architecture, described once.

Decoder, driver, manual and headers all go by this description: name, access, width, range, value after reset, text. An
architecture adds the sentences that are its own, and places the block among its registers.
"""

from thermofab.hw.host.registers import PHASE_SLOTS, Register
from thermofab.hw.spec import FabricSpec


def control_registers(
    spec: FabricSpec, *, control: str, full: str, other_clamps: str = "the second half of CLAMPS"
) -> tuple[Register, ...]:
    """Strobes, state, errors, and the settings that the host keeps, CONTROL to STREAM.

    Args:
        control: what the bits of CONTROL do.
        full: what bit 3 of ERRORS says, beginning small, without a full stop.
        other_clamps: the clamps that a mask of 1 stands for.
    """
    return (
        Register("CONTROL", "W", control),
        Register(
            "STATUS", "R", "Bit 0: busy. Bit 1: the last run ended by itself. Bit 2: the last run was aborted.", high=7
        ),
        Register(
            "ERRORS",
            "RC",
            "Bit 0: a locked register was written, or a start asked for, during a run. Bit 1: an address or direction "
            "that does not exist. Bit 2: a value out of range. The write concerned had no effect. "
            f"Bit 3: {full}. Bits stay until ones are written to them.",
            high=15,
        ),
        _setting("SHIFT", f"Table address shift, {spec.min_shift}…{spec.dither_bits}.", spec.dither_bits,
                 low=spec.min_shift),
        _setting("PHASES", f"Phases before the first sample, 0…{PHASE_SLOTS}.", PHASE_SLOTS),
        _setting("SAMPLES", "Samples of a run; 0 runs the phases only.", 2**32 - 1),
        _setting("STEPS", "Sweeps between samples; 0 counts as 1.", 2**32 - 1),
        _setting("LEVEL", f"Table used between samples, 0…{spec.levels - 1}.", spec.levels - 1),
        _setting("MASK", f"Clamps used between samples: 0, or 1 for {other_clamps}.", 1),
        _setting(
            "STREAM",
            "1, as after reset: samples go out on the stream and are not counted. 0: they are counted, if there are "
            "counters, and do not go out.",
            1,
            init=1,
        ),
    )  # fmt: skip


def run_registers(spec: FabricSpec, *, cycles: str, stalls: str, phases: str) -> tuple[Register, ...]:
    """Counters of a run, and its phases, CYCLES to PHASE_MASK.

    Args:
        cycles, stalls: what is counted in them, without a full stop.
        phases: access of the phases, ``"W"`` or ``"RW"``.
    """
    read = " Read between runs." if "R" in phases else ""
    return (
        Register("CYCLES", "R", f"{cycles}; low word first; read both when the run is over.", 2),
        Register("STALLS", "R", f"{stalls}."),
        Register("SWEEPS", "R", "Sweeps of the current or last run."),
        Register("PHASE_SWEEPS", phases, f"Sweeps of each phase; 0 counts as 1.{read}", PHASE_SLOTS, locked=True),
        Register(
            "PHASE_LEVEL", phases, f"Table of each phase, 0…{spec.levels - 1}.{read}", PHASE_SLOTS, locked=True,
            high=spec.levels - 1,
        ),
        Register("PHASE_MASK", phases, f"Clamps of each phase, as MASK.{read}", PHASE_SLOTS, locked=True, high=1),
    )  # fmt: skip


def moment_registers(spec: FabricSpec) -> tuple[Register, ...]:
    """Counters of moments in registers, where the fabric has any."""
    sites = "Samples in which each site was 1, since the last clear. Like MOMENTS_EDGES, read between runs."
    edges = "Samples in which both ends of each edge were 1."
    counters = (
        Register("MOMENTS_SITES", "R", sites, spec.n_sites),
        Register("MOMENTS_EDGES", "R", edges, spec.topology.n_edges),
    )
    return counters if spec.moment_bits else ()


def _setting(name: str, text: str, high: int, *, low: int = 0, init: int = 0) -> Register:
    return Register(name, "RW", text, locked=True, low=low, high=high, init=init, kept=True)
