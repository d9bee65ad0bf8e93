"""The Verilog as a reader meets it: plain names, a comment and a source for every module, memories of their own."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from netlist_page import PAGE, tables
from page_tables import filled

import thermofab
from thermofab.hw import emit_verilog
from thermofab.hw.boards.tools import find_tool, run_tool
from thermofab.hw.host.architectures import ARCHITECTURES
from thermofab.hw.rtl.emit import design_of, emit_rtlil, fabric_design
from thermofab.hw.rtl.link.emit import emit_link_verilog
from thermofab.hw.rtl.netlist.names import KEYWORDS, Names, plain
from thermofab.hw.rtl.netlist.rtlil import Bits, Slice, joined, read_rtlil, sliced
from thermofab.hw.rtl.netlist.terms import Op, Ref, narrowed
from thermofab.hw.rtl.tiles.emit import emit_tile_verilog
from thermofab.hw.spec import FabricSpec, Tiling, fabric
from thermofab.sim.rtl.tools import find_verilator

ROOT = Path(thermofab.__file__).parent.parent

TYPES = {
    "spatial": "g4-4x4-torus", "systolic": "g4-8x8-torus", "relay": "g4-4x4", "dense": "complete-8",
}  # fmt: skip
# What -Wall says of the text: widths that Verilog extends by itself, and bits that a module takes and does not use.
WAIVED = ("DECLFILENAME", "WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL")


def spec_of(architecture: str) -> FabricSpec:
    return fabric(TYPES[architecture], architecture=architecture, moment_bits=6)


def text_of(name: str) -> str:
    if name == "link":
        return emit_link_verilog(spec_of("spatial"), 16)
    if name == "tile":
        return emit_tile_verilog(TILED, Tiling.blocks(TILED.topology, (2, 2)), 0)
    return emit_verilog(spec_of(name))


TILED = fabric("g4-4x4-torus")
NAMES = [*ARCHITECTURES, "link", "tile"]


@pytest.fixture(scope="module", params=NAMES)
def text(request) -> str:
    return text_of(request.param)


def test_every_architecture_is_looked_at():
    assert set(TYPES) == set(ARCHITECTURES)


def test_names_are_plain(text):
    assert "\\" not in text
    assert set(re.findall(r"[\w$]*\$[\w$]*", text)) <= {"$signed"}
    # The queue between the clocks of a tile's line is Amaranth's, with names of its own.
    ours = re.sub(r"^module \w+_queue \(.*?^endmodule", "", text, flags=re.M | re.S)
    declared = re.findall(r"(?:wire|reg) (?:\[\d+:0\] )?(\w+)", ours)
    assert declared and not KEYWORDS & set(declared)
    assert not [name for name in declared if re.fullmatch(r"(signal|like|signature|port|read_|write_)(_.*)?", name)]


def test_every_module_has_a_comment(text):
    modules = re.findall(r"^((?:.*\n)(?:\(\* src.*\n)?)module (\w+) \(", text, re.M)
    assert len(modules) == len(re.findall(r"^module ", text, re.M)) > 5
    assert not [name for before, name in modules if not re.match(r"// \S.{8,}", before)]


def test_sources_are_lines_of_this_package(text):
    sources = re.findall(r'src = "([^"]+)"', text)
    assert len(sources) > 40 and str(ROOT) not in text and "site-packages" not in text
    for source in set(sources):
        file, line = source.split(":")
        assert file.startswith("thermofab/hw/"), source
        tree = ast.parse((ROOT / file).read_text())
        at = [node for node in ast.walk(tree) if isinstance(node, (ast.stmt, ast.expr)) and node.lineno == int(line)]
        assert at, f"{source} is no line of code"


def test_sources_can_be_left_out():
    spec = spec_of("spatial")
    bare = emit_verilog(spec, sources=False)
    assert "src" not in bare
    assert bare == re.sub(r"\(\* src = \S+ \*\)[ \n]", "", emit_verilog(spec))


def test_a_memory_between_two_clocks_has_both():
    text = text_of("tile")
    (module,) = re.findall(r"^module thermofab_ram_1r1w_16x5_sync_clocks \(.*?^endmodule", text, re.M | re.S)
    assert "@(posedge rclk) rdata <=" in module and "@(posedge wclk) if (we) words[waddr] <=" in module
    (first, *_) = re.findall(r"ram_1r1w_16x5_sync_clocks storage \((.*?)\);", text, re.S)
    assert ".rclk(clk)" in first and ".wclk(line_clk)" in first


def test_the_header_has_the_tree():
    text = text_of("spatial")
    head = text.partition("\n\n")[0]
    assert "clocks per sweep 6" in head and "// Modules:\n//   thermofab\n" in head
    modules = set(re.findall(r"^module (\w+)", text, re.M))
    assert modules == set(re.findall(r"^// +(thermofab\w*)(?: x \d+)?$", head.partition("Modules:")[2], re.M))


def test_the_text_is_as_short_as_it_was():
    """Lines of what an engineer reads; Yosys' writer took 8,229 for this fabric with other counters."""
    assert text_of("spatial").count("\n") < 2500


