"""The host's side of a fabric: what to write to which register to load an image and to run a schedule.

It runs over anything that writes and reads registers and brings sample words: a simulation, or a board behind a link.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.loading import Write
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import DeviceError, FabricSpec, Image, RunPlan, Schedule, UnsupportedError, generator

LONGEST = 2**32 - 1  # sweeps a counter of the fabric holds


@dataclass(frozen=True)
class RunSettings:
    """One run of the sequencer: its phases, then its samples."""

    phases: tuple[tuple[int, int], ...]
    samples: int
    steps: int
    level: int


def split_schedule(schedule: Schedule, most: int = LONGEST) -> list[RunSettings]:
    """The runs that make up a schedule: several where it has more, or longer, phases than the fabric holds, or more
    than ``most`` samples.

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
    steps, level = schedule.steps_per_sample, schedule.level
    runs.append(RunSettings(groups[-1], min(most, schedule.n_samples), steps, level))
    for first in range(most, schedule.n_samples, most):
        # The sweeps up to the first sample of a later run are a phase, as are all before a first sample.
        runs.append(RunSettings(((steps, level),), min(most, schedule.n_samples - first), steps, level))
    return runs


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
    """Loads images and runs schedules over a :class:`RegisterBus`.

    Args:
        spec: the fabric.
        bus: what it is reached through.
        image: the image whose weights and biases the fabric was built with; None where they are loaded.
    """

    def __init__(self, spec: FabricSpec, bus: RegisterBus, image: Image | None = None) -> None:
        self._spec, self._bus, self._built = spec, bus, image
        self._loading = loading_of(spec, image)
        self._map = self._loading.map
        self._generator = generator(spec.rng)
        self.contract = rm.CONTRACT  # what the fabric says, once it was asked

    def check_identity(self) -> None:
        """Raise ``DeviceError`` unless the fabric behind the bus is the one of our spec."""
        version, self.contract = rm.versions_in(self.read("VERSION"))
        rm.check_versions(self.read("ID"), version, self.contract)
        digest = "".join(f"{self.read('DIGEST', k):08x}" for k in range(8))
        if digest != self._spec.digest:
            raise DeviceError(
                f"the fabric has digest {digest[:12]}…, but the spec has {self._spec.digest[:12]}…; "
                "build the fabric from this spec, or open it with its own."
            )
        built_in = tuple(self.read("COEFFICIENTS", k) for k in range(8))
        expected = self._map["COEFFICIENTS"].constant
        if built_in != expected:
            said = ["loads its weights and biases", "has them built in", "has others built in"]
            raise DeviceError(
                f"the fabric {said[any(built_in) + (any(built_in) and self._built is not None)]}, but the driver was "
                + ("given no image of built-in ones" if self._built is None else "given an image of built-in ones")
                + "; open it with the image it was built with, or with none if it loads them."
            )
        sweep_clocks, moment_bits = self.read("SWEEP_CLOCKS"), self.read("MOMENT_BITS")
        if (sweep_clocks, moment_bits) != (self._loading.sweep_clocks, self._spec.moment_bits):
            raise DeviceError(
                f"the fabric sweeps in {sweep_clocks} clocks and counts moments in {moment_bits} bits, but the spec's "
                f"would in {self._loading.sweep_clocks} and {self._spec.moment_bits}; open it with the elements and "
                "moment_bits it was built with."
            )

    def read(self, name: str, index: int = 0) -> int:
        """One register."""
        return self._bus.read(self._map[name].at(index))

    def write(self, name: str, values: int | np.ndarray, first: int = 0) -> None:
        """A register, or a run of an array's entries from ``first`` on."""
        data = np.atleast_1d(np.asarray(values, dtype=np.int64))
        base = self._map[name].base
        self._bus.write(base + first + np.arange(len(data), dtype=np.int64), data)

    def collect(self, words: int) -> np.ndarray:
        """The next words of the stream, all of them.

        Raises:
            DeviceError: the fabric came to rest before they came.
        """
        got = self._bus.collect(words)
        if len(got) != words:
            raise DeviceError(f"the fabric gave {len(got)} of {words} words; STATUS reads {self.read('STATUS')}.")
        return got

    def _write(self, write: Write) -> None:
        self._bus.write(*write)

    def load(self, image: Image) -> None:
        """Weights, biases, tables and shift; a run still going on is aborted.

        Raises:
            DeviceError: the fabric has other weights and biases built in.
        """
        self.abort()
        for name in ("weights", "biases", "factors") if self._built is not None else ():
            ours, theirs = getattr(self._built, name), getattr(image, name)
            if not np.array_equal(ours, theirs):
                k = int(np.argmax(ours != theirs))
                raise DeviceError(
                    f"this fabric has its {name} built in, and entry {k} is {ours[k]} there but {theirs[k]} in "
                    "the image; load an image with the same weights and biases, or build a fabric that loads them."
                )
        for write in self._loading.image(image):
            self._write(write)
        self.write("SHIFT", image.shift)
        self.check_errors()

    def verify(self, image: Image) -> None:
        """Read back the weights, biases and tables that :meth:`load` has written; not in a run.

        Raises:
            DeviceError: others stand in the fabric; the message says where.
            UnsupportedError: the architecture does not show them.
        """
        self._loading.check(self, image)
        self.check_errors()

    def read_states(self) -> np.ndarray:
        """States of all sites between runs, bool ``[N]``.

        Raises:
            UnsupportedError: the architecture does not show them.
        """
        return self._loading.states_in(self)

    def abort(self) -> None:
        """End any run after the sweep in hand, and forget old errors."""
        self.write("CONTROL", rm.ABORT)
        self._bus.wait()
        self.write("ERRORS", 0xFFFFFFFF)

    def prepare(self, plan: RunPlan, replica: int) -> None:
        """States, clamps and generator states of one replica."""
        self.place(plan.clamped, plan.init[replica], seed_words(self._generator, plan.keys[replica]))

    def place(self, clamped: np.ndarray, states: np.ndarray, words: np.ndarray) -> None:
        """Clamps and states, bool ``[N]``, and generators' states, uint32 ``[N, words]``, wherever they come from."""
        self.write_clamps(clamped)
        self.write_states(states)
        self._write(self._loading.seeds(words))

    def write_states(self, states: np.ndarray) -> None:
        """States of all sites, bool ``[N]``; generators stay as they are."""
        self._write(self._loading.states(states))

    def write_clamps(self, clamped: np.ndarray, mask: int = 0) -> None:
        """Which sites one of the two masks clamps, bool ``[N]``."""
        self._write(self._loading.clamps(mask, clamped))

    def start(self, run: RunSettings, phase_masks: Sequence[int] = (), mask: int = 0) -> None:
        """Set the schedule's registers and go. ``phase_masks`` and ``mask`` choose the clamps of phases and samples:
        mask 1 only after :meth:`write_clamps` has written it."""
        self.write("PHASES", len(run.phases))
        if run.phases:
            self.write("PHASE_SWEEPS", np.array([sweeps for sweeps, _ in run.phases]))
            self.write("PHASE_LEVEL", np.array([level for _, level in run.phases]))
            self.write("PHASE_MASK", np.array(list(phase_masks) or [mask] * len(run.phases)))
        for name, value in (("SAMPLES", run.samples), ("STEPS", run.steps), ("LEVEL", run.level), ("MASK", mask)):
            self.write(name, value)
        self.write("CONTROL", rm.START)

    def run(self, schedule: Schedule) -> tuple[np.ndarray, int]:
        """``(samples, cycles)``: bool ``[S, N]``, and the clocks that the fabric's own counter shows."""
        per_sample = self._loading.sample_words
        words, cycles = np.zeros(0, dtype=np.uint32), 0
        self.write("STREAM", 1)
        for part in split_schedule(schedule):
            self.start(part)
            if part.samples:
                words = self._bus.collect(part.samples * per_sample)
            cycles += self._finish()
        if len(words) != schedule.n_samples * per_sample or not self.read("STATUS") & rm.DONE:
            raise DeviceError(
                f"the run ended after {len(words)} of {schedule.n_samples * per_sample} sample words; "
                f"STATUS reads {self.read('STATUS')}."
            )
        return self._loading.samples(words.reshape(-1, per_sample)), cycles

    def accumulate(self, schedule: Schedule) -> tuple[np.ndarray, np.ndarray, int]:
        """``(ones, both, cycles)``: Σn_i int64 ``[N]`` and Σn_i·n_j int64 ``[E]`` over a schedule's samples, counted
        by the fabric; no sample is read. The schedule is split so that no counter can overflow.

        Raises:
            UnsupportedError: the fabric has no counters.
        """
        top, bits = self._spec.topology, self._spec.moment_bits
        if not bits:
            raise UnsupportedError("this fabric counts no moments; build it with moment_bits, for example 16.")
        ones, both, cycles = np.zeros(top.n_sites, np.int64), np.zeros(top.n_edges, np.int64), 0
        self.write("STREAM", 0)
        for part in split_schedule(schedule, min(LONGEST, 2**bits - 1)):
            self.write("CONTROL", rm.CLEAR_MOMENTS)
            self.start(part)
            cycles += self._finish()
            if not self.read("STATUS") & rm.DONE:
                raise DeviceError(f"a run that counts moments did not end; STATUS reads {self.read('STATUS')}.")
            if part.samples:
                counted = self._loading.counters(self)
                ones += counted[0]
                both += counted[1]
        self.write("STREAM", 1)
        return ones, both, cycles

    def _finish(self) -> int:
        """Wait for the end of a run; the clocks it took."""
        self._bus.wait()
        self.check_errors()
        return self.read("CYCLES", 0) | self.read("CYCLES", 1) << 32

    def check_errors(self) -> None:
        """Raise ``DeviceError`` if the fabric refused a write or a read."""
        errors = self.read("ERRORS")
        if errors:
            meanings = {
                rm.ERROR_BUSY: "a register was written during a run",
                rm.ERROR_ADDRESS: "an address does not exist",
                rm.ERROR_VALUE: "a value is out of range",
                rm.ERROR_MOMENTS: "a counter of moments was full",
            }
            said = ", ".join(text for bit, text in meanings.items() if errors & bit)
            raise DeviceError(f"the fabric flags an error: {said}.")
