"""The model of the ECP5's block RAM: memories of many shapes, synthesised onto it, against their own description."""

import shutil
import subprocess
from pathlib import Path

import pytest

from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.boards.synthesis import SynthesisOptions, synthesise
from thermofab.sim.cosim.ecp5_block_ram import MODEL
from thermofab.sim.cosim.netlist import models_of

MEMORY = """
module memory(input clk, input write, input [{a}:0] where_write, input [{d}:0] data, input [{lanes}:0] mask,
              input read, input clear, input [{a}:0] where_read, output reg [{d}:0] q);
  (* ram_style = "block" *) reg [{d}:0] m [0:{last}];
  integer k;
  initial for (k = 0; k <= {last}; k = k + 1) m[k] = k * 40503 + 7;
  initial q = 0;
{body}
endmodule
"""
BODIES = {
    "read": """
  always @(posedge clk) begin
    if (write) m[where_write] <= data;
    if (read) q <= m[where_read];
  end""",
    "one port, old data": """
  always @(posedge clk) begin
    if (write) m[where_read] <= data;
    q <= m[where_read];
  end""",
    "one port, no change": """
  always @(posedge clk) if (write) m[where_read] <= data; else q <= m[where_read];""",
    "cleared": """
  always @(posedge clk) begin
    if (write) m[where_write] <= data;
    if (clear) q <= 0; else if (read) q <= m[where_read];
  end""",
    "masked": """
  always @(posedge clk) begin
    for (k = 0; k <= {lanes}; k = k + 1) if (write & mask[k]) m[where_write][9*k +: 9] <= data[9*k +: 9];
    if (read) q <= m[where_read];
  end""",
    "falling": """
  always @(negedge clk) begin
    if (write) m[where_write] <= data;
    if (read) q <= m[where_read];
  end""",
}
# A read of the address written in the same clock may be either: the stimulus keeps the two apart, as our fabrics do.
BENCH = """
module bench;
  reg clk = 0;
  reg write = 0, read = 0, clear = 0;
  reg [{a}:0] where_write = 0, where_read = 0;
  reg [{d}:0] data = 0;
  reg [{lanes}:0] mask = 0;
  wire [{d}:0] q, expected;
  integer seed = 1, step, wrong = 0, seen = 0;
  memory mapped(clk, write, where_write, data, mask, read, clear, where_read, q);
  described original(clk, write, where_write, data, mask, read, clear, where_read, expected);
  initial begin
    for (step = 0; step < 6000; step = step + 1) begin
      #2 write = $random(seed); read = $random(seed); clear = ($random(seed) & 7) == 0;
      where_write = $random(seed) & {hot}; where_read = $random(seed) & {hot};
      if (where_read == where_write) where_read = where_write ^ 1;
      data = {{$random(seed), $random(seed)}}; mask = $random(seed);
      #1 clk = 1; #2 clk = 0; #1
      if (q !== expected) wrong = wrong + 1;
      if (q !== 0) seen = seen + 1;
    end
    $display("compared %0d words, %0d differ, %0d were not zero", step, wrong, seen);
  end
endmodule
"""
SHAPES = [("read", 9, 36), ("cleared", 10, 16), ("masked", 10, 18), ("one port, old data", 11, 9)]
MORE = [
    ("read", 10, 18), ("read", 11, 9), ("read", 12, 4), ("read", 13, 2), ("read", 14, 1), ("read", 8, 30),
    ("read", 10, 12), ("masked", 9, 36), ("falling", 10, 18), ("one port, old data", 10, 18),
    ("one port, no change", 10, 18),
]  # fmt: skip


def compare(text: str, mapped: str, models: str, shape: dict[str, int], folder: Path) -> str:
    """What the bench says of a mapped memory and its description, run side by side on Icarus."""
    (folder / "mapped.v").write_text(mapped)
    (folder / "cells.v").write_text(models)
    (folder / "described.v").write_text(text.replace("module memory", "module described"))
    (folder / "bench.v").write_text(BENCH.format(**shape))
    files = ["mapped.v", "cells.v", "described.v", "bench.v"]
    subprocess.run(["iverilog", "-g2012", "-gno-specify", "-s", "bench", "-o", "run", *files], cwd=folder, check=True)
    return subprocess.run(["vvp", "run"], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="the models are compared on Icarus")
@pytest.mark.parametrize(
    "body, address_bits, width", [*SHAPES, *(pytest.param(*shape, marks=pytest.mark.soak) for shape in MORE)]
)
def test_mapped_memories_equal_their_description(body, address_bits, width, tmp_path):
    shape = {"a": address_bits - 1, "d": width - 1, "last": 2**address_bits - 1, "lanes": max(0, width // 9 - 1),
             "hot": 0x13 << max(0, address_bits - 8) | 0xC}  # fmt: skip
    text = MEMORY.replace("{body}", BODIES[body]).format(**shape)
    mapped = synthesise(text, "memory", ECP5_85, SynthesisOptions(netlist=True))
    cells = dict(mapped.cells)
    assert cells.get("DP16KD", 0) >= 1 and "TRELLIS_DPR16X4" not in cells
    models = models_of({kind for kind in cells if not kind.startswith("$")}, "ecp5", MODEL)
    said = compare(text, (mapped.folder / "netlist.v").read_text(), models, shape, tmp_path)
    assert "compared 6000 words, 0 differ" in said, said
    assert int(said.split(" were not zero")[0].rsplit(" ", 1)[1]) > 1000