@pytest.mark.parametrize("name", NAMES)
def test_lint(name, tmp_path):
    verilator, text = find_verilator(), text_of(name)
    (tmp_path / "fabric.v").write_text(text)
    done = subprocess.run(
        [verilator.binary, "--lint-only", "-Wall", *(f"-Wno-{name}" for name in WAIVED), "--top-module",
         "thermofab_link" if name == "link" else "thermofab", "fabric.v"],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "VERILATOR_ROOT": verilator.root},
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr[-3000:]
    if shutil.which("iverilog"):
        subprocess.run(["iverilog", "-g2001", "-t", "null", "fabric.v"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_text_is_the_design(architecture, tmp_path):
    """Yosys finds as many bits of registers, and as many memories of each size, in the text as in the design; and
    nothing that a scan chain cannot take: one clock, its rising edge, no latch, no asynchronous reset."""
    spec, yosys, found = spec_of(architecture), find_tool("yosys"), []
    (tmp_path / "design.il").write_text(emit_rtlil(spec))
    (tmp_path / "design.v").write_text(emit_verilog(spec))
    for read in ("read_rtlil design.il", "read_verilog design.v"):
        script = f"{read}; hierarchy -top thermofab; proc; flatten; memory_nordff; memory_collect; opt_clean; "
        # A port to read is a register in both; names of wires keep those that nobody reads from being removed alike.
        run_tool(yosys, ["-q", "-p", script + "setattr -unset keep w:*; opt_clean -purge; write_json flat.json"],
                 tmp_path, tmp_path / "log", lambda line: None)  # fmt: skip
        cells = json.loads((tmp_path / "flat.json").read_text())["modules"]["thermofab"]["cells"].values()
        kinds = {cell["type"] for cell in cells}
        assert not [kind for kind in kinds if re.search("latch|adff|aldff|dffsr|_sr", kind)]
        registers = [cell for cell in cells if "dff" in cell["type"]]
        assert len({str(cell["connections"]["CLK"]) for cell in registers}) == 1
        assert {cell["parameters"]["CLK_POLARITY"][-1] for cell in registers} == {"1"}
        memories = sorted(
            (cell["parameters"]["SIZE"], cell["parameters"]["WIDTH"]) for cell in cells if cell["type"] == "$mem_v2"
        )
        found.append((sum(int(cell["parameters"]["WIDTH"], 2) for cell in registers), memories))
    assert found[0] == found[1] and found[0][0] > 100 and found[0][1]


def test_the_page_is_what_its_command_makes():
    page = (ROOT / "docs" / PAGE).read_text()
    assert filled(page, tables()) == page and page.count("<!-- table:") == 3


def test_memories_are_listed_with_their_number():
    listed = fabric_design(spec_of("spatial")).memories()
    assert {row["module"] for row in listed} == set(
        re.findall(r"^module (thermofab_r[ao]m_\w+)", text_of("spatial"), re.M)
    )
    chunk = next(row for row in listed if row["module"] == "thermofab_ram_1r1w_16x13_async")
    assert (chunk["words"], chunk["bits"], chunk["instances"], chunk["read"]) == (16, 13, 8, "asynchronous")
    assert [row["contents"] for row in listed if "_rom_" in row["module"]] == ["fixed"] * 2


def test_names_never_collide():
    names = Names()
    assert [names.give(name) for name in ("\\end", "\\end$3", "\\$signal", "\\a.b", "\\3x", "\\a_b")] == [
        "end_", "end__2", "signal", "a_b", "_3x", "a_b_2",
    ]  # fmt: skip
    assert [names.number("n"), names.give("n2"), names.number("n")] == ["n1", "n2", "n3"]
    assert plain("\\program") == "program_"


def test_slices_of_signals():
    signal = joined([Bits("10"), Slice("\\a", 4, 4), Slice("\\a", 0, 4)])
    assert signal == (Bits("10"), Slice("\\a", 0, 8))
    assert sliced(signal, 6, 3) == (Bits("0"), Slice("\\a", 6, 2))
    total = Op("add", (Ref((Slice("\\a", 0, 8),)), Ref((Slice("\\b", 0, 4),))), 9, True)
    assert narrowed(total, 4) == Op("add", (Ref((Slice("\\a", 0, 4),)), Ref((Slice("\\b", 0, 4),))), 4, False)
    assert narrowed(total, 6).signed, "b is extended by its sign"


def test_rtlil_that_amaranth_does_not_write_is_refused():
    with pytest.raises(ValueError, match="in module"):
        read_rtlil("module \\a\n  inout \\b\nend\n")
    with pytest.raises(ValueError, match="has no end"):
        read_rtlil("module \\a\n")


def test_a_condition_may_take_back_what_was_said():
    """``word`` goes on in every clock with ``go``, but for those with ``stay``: there it is told to keep its value."""
    from amaranth import Module
    from amaranth.lib import wiring
    from amaranth.lib.wiring import In, Out

    class Counter(wiring.Component):
        """Counts."""

        def __init__(self) -> None:
            super().__init__({"go": In(1), "stay": In(1), "word": Out(4)})

        def elaborate(self, platform) -> Module:
            m = Module()
            with m.If(self.go):
                m.d.sync += self.word.eq(self.word + 1)
                with m.If(self.stay):
                    m.d.sync += self.word.eq(self.word)
            return m

    text = design_of(lambda hierarchy: Counter(), "counter").text()
    assert "word <= word + 4'h1;\n        if (stay) word <= word;" in text
