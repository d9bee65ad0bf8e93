"""``thermofab export``: a host that knows nothing but what it writes gets the program's bits from the RTL."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import dimod
import numpy as np
import pytest

from thermofab.apps.files import write_program
from thermofab.apps.verilog.export import clamp_of, export_program
from thermofab.apps.verilog.formats import written
from thermofab.apps.verilog.kit import DRIVER
from thermofab.compiler import compile
from thermofab.hw.spec import DiscreteModel, Schedule, SpecError, fabric
from thermofab.hw.spec.discrete import factor_of
from thermofab.sim.rtl.build import build_library
from thermofab.sim.rtl.library import CompiledFabric

SMALL = {"table_bits": 5, "rng": "lfsr32"}
FABRICS = {
    "spatial": fabric("king-3x3", levels=2, **SMALL),
    "systolic": fabric("king-3x3", architecture="systolic", elements=2, **SMALL),
    "relay": fabric("g4-4x4-torus", architecture="relay", **SMALL),
    "dense": fabric("complete-8", architecture="dense", **SMALL),
}
TRIANGLE = dimod.BinaryQuadraticModel({"a": -0.4, "b": 0.1, "c": 0.2}, {"ab": -0.8, "bc": 0.8, "ac": 0.3}, "SPIN")
START, BUSY = 1, 1


def play(device: CompiledFabric, steps, control: int, status: int) -> np.ndarray:
    """The steps of a file, ``(writes, words)`` each, as a host plays them; the words of the stream."""
    taken = []
    for writes, words in steps:
        device.write([address for address, _ in writes], [data for _, data in writes])
        taken.append(device.collect(words))
        device.wait()
        assert not device.read(status) & BUSY
    return np.concatenate(taken)


def steps_of_hex(text: str) -> list[tuple[list[tuple[int, int]], int]]:
    steps: list[tuple[list[tuple[int, int]], int]] = []
    for line in text.splitlines():
        if line.startswith("// step"):
            words = re.search(r"take (\d+) words", line)
            steps.append(([], int(words[1]) if words else 0))
        elif not line.startswith("//"):
            address, data, *_ = line.split()
            steps[-1][0].append((int(address, 16), int(data, 16)))
    return steps


@pytest.mark.parametrize("architecture", FABRICS)
def test_the_rtl_plays_hex_and_json(architecture):
    """Seventeen annealing phases, which make two runs of the fabric's sixteen; a clamp; another chain and seed."""
    spec = FABRICS[architecture]
    program = compile(TRIANGLE, spec, pipeline="exact" if architecture != "relay" else "fast")
    level = spec.levels - 1
    schedule = Schedule(3, 40, 2, anneal=tuple((1 + k % 3, level) for k in range(17)))
    options = {"clamp": {"a": 1}, "seed": 5}
    exported = export_program(program, schedule, replica=3, expect="reference", **options)
    drawn = program.sample(schedule, replicas=range(3, 4), device="reference", discard=False, **options)
    data = json.loads(written(exported, "json", "tri"))
    at = {name: register["address"] for name, register in data["registers"].items()}
    assert len(data["steps"]) == 3 and data["edges"] == spec.topology.edges.tolist() and data["seed"] == 5

    device = CompiledFabric(build_library(spec, "verilator"))
    for address, value in data["identity"]:
        assert device.read(address) == value
    assert [address for address, _ in data["identity"][:2]] == [0, 1]
    words = play(device, [(step["writes"], step["words"]) for step in data["steps"]], at["CONTROL"], at["STATUS"])
    mask = np.tile(np.array(data["mask"], dtype=np.uint32), data["samples"])
    assert (words & mask).tolist() == [word for sample in data["expected"] for word in sample]
    assert device.read(at["ERRORS"]) == 0

    samples = words.reshape(data["samples"], data["sample_words"])
    read = [samples[:, word] >> bit & 1 for node in data["nodes"] for word, bit in node["bits"]]
    assert np.array_equal(np.stack(read, axis=1), drawn.node_states[0])
    assert np.all(read[[node["name"] for node in data["nodes"]].index("a")] == 1)

    again = play(device, steps_of_hex(written(exported, "hex", "tri")), at["CONTROL"], at["STATUS"])
    assert np.array_equal(again & mask, words & mask)


