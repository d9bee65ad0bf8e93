"""The register map: one description, from which come the decoder, the host drivers' addresses and the manual.

Addresses count 32-bit words. An array of registers starts at a multiple of a power of two no smaller than its
length, so that the decoder compares high address bits and indexes with the low ones.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from thermofab.hw.rtl.lanes import plan_lanes
from thermofab.hw.spec import DeviceError, FabricSpec, Image, SpecError, generator
from thermofab.hw.spec.contract import KNOWN_CONTRACTS, named
from thermofab.hw.spec.digest import digest_of

ID = 0x54464142  # "TFAB"
VERSION = 2
CONTRACT = 1  # version of the arithmetic contract that the gateware computes by
PHASE_SLOTS = 16  # phases of one run; a driver splits longer annealing lists over several runs

# Bits of CONTROL, STATUS and ERRORS.
START, ABORT, CLEAR_MOMENTS = 1 << 0, 1 << 1, 1 << 2
BUSY, DONE, ABORTED = 1 << 0, 1 << 1, 1 << 2
ERROR_BUSY, ERROR_ADDRESS, ERROR_VALUE, ERROR_MOMENTS = 1 << 0, 1 << 1, 1 << 2, 1 << 3


@dataclass(frozen=True)
class Register:
    """One register, or an array of them.

    Attributes:
        name: in capitals, as drivers call it.
        base: word address of the (first) register.
        count: registers in the array.
        access: ``"R"``, ``"W"``, ``"RW"``, or ``"RC"`` (read; write ones to clear).
        text: what it holds, a sentence for the manual.
        constant: the values of a register fixed at build time.
        locked: writes during a run are ignored and set ``ERROR_BUSY``.
    """

    name: str
    base: int
    count: int
    access: str
    text: str
    constant: tuple[int, ...] | None = None
    locked: bool = False

    def at(self, index: int = 0) -> int:
        """Word address of entry ``index``."""
        if not 0 <= index < self.count:
            raise SpecError(f"register {self.name} has entries 0…{self.count - 1}, got {index}.")
        return self.base + index

    @property
    def index_bits(self) -> int:
        return (self.count - 1).bit_length()


@dataclass(frozen=True)
class RegisterMap:
    """All registers of a fabric, by ascending address."""

    registers: tuple[Register, ...]

    def __getitem__(self, name: str) -> Register:
        for register in self.registers:
            if register.name == name:
                return register
        raise SpecError(f"there is no register '{name}'.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(register.name for register in self.registers)

    @property
    def address_bits(self) -> int:
        return max(register.base + register.count - 1 for register in self.registers).bit_length()


def version_word(contract: int = CONTRACT) -> int:
    """What VERSION reads: the map's version and, above it, the contract's, which is 0 for version 1: gateware made
    before contracts had versions computes by that one.
    """
    return VERSION | (0 if contract == 1 else contract) << 16


def versions_in(word: int) -> tuple[int, int]:
    """The map's and the contract's version, from what VERSION reads."""
    return word & 0xFFFF, word >> 16 or 1


def check_versions(identity: int, map_version: int, contract: int) -> None:
    """Raise ``DeviceError`` unless a fabric with this ID and these versions can be driven from here."""
    if identity != ID or map_version != VERSION:
        raise DeviceError(
            f"no thermofab fabric of register map version {VERSION} answers: its ID reads 0x{identity:08x} and its "
            f"version {map_version}."
        )
    if contract not in KNOWN_CONTRACTS:
        raise DeviceError(
            f"the fabric computes by contract version {contract}, and this library knows {named(KNOWN_CONTRACTS)}; "
            "install a thermofab that knows it, or build the fabric from this one."
        )


def coefficient_digest(image: Image) -> tuple[int, ...]:
    """SHA-256 of an image's weights, biases and factors, as 8 words."""
    factors = [image.factors] if len(image.factors) else []
    return _digest_words(digest_of("coefficients", image.weights, image.biases, *factors))


