"""The native kernel compiled for another processor, ARM's with NEON, run by an emulator: the reference's bits.

Needs Debian's g++-aarch64-linux-gnu and qemu-user; skipped without them.
"""

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermofab.hw.spec import Image, Schedule, fabric, open_device, plan_run
from thermofab.sim.conformance import Case, random_image, states_of
from thermofab.sim.native import library
from thermofab.sim.native.build import GENERATORS, HERE, is_narrow

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
SCHEDULE = Schedule(3, 4, 2, ((2, 1), (1, 3)), 2)
needs_both = pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR)), reason=f"needs {COMPILER} and {EMULATOR}"
)


class MemoryImage:
    """Structures and arrays laid into one file, as emulated.cpp reads it."""

    def __init__(self) -> None:
        self.bytes, self.pointers = bytearray(8 * 256), []

    def lay(self, data: bytes) -> int:
        self.bytes += bytes(-len(self.bytes) % 64)
        place = len(self.bytes)
        self.bytes += data
        return place

    def structure(self, source: ctypes.Structure, behind: dict[str, int]) -> int:
        """A copy of ``source`` whose pointers lead to ``behind``, the others being null."""
        copy = type(source).from_buffer_copy(source)
        for name, kind, *_ in source._fields_:
            if kind is ctypes.c_void_p:
                setattr(copy, name, behind.get(name))
        place = self.lay(bytes(copy))
        self.pointers += [place + getattr(type(source), name).offset for name in behind]
        return place

    def arrays(self, arrays: dict[str, np.ndarray]) -> dict[str, int]:
        return {name: self.lay(array.tobytes()) for name, array in arrays.items()}


class EmulatedLibrary:
    """Stands where the shared library does; a chain's one piece of work runs the program under the emulator."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.chains: Any = None  # of the library that it stands in for

    def thermofab_open(self, run, _) -> int:
        self.run = run._obj
        return 1

    def thermofab_close(self, _) -> None:
        pass

    def thermofab_work(self, _, work, *__) -> int:
        work, chains, image = work._obj, self.chains, MemoryImage()
        behind = image.arrays(chains._arrays)
        if self.run.layout:
            behind["layout"] = image.structure(chains._layout, image.arrays(chains._placed))
        if self.run.factors:
            behind["factors"] = image.structure(chains._factors, image.arrays(chains._factor_arrays))
        run = image.structure(self.run, behind)
        size = self.run.replicas * work.samples * work.chosen_count
        states = image.lay(bytes(size))
        schedule = image.lay(ctypes.string_at(work.schedule, 16 * work.phases))
        head = [run, image.structure(work, {"schedule": schedule, "states": states}), states, size]
        head += [len(image.pointers), *image.pointers]
        image.bytes[: 8 * len(head)] = np.array(head, dtype=np.int64).tobytes()
        (self.folder / "job").write_bytes(image.bytes)
        command = [EMULATOR, str(self.program), str(self.folder / "job"), str(self.folder / "states")]
        subprocess.run(command, check=True, timeout=120)
        ctypes.memmove(work.states, (self.folder / "states").read_bytes(), size)
        return 1


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """``spec`` to the program compiled for its arithmetic."""
    made = {}

    def build(spec) -> Path:
        flags = (
            f"-DTHERMOFAB_GENERATOR={GENERATORS[spec.rng]}",
            f"-DTHERMOFAB_WORD_BITS={spec.word_bits}",
            f"-DTHERMOFAB_FIELD_BITS={16 if is_narrow(spec) else 32}",
        )
        if flags not in made:
            made[flags] = tmp_path_factory.mktemp("emulated") / "kernel"
            source = Path(__file__).with_name("emulated.cpp")
            fixed = ("-std=c++17", "-O3", "-static", "-pthread", "-w", f"-I{HERE}")
            subprocess.run([COMPILER, *fixed, *flags, str(source), "-o", str(made[flags])], check=True)
        return made[flags]

    return build


def emulated(image: Image, replicas: int, program: Path, folder: Path, monkeypatch) -> np.ndarray:
    plan = plan_run(image, SCHEDULE, replicas, None, None, None)
    stand_in = EmulatedLibrary(program, folder)
    monkeypatch.setattr(library, "load_library", lambda _: stand_in)
    chains = stand_in.chains = library.NativeChains(program, plan, 2)
    request = library.Request(SCHEDULE.n_samples, 0, SCHEDULE.steps_per_sample, SCHEDULE.level, True)
    states = chains.sample(request, None, plan.schedule.phases).states
    assert states is not None
    return states


@needs_both
@pytest.mark.parametrize("replicas", [1, 70])
@pytest.mark.parametrize(
    "spec",
    [
        fabric("g8-5x9"),
        fabric("king-6x6-torus"),
        fabric("chimera-2"),
        fabric("pdit4-2x2"),
        fabric("g4-4x4-torus", profile="fine", weight_bits=14, bias_bits=20),
    ],
    ids=lambda spec: spec.topology.name,
)
def test_the_kernel_on_arm_has_the_bits_of_the_reference(spec, replicas, build, tmp_path, monkeypatch):
    """One replica runs with sites in lanes, 70 with replicas in lanes."""
    image = random_image(np.random.default_rng(spec.n_sites), spec)
    got = emulated(image, replicas, build(spec), tmp_path, monkeypatch)
    assert np.array_equal(got, states_of("reference", Case("", image, SCHEDULE, replicas, None, None)))


@pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3"])
def test_the_kernel_for_older_processors_has_the_bits_of_the_reference(processor):
    """SSE2 and AVX2; the form without vector instructions written by hand."""
    if np.__config__.CONFIG["Machine Information"]["host"]["cpu"] != "x86_64":
        pytest.skip("needs an x86-64 processor")
    for name, replicas in (("g8-5x9", 1), ("g8-5x9", 70), ("chimera-2", 70)):
        image = random_image(np.random.default_rng(3), fabric(name))
        device = open_device("native", image.fabric, processor=processor)
        device.load(image)
        got = device.run(SCHEDULE, replicas=replicas).sites
        assert np.array_equal(got, states_of("reference", Case("", image, SCHEDULE, replicas, None, None)))