def test_categories_and_copies_are_read_from_their_bits(tmp_path):
    """A categorical node has a table of states, and a program with copies pairs of bits that must agree."""
    model = DiscreteModel(("x", "y"), np.array([3, 0]), (factor_of([[1]], [[0]], np.array([[0.9, -0.2, -0.7]])),))
    program = replace(compile(model, fabric("king-6x6"), pipeline="fast"), checks=((1, 35),))
    exported = export_program(program, Schedule(10, 50), expect="jax")
    drawn = program.sample(Schedule(10, 50), discard=False)
    assert exported.expected is not None
    for k, node in enumerate(exported.nodes):
        codes = np.zeros(50, dtype=int)
        for bit in node.bits:
            codes = codes << 1 | (exported.expected[:, bit // 32] >> bit % 32 & 1)
        assert np.array_equal(np.array(node.states)[codes], drawn.node_states[0, :, k])
    assert "states" in written(exported, "hex", "cat") and exported.checks == ((1, 35),)
    assert json.loads(written(exported, "json", "cat"))["checks"] == [[[0, 1], [1, 3]]]
    if shutil.which("gcc"):
        (tmp_path / "cat.h").write_text(written(exported, "c", "cat"))
        (tmp_path / "main.c").write_text('#include "cat.h"\nint main(void) { return (int)cat.check_count - 1; }\n')
        command = ["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", f"-I{DRIVER}", "main.c", "-o", "main"]
        subprocess.run(command, cwd=tmp_path, check=True)
        assert subprocess.run([tmp_path / "main"]).returncode == 0
    with pytest.raises(SpecError, match="0, 1, …"):
        export_program(program, Schedule(1, 1), clamp={"x": 3})


def test_bad_input_is_refused(tmp_path):
    program = compile(TRIANGLE, FABRICS["spatial"])
    schedule = Schedule(1, 2)
    with pytest.raises(SpecError, match="exported as hex, c, json; got 'elf'"):
        written(export_program(program, schedule), "elf", "x")
    with pytest.raises(SpecError, match="a letter first; got '3x'"):
        written(export_program(program, schedule), "c", "3x")
    with pytest.raises(SpecError, match="written name=state"):
        clamp_of(program, ["a"])
    with pytest.raises(SpecError, match="'z' names 0 nodes of this program of 3"):
        clamp_of(program, ["z=1"])
    with pytest.raises(SpecError, match="clamped twice"):
        clamp_of(program, ["a=1", "a=0"])
    with pytest.raises(SpecError, match="number of a chain"):
        export_program(program, schedule, replica=-1)
    with pytest.raises(SpecError, match="seed must lie in"):
        export_program(program, schedule, seed=2**64)
    with pytest.raises(SpecError, match="export fewer samples"):
        export_program(program, replace(schedule, n_samples=2**30))
    with pytest.raises(SpecError, match="uses β level 7"):
        export_program(program, replace(schedule, level=7))

    write_program(tmp_path / "p.json", program)
    (tmp_path / "s.json").write_text('{"n_warmup": 1}')
    command = [sys.executable, "-m", "thermofab.apps.cli", "export", "p.json", "--out", "p.hex"]
    for more, said in ((("--schedule", "s.json"), "is not a schedule"), (("--clamp", "a=2"), "a")):
        done = subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2 and said in done.stderr and not (tmp_path / "p.hex").exists()


def test_the_command_writes_all_three(tmp_path):
    program = compile(TRIANGLE, FABRICS["spatial"])
    write_program(tmp_path / "p.json", program)
    (tmp_path / "s.json").write_text(json.dumps(Schedule(4, 6, 2, anneal=((3, 1),)).to_json()))
    for form in ("hex", "c", "json"):
        command = ["export", "p.json", "--format", form, "--schedule", "s.json", "--out", f"out/tri.{form}", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "thermofab.apps.cli", *command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["words"] == 6
        exported = export_program(program, Schedule(4, 6, 2, anneal=((3, 1),)))
        assert (tmp_path / "out" / f"tri.{form}").read_text() == written(exported, form, "tri")
