"""``thermofab rtl --example``: what it writes runs by itself, is clean, and says the same in every language."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import networkx
import pytest

from thermofab.apps.verilog.kit import write_kit
from thermofab.hw import emit_verilog
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.spec import SpecError, fabric
from thermofab.sim.rtl.tools import find_verilator

WAIVED = ("DECLFILENAME", "WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL", "PROCASSINIT")
SPECS = {
    "torus": fabric("g4-4x4-torus"),
    "two words per sample": fabric("king-5x7", levels=1, rng="xoshiro128+", table_bits=5, bias_bits=6),
    "systolic, with places that are no site": fabric("g4-3x3", architecture="systolic", elements=2),
}


BUS_OF = {**dict.fromkeys(SPECS, "axi4lite"), "torus": "wishbone"}


@pytest.fixture(scope="module", params=SPECS, ids=str)
def kit(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    write_kit(SPECS[request.param], "tsu", folder, BUS_OF[request.param])
    (folder / "name").write_text(request.param)
    return folder


def run_example(folder: Path) -> subprocess.CompletedProcess:
    """Its runner, in a Python that cannot import thermofab from this checkout."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTEST_CURRENT_TEST")}
    command = [sys.executable, "run.py", "icarus"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="the example's default simulator is Icarus")
def test_the_example_runs_and_prints_the_states(kit):
    done = run_example(kit)
    assert done.returncode == 0, done.stdout[-3000:]
    assert len(re.findall(r"sample +\d+  [.#]+", done.stdout)) == 12
    assert "12 samples equal the reference's" in done.stdout
    for file in ("test_example.py", "run.py"):
        assert "thermofab" not in re.sub(r'""".*?"""', "", (kit / file).read_text(), flags=re.S)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="the example's default simulator is Icarus")
def test_the_example_can_fail(kit, tmp_path):
    """One expected bit, or one bit of a seed changed: the run no longer passes."""
    seed = loading_of(SPECS[(kit / "name").read_text()]).map["SEED"]
    image = [int(line.split("//")[0].split()[0], 16) if line[:2] != "//" else -1
             for line in (kit / "image.hex").read_text().splitlines()]  # fmt: skip
    first_seed = next(k for k, address in enumerate(image) if seed.base <= address < seed.base + seed.count)
    for file, line, column in (("expected.hex", -1, -1), ("image.hex", first_seed, -1)):
        broken = tmp_path / file
        shutil.copytree(kit, broken, ignore=shutil.ignore_patterns("sim_build", "results.xml", "__pycache__"))
        lines = (broken / file).read_text().splitlines()
        lines[line] = lines[line][:column] + f"{int(lines[line][column], 16) ^ 1:x}"
        (broken / file).write_text("\n".join(lines) + "\n")
        done = run_example(broken)
        assert done.returncode == 1 and "AssertionError" in done.stdout


@pytest.mark.skipif(shutil.which("iverilog") is None or shutil.which("make") is None, reason="needs Icarus and make")
def test_the_makefile_runs_it_too(kit):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": ""}
    done = subprocess.run(["make"], cwd=kit, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "12 samples equal the reference's" in done.stdout, (done.stdout + done.stderr)[
        -2000:
    ]


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="the example's default simulator is Icarus")
def test_an_example_without_samples_ends(tmp_path):
    """Without samples, the run brings no word: the test says so instead of waiting for ever."""
    spec = fabric("g4-3x3")
    write_kit(spec, "tsu", tmp_path / "kit")
    samples = loading_of(spec).map["SAMPLES"].base
    lines = (tmp_path / "kit" / "image.hex").read_text().splitlines()
    changed = [f"{samples:x} 0" if line.split()[:1] and _is(line, samples) else line for line in lines]
    assert changed != lines
    (tmp_path / "kit" / "image.hex").write_text("\n".join(changed) + "\n")
    done = run_example(tmp_path / "kit")
    assert done.returncode == 1 and "no word of the stream for 100000 clocks, after 0 words" in done.stdout


def _is(line: str, address: int) -> bool:
    words = line.split("//")[0].split()
    return bool(words) and int(words[0], 16) == address


def test_irregular_systolic_fabrics_are_clean_verilog(tmp_path):
    graph = networkx.random_geometric_graph(14, 0.4, seed=3)
    spec = fabric(networkx.Graph(graph.edges), architecture="systolic", elements=2)
    text = emit_verilog(spec, name="tsu")
    assert "Register map: docs/register-map-systolic.md." in text
    (tmp_path / "tsu.v").write_text(text)
    lint(tmp_path, "tsu", ["tsu.v"], WAIVED)


def lint(folder: Path, top: str, files: list[str], waived: tuple[str, ...]) -> None:
    verilator = find_verilator()
    command = [verilator.binary, "--lint-only", "-Wall", *(f"-Wno-{name}" for name in waived)]
    done = subprocess.run(
        [*command, "--top-module", top, *files], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "VERILATOR_ROOT": verilator.root},
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr[-3000:]


def test_it_is_clean_verilog(kit):
    (kit / "user.v").write_text(
        'module user(output wire [31:0] sites);\n`include "tsu_params.vh"\nassign sites = SITES;\nendmodule\n'
    )
    (wrapper,) = (file.stem for file in kit.glob("tsu_*.v"))
    for top, files, waived in (
        (wrapper, [f"{wrapper}.v", "tsu.v"], WAIVED),
        ("user", ["user.v"], ("DECLFILENAME",)),
    ):
        lint(kit, top, files, waived)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_the_headers_agree_with_the_register_map(kit):
    registers = loading_of(SPECS[(kit / "name").read_text()]).map
    verilog = dict(re.findall(r"localparam integer (\w+) = '?h?(\w+);", (kit / "tsu_params.vh").read_text()))
    names = [register.name for register in registers.registers]
    program = '#include "tsu_registers.h"\n#include <stdio.h>\nint main(void) {\n'
    program += "".join(f'printf("%u\\n", TSU_REG_{name});\n' for name in names) + "return 0; }\n"
    (kit / "main.c").write_text(program)
    subprocess.run(["gcc", "-Wall", "-Werror", "main.c", "-o", "main"], cwd=kit, check=True)
    said = subprocess.run([kit / "main"], capture_output=True, text=True, check=True).stdout.split()
    for register, address in zip(registers.registers, said, strict=True):
        assert int(address) == register.base == int(verilog[f"REG_{register.name}"], 16)
        assert f"| `0x{register.base:04x}`" in (kit / "registers.md").read_text()


def test_the_command_writes_the_folder(tmp_path):
    command = [sys.executable, "-m", "thermofab.apps.cli", "rtl", "--fabric", "g4-3x3", "--name", "chip"]
    done = subprocess.run([*command, "--example", tmp_path / "kit"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == f"made the folder {tmp_path / 'kit'}\n"
    assert sorted(done.stdout.split()) == sorted(str(file) for file in (tmp_path / "kit").iterdir())
    assert "module chip_wishbone (" in (tmp_path / "kit" / "chip_wishbone.v").read_text()


def test_another_bus_is_refused(tmp_path):
    with pytest.raises(SpecError, match="wrapped for wishbone or axi4lite, got 'ahb'"):
        write_kit(SPECS["torus"], "tsu", tmp_path / "kit", "ahb")
    assert not (tmp_path / "kit").exists()
