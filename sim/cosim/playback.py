"""A driver's work on a fabric in Icarus, which knows unknown values.

The driver runs twice. First a bus without a fabric keeps what it asks for; all of that is played to the Verilog in one
simulation; then the driver runs again on what the fabric answered.
"""

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import register_map
from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.spec import FabricSpec
from thermofab.sim.cosim.simulation import BenchFailed
from thermofab.sim.cosim.simulators import check_program
from thermofab.sim.toolchain import run_tool

Result = TypeVar("Result")

WRITE, READ, COLLECT, WAIT = range(4)
LIMIT = 100_000  # clocks, far more than a run takes

BENCH = """
module bench;
  reg clk = 0, rst = 0, known = 0, write = 0, read = 0;
  reg [{high}:0] address = 0;
  reg [31:0] data = 0;
  reg [71:0] asked [0:{last}];
  wire [31:0] read_data, payload;
  wire valid, ends, busy;
  integer k, left, taken, wanted;
  thermofab dut(.clk(clk), .rst(rst), .bus_address(address), .bus_write(write), .bus_write_data(data), .bus_read(read),
                .bus_read_data(read_data), .sample_ready(1'b1), .sample_valid(valid), .sample_payload(payload),
                .sample_last(ends), .busy(busy));
  always #5 clk = ~clk;
  always @(negedge clk) if (known) begin
    if (^{{valid, busy}} === 1'bx) begin
      $display("unknown: valid %b, busy %b", valid, busy);
      $finish;
    end
    if (valid) begin
      $display("word %h", payload);
      taken = taken + 1;
    end
  end
  initial begin
    $readmemh("asked.hex", asked);
    taken = 0;
    wanted = 0;
    repeat (3) @(negedge clk);
    rst = 1; @(negedge clk); rst = 0; known = 1;
    repeat (60) @(negedge clk);
    for (k = 0; k <= {last}; k = k + 1) begin
      address = asked[k][63:32];
      data = asked[k][31:0];
      if (asked[k][71:64] == {write}) begin
        write = 1; @(negedge clk); write = 0;
      end else begin
        repeat (2) @(negedge clk);
        if (asked[k][71:64] == {read}) begin
          read = 1; @(negedge clk); read = 0; @(negedge clk);
          $display("read %h", read_data);
        end else begin
          if (asked[k][71:64] == {collect}) wanted = wanted + asked[k][31:0];
          for (left = {limit}; left > 0 && (asked[k][71:64] == {collect} ? taken < wanted : busy); left = left - 1)
            @(negedge clk);
          if (left == 0) begin
            $display("stuck at %0d", k);
            $finish;
          end
        end
      end
    end
    $finish;
  end
endmodule
"""


class PlayedBus:
    """Keeps what is asked for in ``asked``, and answers from what a fabric said, or as one that has done its run."""

    def __init__(self, spec: FabricSpec, said: str | None = None) -> None:
        self._status = register_map(spec)["STATUS"].at()
        self.asked: list[tuple[int, int, int]] = []
        self._said = None if said is None else {kind: _values(kind, said) for kind in ("word", "read")}

    def write(self, addresses: Sequence[int] | np.ndarray, data: Sequence[int] | np.ndarray) -> None:
        pairs = zip(np.asarray(addresses).tolist(), np.asarray(data).tolist())
        self.asked += [(WRITE, address, value & 0xFFFFFFFF) for address, value in pairs]

    def read(self, address: int) -> int:
        self.asked.append((READ, address, 0))
        if self._said is None:
            return rm.DONE if address == self._status else 0
        return next(self._said["read"])

    def collect(self, words: int) -> np.ndarray:
        self.asked.append((COLLECT, 0, words))
        if self._said is None:
            return np.zeros(words, dtype=np.uint32)
        return np.array([next(self._said["word"]) for _ in range(words)], dtype=np.uint32)

    def wait(self) -> None:
        self.asked.append((WAIT, 0, 0))


def _values(kind: str, said: str) -> Iterator[int]:
    """Of lines of a kind. An unknown bit is no number."""
    for text in re.findall(rf"^{kind} (\w+)$", said, re.M):
        if not re.fullmatch("[0-9a-f]+", text):
            raise BenchFailed(f"a {kind} has unknown bits: {text}")
        yield int(text, 16)


def played(spec: FabricSpec, verilog: str, work: Callable[[FabricDriver], Result], folder: Path) -> Result:
    """What ``work`` gives on the fabric in ``verilog``, which is reset for one clock after power-up.

    Args:
        spec: the fabric.
        verilog: with a module ``thermofab`` that has its ports.
        work: what a driver does; it must ask for the same whatever the fabric answers.
        folder: an existing folder for the files.

    Raises:
        BenchFailed: the fabric does not end, or shows an unknown bit where the driver or the stream needs one.
        ToolMissingError: Icarus is missing.
        DeviceError: Icarus refuses the Verilog.
    """
    for program in ("iverilog", "vvp"):
        check_program(program, "Icarus")
    recorder = PlayedBus(spec)
    work(FabricDriver(spec, recorder))
    (folder / "fabric.v").write_text(verilog)
    (folder / "asked.hex").write_text("".join(f"{kind:02x}{at:08x}{data:08x}\n" for kind, at, data in recorder.asked))
    bench = BENCH.format(
        high=register_map(spec).address_bits - 1, last=len(recorder.asked) - 1,
        write=WRITE, read=READ, collect=COLLECT, limit=LIMIT,
    )  # fmt: skip
    (folder / "bench.v").write_text(bench)
    run_tool("the bench", ["iverilog", "-g2001", "-o", "bench", "fabric.v", "bench.v"], folder)
    said = subprocess.run(["vvp", "bench"], cwd=folder, capture_output=True, text=True, check=True).stdout
    if "unknown:" in said or "stuck" in said:
        raise BenchFailed(f"the fabric shows unknown values or does not end: {said[-300:]}")
    player = PlayedBus(spec, said)
    result = work(FabricDriver(spec, player))
    if player.asked != recorder.asked:
        raise BenchFailed("the driver asked for something else once it had the fabric's answers; it cannot be played.")
    return result