def identity_registers(spec: FabricSpec, sweep_clocks: int, image: Image | None = None) -> list[Register]:
    """The registers that every fabric begins with, whatever its architecture: who it is and how it is built."""
    widths = (
        _pack(spec.weight_bits, spec.bias_bits, spec.table_bits, spec.threshold_bits),
        _pack(spec.dither_bits, spec.min_shift, spec.word_bits, generator(spec.rng).state_words),
    )
    made: list[Register] = []

    def one(name: str, text: str, count: int, constant: tuple[int, ...]) -> None:
        made.append(Register(name, 0, count, "R", text, constant))

    one("ID", f"`0x{ID:08x}`, the letters TFAB.", 1, (ID,))
    one("VERSION", "Bits 15…0: version of this register map. Bits 31…16: version of the arithmetic contract, 0 for "
        "version 1.", 1, (version_word(),))  # fmt: skip
    one("SITES", "Sites of the fabric, N.", 1, (spec.n_sites,))
    one("EDGES", "Edges of the topology, E.", 1, (spec.topology.n_edges,))
    one("COLOURS", "Colours, C.", 1, (spec.topology.n_colours,))
    one("LEVELS", "Activation tables held at once.", 1, (spec.levels,))
    one(
        "WIDTHS",
        "Entry 0: weight_bits, bias_bits, table_bits, threshold_bits; entry 1: dither_bits, min_shift, word_bits, "
        "32-bit words of generator state a site; a byte each, the first lowest.",
        2,
        widths,
    )
    one("DIGEST", "The fabric's SHA-256 digest, 8 hexadecimal digits a word, the first first.", 8,
        _digest_words(spec.digest))  # fmt: skip
    one(
        "COEFFICIENTS",
        "SHA-256 digest of the weights and biases built in, laid out as DIGEST; zeros where they are loaded.",
        8,
        (0,) * 8 if image is None else coefficient_digest(image),
    )
    one("SWEEP_CLOCKS", "Clocks of a sweep.", 1, (sweep_clocks,))
    one("MOMENT_BITS", "Width of the counters of moments; 0 where there are none.", 1, (spec.moment_bits,))
    return made


@cache
def register_map(spec: FabricSpec, image: Image | None = None) -> RegisterMap:
    """The registers of a fabric of ``spec``; with an image, of one that has its weights and biases built in."""
    top, words = spec.topology, (spec.n_sites + 31) // 32
    plan = plan_lanes(spec)
    made: list[Register] = []
    place = 0

    def add(name: str, access: str, text: str, count: int = 1, constant=None, locked: bool = False) -> None:
        nonlocal place
        if count:
            size = 1 << (count - 1).bit_length()
            base = -(-place // size) * size
            made.append(Register(name, base, count, access, text, constant, locked))
            place = base + count

    for register in identity_registers(spec, plan.sweep_clocks, image):
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
    add("PHASES", "RW", f"Phases before the first sample, 0…{PHASE_SLOTS}.", locked=True)
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
    add("PHASE_SWEEPS", "RW", "Sweeps of each phase; 0 counts as 1. Read between runs.", PHASE_SLOTS, locked=True)
    add("PHASE_LEVEL", "RW", f"Table of each phase, 0…{spec.levels - 1}. Read between runs.", PHASE_SLOTS, locked=True)
    add("PHASE_MASK", "RW", "Clamps of each phase, as MASK. Read between runs.", PHASE_SLOTS, locked=True)
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
    return RegisterMap(tuple(made))


def _pack(*octets: int) -> int:
    return sum(octet << (8 * k) for k, octet in enumerate(octets))


def _digest_words(digest: str) -> tuple[int, ...]:
    return tuple(int(digest[k : k + 8], 16) for k in range(0, 64, 8))


def _no_states(spec: FabricSpec) -> np.ndarray:
    return np.zeros((spec.n_sites, generator(spec.rng).state_words), dtype=np.uint32)
