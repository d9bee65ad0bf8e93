"""The C driver: compiled for a machine without a C library, run by a C program against the RTL behind AXI4-Lite."""

import re
import shutil
import subprocess
from pathlib import Path

import dimod
import numpy as np
import pytest

from thermofab.apps.verilog.export import export_program
from thermofab.apps.verilog.formats import written
from thermofab.apps.verilog.kit import DRIVER
from thermofab.apps.verilog.wrappers import wrapper
from thermofab.compiler import compile
from thermofab.hw import emit_verilog
from thermofab.hw.host.architectures import register_map
from thermofab.hw.spec import Schedule, fabric
from thermofab.sim.rtl.build import compile_verilog

HERE = Path(__file__).resolve().parent
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion"]
SMALL = {"table_bits": 5, "rng": "lfsr32"}
FABRICS = {
    "spatial": fabric("king-5x7", moment_bits=4, **SMALL),
    "systolic": fabric("g4-5x7", architecture="systolic", elements=2, **SMALL),
}
SCHEDULE = Schedule(2, 20, 3, anneal=tuple((1 + k % 3, 0) for k in range(17)))
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")


@needs_gcc
def test_the_driver_needs_no_library(tmp_path):
    """Its object asks for nothing from outside."""
    command = ["gcc", *STRICT, "-ffreestanding", "-c", "thermofab.c", "-o", tmp_path / "thermofab.o"]
    done = subprocess.run(command, cwd=DRIVER, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    wanted = subprocess.run(["nm", "-u", tmp_path / "thermofab.o"], capture_output=True, text=True, check=True).stdout
    assert not [name for name in wanted.split() if name not in ("U", "_GLOBAL_OFFSET_TABLE_")]


@needs_gcc
@pytest.mark.parametrize("architecture", FABRICS)
def test_a_program_compiled_here_runs_from_c_through_axi4_lite(architecture, tmp_path):
    """The words and the nodes' states are the reference's; again after an abort within a sample; errors are told."""
    spec = FABRICS[architecture]
    model = dimod.BinaryQuadraticModel(
        {k: 0.1 * k - 0.3 for k in range(6)}, {(k, k + 1): -0.5 for k in range(5)}, "SPIN"
    )
    program = compile(model, spec)
    options = {"clamp": {2: 1}, "seed": 9}
    exported = export_program(program, SCHEDULE, expect="reference", **options)
    drawn = program.sample(SCHEDULE, device="reference", discard=False, **options)
    assert exported.sample_words > 1 and len(exported.steps) == 3
    (tmp_path / "program.h").write_text(written(exported, "c", "program"))

    registers = register_map(spec).registers
    last = max(register.base + register.count - 1 for register in registers)
    fabric_text = emit_verilog(spec, name="tsu")
    text = wrapper(fabric_text, "tsu", "axi4lite", last) + fabric_text
    compile_verilog(tmp_path, text, "tsu_axi4lite", (str(HERE / "driver_bench.cpp"),), "-O1")
    strict = [*STRICT, "-Wno-conversion", f"-I{DRIVER}", "-I."]
    sources = [str(HERE / "driver_main.c"), str(DRIVER / "thermofab.c")]
    command = ["gcc", *strict, *sources, "./fabric.so", "-lstdc++", "-o", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr

    beyond = last + 1
    fits = beyond < 1 << last.bit_length()  # an address beyond the last register exists
    assert fits == (architecture == "spatial")
    for seed, dawdle in ((1, 0), (2, 128)):
        ran = subprocess.run(
            ["./main", str(seed), str(dawdle), str(beyond)], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
        said = ran.stdout
        states = np.array([line.split()[1:] for line in said.splitlines() if line.startswith("sample ")], dtype=int)
        assert np.all(states[:, 0] == 1) and np.array_equal(states[:, 1:], drawn.node_states[0])
        assert re.findall(r"^node (.*)$", said, re.M) == [str(node) for node in program.model.nodes]
        assert re.findall(r"^differing words: (\d+) of \d+$", said, re.M) == ["0", "0"]
        lines = [line for line in said.splitlines() if not line.startswith(("sample", "node", "differing", "clocks"))]
        ok = "0 all went well"
        expected = [
            f"run: {ok}",
            f"cycles: {ok}",
            "one word too many: 7 the run ended before all its words came",
            f"load: {ok}",
            f"start: {ok}",
            f"wait: {ok}",
            f"start: {ok}",
            "no word taken: 6 the fabric is busy and gives no news",
            "a stream that fails: 2 the stream of samples failed",
            f"collect: {ok}",
            f"poll: {ok}",
            "busy: 1",
            f"abort: {ok}",
            f"poll: {ok}",
            "busy: 0, packets cut short: 1",
            f"run again: {ok}",
            "no such run: 9 the buffer is too short, or there is no such run",
            "no room: 9 the buffer is too short, or there is no such run",
            "no fabric: 3 no fabric answers at this address",
            "another version: 4 the fabric has another version of the register map or of its arithmetic",
            "another fabric: 5 the fabric is another than the program's",
            "unaligned: 2, a byte: 2, beyond: 2",
            f"poll: {ok}",
            "busy: 0, a read beyond: 0, gives 0",
            f"errors: {ok}",
            "errors: 8 the fabric refused a write or a start",
            "errors: 2",
        ]
        assert lines[:21] == expected[:21] and (not fits or lines[21:] == expected[21:])
