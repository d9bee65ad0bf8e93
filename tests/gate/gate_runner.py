"""Synthesises a fabric, and runs the RTL tests' bench on the netlist with the vendor's models of its cells.

The bench looks at ports only, and synthesis keeps those, so it is the same bench, the same stimulus and the same
scoreboard: every site after every sweep, compared with the reference.
"""

import contextlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rtl_runner import MAKE_VARIABLES, keep_objects, ports_only, reuse_objects

from thermofab.hw.boards.part import Part
from thermofab.hw.boards.synthesis import Synthesis, SynthesisOptions, synthesise
from thermofab.hw.boards.tools import cell_models
from thermofab.hw.rtl.emit import emit_rtlil
from thermofab.hw.spec import FabricSpec
from thermofab.sim.rtl.tools import find_verilator

HERE = Path(__file__).resolve().parent
RTL = HERE.parent / "rtl"
TOP = "thermofab"


@dataclass(frozen=True)
class Netlist:
    """A synthesised fabric: Verilog of cells and nothing else, and the models of those cells."""

    spec: FabricSpec
    source: str
    models: str
    synthesis: Synthesis


def netlist_of(spec: FabricSpec, part: Part, options: SynthesisOptions, models: str = "") -> Netlist:
    """``spec`` on the cells of ``part``; ``models`` stand for cells of which Yosys' library has no model."""
    mapped = synthesise(emit_rtlil(spec, TOP), TOP, part, replace(options, netlist=True))
    kinds = {kind for kind, _ in mapped.cells if not kind.startswith("$")}
    return Netlist(spec, (mapped.folder / "netlist.v").read_text(), models_of(kinds, part.family, models), mapped)


def models_of(kinds: set[str], family: str, models: str) -> str:
    """The models of ``kinds``, and of all that they consist of, from ``models`` or else from Yosys' library.

    The library also models cells that no synthesis uses, in Verilog that Icarus 11 cannot read.
    """
    library = "".join(file.read_text() for file in sorted(cell_models(family).glob("c*_sim.v*")))
    head = re.match(r"(?:`[^\n]*\n|//[^\n]*\n|\s)*", library)
    found = {name: text for text, name in re.findall(r"^(module (\w+).*?^endmodule)", library, re.M | re.S)}
    found |= {name: text for text, name in re.findall(r"^(module (\w+).*?^endmodule)", models, re.M | re.S)}
    needed, taken = set(kinds), {}
    while needed - set(taken):
        name = min(needed - set(taken))
        assert name in found, f"there is no simulation model of the cell {name}"
        taken[name] = found[name]
        needed |= {other for other in found if re.search(rf"^\s*{other}\s+(?:#|\w+\s*\()", found[name], re.M)}
    defines = re.sub(r"`include[^\n]*\n", "", head[0] if head else "")
    return f"`define NO_ICE40_DEFAULT_ASSIGNMENTS\n{defines}\n" + "\n\n".join(taken.values()) + "\n"


def behaviour_left(netlist: Netlist) -> list[str]:
    """What in a netlist is no cell of the vendor's library, and would be simulated by meaning."""
    operators = [kind for kind, _ in netlist.synthesis.cells if kind.startswith("$") and kind != "$scopeinfo"]
    return operators + re.findall(r"^\s*(?:always|reg|initial)\b.*$", netlist.source, re.M)


def simulate_netlist(
    simulator: str, netlist: Netlist, seed: int, updates: int, folder: Path, monkeypatch, bench: str = "rtl_cocotb"
) -> int:
    """Run a bench on a netlist, that of the RTL tests or ``"gate_cocotb"``; the number of site updates compared."""
    runner_module = pytest.importorskip("cocotb_tools.runner")
    source, report = folder / "netlist.v", folder / "report"
    source.write_text(netlist.source)
    (folder / "fabric.json").write_text(json.dumps(netlist.spec.to_json()))
    (folder / "cells.v").write_text(netlist.models)
    sources = [source, folder / "cells.v"]
    if simulator == "verilator":
        verilator = find_verilator()
        monkeypatch.setenv("VERILATOR_ROOT", verilator.root)
        monkeypatch.setenv("PATH", f"{Path(verilator.binary).parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("MAKEFLAGS", MAKE_VARIABLES)
        runner = ports_only(runner_module)
        (folder / "ports.vlt").write_text(f'`verilator_config\npublic_flat_rw -module "{TOP}" -var "*"\n')
        sources.append(folder / "ports.vlt")
        arguments = ["-Wno-fatal", "-Wno-lint", "-Wno-style"]
        reuse_objects(folder / "build")
    else:
        runner = runner_module.get_runner(simulator)
        arguments = ["-gno-specify"]
    runner.build(
        sources=sources, hdl_toplevel=TOP, build_dir=folder / "build", build_args=arguments,
        timescale=("1ns", "1ps"), log_file=folder / "build.log",
    )  # fmt: skip
    if simulator == "verilator":
        keep_objects(folder / "build")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(RTL), str(HERE), os.environ.get("PYTHONPATH", "")]))
    results, log = folder / "results.xml", folder / "test.log"
    with contextlib.suppress(SystemExit):  # which says no more than that a test failed; the log says why
        runner.test(
            test_module=bench, hdl_toplevel=TOP, hdl_toplevel_lang="verilog", build_dir=folder / "build",
            test_dir=folder, results_xml=str(results), log_file=log, timescale=("1ns", "1ps"),
            extra_env={
                "THERMOFAB_FABRIC": str(folder / "fabric.json"), "THERMOFAB_SEED": str(seed),
                "THERMOFAB_UPDATES": str(updates), "THERMOFAB_REPORT": str(report),
            },
        )  # fmt: skip
    count, failed = runner_module.get_results(results)
    assert count == 1 and not failed, log.read_text()[-3000:]
    return int(report.read_text())
