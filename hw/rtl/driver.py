"""The host's side of a fabric: what to write to which register to load an image and to run a schedule.

It runs over anything that writes and reads registers and brings sample words: a simulation, or a board behind a link.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.rtl import registers as rm
from thermofab.hw.spec import DeviceError, FabricSpec, Image, RunPlan, Schedule, generator

LONGEST = 2**32 - 1  # sweeps a counter of the fabric holds


@dataclass(frozen=True)
class RunSettings:
    """One run of the sequencer: its phases, then its samples."""

    phases: tuple[tuple[int, int], ...]
    samples: int
    steps: int
    level: int


def split_schedule(schedule: Schedule) -> list[RunSettings]:
    """The runs that make up a schedule: several where it has more, or longer, phases than the fabric holds.

    States and generators carry on from one run to the next, so the split changes no bit.
    """
    if schedule.steps_per_sample > LONGEST or schedule.n_samples > LONGEST:
        raise DeviceError(f"this fabric counts samples and the sweeps between them up to {LONGEST}.")
    phases: list[tuple[int, int]] = []
    for sweeps, level in schedule.phases:
        whole, rest = divmod(sweeps, LONGEST)
        phases += [(LONGEST, level)] * whole + ([(rest, level)] if rest else [])
    slots = rm.PHASE_SLOTS
    groups = [tuple(phases[k : k + slots]) for k in range(0, len(phases), slots)] or [()]
    runs = [RunSettings(group, 0, 1, 0) for group in groups[:-1]]
    return [*runs, RunSettings(groups[-1], schedule.n_samples, schedule.steps_per_sample, schedule.level)]


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """bool ``[N]`` as uint32 ``[ceil(N/32)]``, site 0 in bit 0 of word 0."""
    padded = np.zeros(-(-len(bits) // 32) * 32, dtype=np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view("<u4").astype(np.uint32)


def unpack_bits(words: np.ndarray, n_sites: int) -> np.ndarray:
    """uint32 ``[S, ceil(N/32)]`` as bool ``[S, N]``."""
    octets = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little")[:, :n_sites].astype(bool)


class RegisterBus(Protocol):
    """What :class:`FabricDriver` drives: a fabric's register bus and sample stream."""

    def write(self, addresses: Sequence[int] | np.ndarray, data: Sequence[int] | np.ndarray) -> None:
        """Write ``data[k]`` to ``addresses[k]``, in order."""
        ...

    def read(self, address: int) -> int: ...

    def collect(self, words: int) -> np.ndarray:
        """The next ``words`` words of the sample stream, uint32; fewer if the run ends before they come."""
        ...

    def wait(self) -> None:
        """Return when the fabric is idle."""
        ...


class FabricDriver:
    """Loads images and runs schedules over a :class:`RegisterBus`."""

    def __init__(self, spec: FabricSpec, bus: RegisterBus) -> None:
        self._spec, self._bus, self._map = spec, bus, rm.register_map(spec)
        self._generator = generator(spec.rng)

    def check_identity(self) -> None:
        """Raise ``DeviceError`` unless the fabric behind the bus is the one of our spec."""
        found, version = self.read("ID"), self.read("VERSION")
        if found != rm.ID or version != rm.VERSION:
            raise DeviceError(
                f"no thermofab fabric of register map version {rm.VERSION} answers: "
                f"its ID reads 0x{found:08x} and its version {version}."
            )
        digest = "".join(f"{self.read('DIGEST', k):08x}" for k in range(8))
        if digest != self._spec.digest:
            raise DeviceError(
                f"the fabric has digest {digest[:12]}…, but the spec has {self._spec.digest[:12]}…; "
                "build the fabric from this spec, or open it with its own."
            )

    def read(self, name: str, index: int = 0) -> int:
        """One register."""
        return self._bus.read(self._map[name].at(index))

    def write(self, name: str, values: int | np.ndarray, first: int = 0) -> None:
        """A register, or a run of an array's entries from ``first`` on."""
        data = np.atleast_1d(np.asarray(values, dtype=np.int64))
        base = self._map[name].base
        self._bus.write(base + first + np.arange(len(data), dtype=np.int64), data)

    def load(self, image: Image) -> None:
        """Weights, biases, tables and shift; a run still going on is aborted."""
        self.abort()
        if "WEIGHTS" in self._map.names:
            self.write("WEIGHTS", image.weights)
        self.write("BIASES", image.biases)
        self.write("TABLES", image.tables.reshape(-1))
        self.write("SHIFT", image.shift)
        self.check_errors()

    def abort(self) -> None:
        """End any run at once, and forget old errors."""
        self.write("CONTROL", rm.ABORT)
        self.write("ERRORS", 0xFFFFFFFF)

    def prepare(self, plan: RunPlan, replica: int) -> None:
        """States, clamps and generator states of one replica."""
        seeds = seed_words(self._generator, plan.keys[replica]).reshape(-1)
        self.write("CLAMPS", pack_bits(plan.clamped))
        self.write("STATES", pack_bits(plan.init[replica]))
        self._bus.write(np.full(len(seeds), self._map["SEED"].base), seeds)

    def start(self, run: RunSettings) -> None:
        """Set the schedule's registers and go."""
        self.write("PHASES", len(run.phases))
        if run.phases:
            self.write("PHASE_SWEEPS", np.array([sweeps for sweeps, _ in run.phases]))
            self.write("PHASE_LEVEL", np.array([level for _, level in run.phases]))
        for name, value in (("SAMPLES", run.samples), ("STEPS", run.steps), ("LEVEL", run.level)):
            self.write(name, value)
        self.write("CONTROL", rm.START)

    def run(self, schedule: Schedule) -> tuple[np.ndarray, int]:
        """``(samples, cycles)``: bool ``[S, N]``, and the clocks that the fabric's own counter shows."""
        per_sample = self._map["STATES"].count
        words, cycles = np.zeros(0, dtype=np.uint32), 0
        for part in split_schedule(schedule):
            self.start(part)
            if part.samples:
                words = self._bus.collect(part.samples * per_sample)
            self._bus.wait()
            self.check_errors()
            cycles += self.read("CYCLES", 0) | self.read("CYCLES", 1) << 32
        if len(words) != schedule.n_samples * per_sample or not self.read("STATUS") & rm.DONE:
            raise DeviceError(
                f"the run ended after {len(words)} of {schedule.n_samples * per_sample} sample words; "
                f"STATUS reads {self.read('STATUS')}."
            )
        return unpack_bits(words.reshape(-1, per_sample), self._spec.n_sites), cycles

    def check_errors(self) -> None:
        """Raise ``DeviceError`` if the fabric refused a write or a read."""
        errors = self.read("ERRORS")
        if errors:
            meanings = {
                rm.ERROR_BUSY: "a register was written during a run",
                rm.ERROR_ADDRESS: "an address does not exist",
                rm.ERROR_VALUE: "a value is out of range",
            }
            said = ", ".join(text for bit, text in meanings.items() if errors & bit)
            raise DeviceError(f"the fabric flags an error: {said}.")
