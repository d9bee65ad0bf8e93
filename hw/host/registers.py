"""Registers: what a map of them is, and those that every fabric begins with, whatever its architecture.

A map is one description, from which come the decoder, the host drivers' addresses and the manual. Each architecture has
its own (:func:`thermofab.hw.host.architectures.register_map`).

Addresses count 32-bit words. An array of registers starts at a multiple of a power of two no smaller than its
length, so that the decoder compares high address bits and indexes with the low ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from thermofab.hw.spec import DeviceError, FabricSpec, Image, SpecError, generator
from thermofab.hw.spec.contract import KNOWN_CONTRACTS, ORDERED, UNORDERED, named
from thermofab.hw.spec.digest import digest_of

ID = 0x54464142  # "TFAB"
VERSION = 2
CONTRACT = UNORDERED  # of the arithmetic contract that gateware computes by, where images have no order
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
        access: ``"R"``, ``"W"``, ``"RW"``, or ``"RC"`` (read; write ones to clear).
        text: what it holds, a sentence for the manual.
        count: registers in the array.
        base: word address of the (first) register.
        constant: the values of a register fixed at build time.
        locked: writes during a run are ignored and set ``ERROR_BUSY``.
        low, high: the values it takes; others are refused and set ``ERROR_VALUE``.
        init: value after reset.
        kept: the bus's decoder keeps it, for whoever else needs it; others live elsewhere.
    """

    name: str
    access: str
    text: str
    count: int = 1
    base: int = 0
    constant: tuple[int, ...] | None = None
    locked: bool = False
    low: int = 0
    high: int = 2**32 - 1
    init: int = 0
    kept: bool = False

    @property
    def width(self) -> int:
        """Bits that hold every value it takes."""
        return max(1, self.high.bit_length())

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
    def kept(self) -> tuple[Register, ...]:
        """Those that the bus's decoder keeps."""
        return tuple(register for register in self.registers if register.kept)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(register.name for register in self.registers)

    @property
    def address_bits(self) -> int:
        return max(register.base + register.count - 1 for register in self.registers).bit_length()


def placed(registers: Iterable[Register]) -> RegisterMap:
    """A map of ``registers`` in this order, each where it may start next; arrays without entries are left out."""
    made: list[Register] = []
    place = 0
    for register in registers:
        if register.count:
            size = 1 << register.index_bits
            base = -(-place // size) * size
            made.append(replace(register, base=base))
            place = base + register.count
    return RegisterMap(tuple(made))


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
        made.append(Register(name, "R", text, count, constant=constant))

    one("ID", f"`0x{ID:08x}`, the letters TFAB.", 1, (ID,))
    one("VERSION", "Bits 15…0: version of this register map. Bits 31…16: version of the arithmetic contract, 0 for "
        "version 1.", 1, (version_word(ORDERED if spec.programmed else CONTRACT),))  # fmt: skip
    one("SITES", "Sites of the fabric, N.", 1, (spec.n_sites,))
    one("EDGES", "Edges of the topology, E.", 1, (spec.topology.n_edges,))
    one("COLOURS", "Colours, C.", 1, (spec.topology.n_colours,))
    one("LEVELS", "Activation tables held at once.", 1, (spec.levels,))
    one(
        "WIDTHS",
        "Entry 0: weight_bits, bias_bits, table_bits, threshold_bits; entry 1: dither_bits, min_shift, word_bits, "
        "32-bit words of generator state per site; one byte each, the first lowest.",
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


def _pack(*octets: int) -> int:
    return sum(octet << (8 * k) for k, octet in enumerate(octets))


def _digest_words(digest: str) -> tuple[int, ...]:
    return tuple(int(digest[k : k + 8], 16) for k in range(0, 64, 8))
