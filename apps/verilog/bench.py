"""The texts of the cocotb example: masters, a test, a runner, a makefile and a page that says what to do."""

WISHBONE = '''\
class Bus:
    """A Wishbone master, classic cycles."""

    def __init__(self, dut) -> None:
        self.dut = dut
        dut.wb_cyc.value = dut.wb_stb.value = dut.wb_we.value = dut.wb_adr.value = dut.wb_dat_w.value = 0
        dut.wb_sel.value = 0xF

    async def access(self, address: int, data: int | None) -> int:
        """Write ``data``, or read where it is None; what the slave shows with its acknowledgement."""
        dut = self.dut
        dut.wb_cyc.value = dut.wb_stb.value = 1
        dut.wb_we.value = int(data is not None)
        dut.wb_adr.value = address
        dut.wb_dat_w.value = data or 0
        await FallingEdge(dut.clk)
        while not int(dut.wb_ack.value):
            assert not int(dut.wb_err.value), f"address {address:#x} is refused"
            await FallingEdge(dut.clk)
        shown = int(dut.wb_dat_r.value) if data is None else 0
        dut.wb_cyc.value = dut.wb_stb.value = 0
        await FallingEdge(dut.clk)
        return shown

    async def write(self, address: int, data: int) -> None:
        await self.access(address, data)

    async def read(self, address: int) -> int:
        return await self.access(address, None)'''

AXI4LITE = '''\
class Bus:
    """An AXI4-Lite manager that has one access under way."""

    def __init__(self, dut) -> None:
        self.dut = dut
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = dut.s_axil_arvalid.value = 0
        dut.s_axil_bready.value = dut.s_axil_rready.value = 1
        dut.s_axil_awprot.value = dut.s_axil_arprot.value = 0
        dut.s_axil_wstrb.value = 0xF

    async def write(self, address: int, data: int) -> None:
        dut = self.dut
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 1
        dut.s_axil_awaddr.value, dut.s_axil_wdata.value = 4 * address, data
        await FallingEdge(dut.clk)  # both channels were ready, as nothing else was under way
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 0
        while not int(dut.s_axil_bvalid.value):
            await FallingEdge(dut.clk)
        assert int(dut.s_axil_bresp.value) == 0, f"address {address:#x} is refused"
        await FallingEdge(dut.clk)

    async def read(self, address: int) -> int:
        dut = self.dut
        dut.s_axil_arvalid.value, dut.s_axil_araddr.value = 1, 4 * address
        await FallingEdge(dut.clk)
        dut.s_axil_arvalid.value = 0
        while not int(dut.s_axil_rvalid.value):
            await FallingEdge(dut.clk)
        assert int(dut.s_axil_rresp.value) == 0, f"address {address:#x} is refused"
        shown = int(dut.s_axil_rdata.value)
        await FallingEdge(dut.clk)
        return shown'''

MASTERS = {"wishbone": ("Wishbone", WISHBONE), "axi4lite": ("AXI4-Lite", AXI4LITE)}

TEST = '''\
"""Loads image.hex into the fabric over {bus_name}, runs it, prints the sampled states, compares them with expected.hex.

It needs cocotb and a simulator, nothing else: copy it into a project of your own and change what it drives.
"""

from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

HERE = Path(__file__).resolve().parent
MASK = {mask}  # the bits of a sample that show a site; the others read as anything
PATIENCE = 100_000  # clocks without a word of the stream, or of a run's end, before the test gives up


{master}


def numbers(name: str) -> list[list[int]]:
    """The hexadecimal words of a file, line by line; what follows // is a remark."""
    lines = [line.split("//")[0].split() for line in (HERE / name).read_text().splitlines()]
    return [[int(word, 16) for word in line] for line in lines if line]


@cocotb.test()
async def load_run_and_compare(dut) -> None:
    dut.rst.value = 1
    dut.samples_tready.value = 0
    bus = Bus(dut)
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, 3)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    await FallingEdge(dut.clk)
    assert await bus.read(0) == 0x54464142, "register 0 reads TFAB"

    for address, data in numbers("image.hex"):
        await bus.write(address, data)
    assert await bus.read({errors}) == 0, "the fabric took every write"

    words, expected, waited = [], [word for line in numbers("expected.hex") for word in line], 0
    dut.samples_tready.value = 1
    await bus.write({control}, {start})
    while len(words) < len(expected):
        waited += 1
        assert waited < PATIENCE, f"no word of the stream for {{PATIENCE}} clocks, after {{len(words)}} words"
        if int(dut.samples_tvalid.value):
            waited = 0
            assert not int(dut.samples_tuser.value), "a packet was cut short"
            words.append(int(dut.samples_tdata.value) & MASK[len(words) % len(MASK)])
            if int(dut.samples_tlast.value):
                sample = words[-{sample_words} :]
                bits = "".join(f"{{word:032b}}"[::-1] for word in sample)
                dut._log.info("sample %3d  %s", len(words) // {sample_words}, bits.replace("0", ".").replace("1", "#"))
        await FallingEdge(dut.clk)
    assert words == expected, "the states are those of the reference"
    for _ in range(PATIENCE):
        if not int(dut.busy.value):
            break
        await FallingEdge(dut.clk)
    assert not int(dut.busy.value), f"busy for {{PATIENCE}} clocks after the last word"
    cycles = await bus.read({cycles})
    dut._log.info("%d samples equal the reference's; the run took %d clocks", len(words) // {sample_words}, cycles)
'''

RUN = '''\
"""Builds and runs the example: python run.py [icarus|verilator|any simulator of cocotb]."""

import sys
from pathlib import Path

from cocotb_tools.runner import get_results, get_runner

HERE = Path(__file__).resolve().parent

simulator = sys.argv[1] if len(sys.argv) > 1 else "icarus"
runner = get_runner(simulator)
runner.build(
    sources=[HERE / "{name}.v", HERE / "{name}_{bus}.v"],
    hdl_toplevel="{name}_{bus}",
    build_dir=HERE / "sim_build",
    timescale=("1ns", "1ps"),
    build_args=["-Wno-fatal", "-Wno-lint"] if simulator == "verilator" else [],
)
results = runner.test(
    test_module="test_example",
    hdl_toplevel="{name}_{bus}",
    hdl_toplevel_lang="verilog",
    build_dir=HERE / "sim_build",
    test_dir=HERE,
    timescale=("1ns", "1ps"),
)
ran, failed = get_results(results)
sys.exit(0 if ran and not failed else 1)
'''

MAKEFILE = """\
# cocotb's makefile: make, or make SIM=verilator.
SIM ?= icarus
TOPLEVEL_LANG = verilog
VERILOG_SOURCES = $(CURDIR)/{name}.v $(CURDIR)/{name}_{bus}.v
COCOTB_TOPLEVEL = {name}_{bus}
COCOTB_TEST_MODULES = test_example
COCOTB_HDL_TIMEUNIT = 1ns
COCOTB_HDL_TIMEPRECISION = 1ps
ifeq ($(SIM),verilator)
EXTRA_ARGS += -Wno-fatal -Wno-lint
endif
include $(shell cocotb-config --makefiles)/Makefile.sim
"""

LITEX = "| `litex_soc.py` | a module of LiteX and a small SoC with it; writes the SoC's Verilog |\n"

README = """\
# {name}: a fabric of {sites} p-bits on {topology}

| file | what it is |
|---|---|
| `{name}.v` | the fabric, Verilog-2001, no vendor primitives |
| `{name}_{bus}.v` | a wrapper: {bus_name}, samples on an AXI4-Stream |
| `{name}_params.vh` | its numbers and register addresses as `localparam`s, to include inside a module |
| `{name}_registers.h` | the same for C |
| `registers.md`, `registers.svd`, `component.xml` | the memory map: to read, as CMSIS-SVD, as IP-XACT |
| `thermofab.h`, `thermofab.c` | a driver in C99 for any fabric, without a C library |
| `{name}.core` | a core file of FuseSoC |
{of_bus}| `fabric.json` | the specification all of this was made from |
| `image.hex` | an example image as register writes: address and data, a line each |
| `expected.hex` | the samples the reference draws from it, one sample per line |
| `test_example.py` | a cocotb test: loads the image, runs it, prints the states, compares |
| `Makefile`, `run.py` | two ways to run it: `make`, or `python run.py` |

The example needs cocotb 2 and a simulator (`pip install cocotb`, `apt install iverilog`), nothing of thermofab.

`verilator --lint-only -Wall` finds nothing to say about the wrapper, and about the fabric only `DECLFILENAME`,
`WIDTHEXPAND`, `WIDTHTRUNC`, `UNUSEDSIGNAL` and `PROCASSINIT`, matters of style that Yosys' writer does not share.

To use it: give the fabric a clock and a reset of at least one clock; write coefficients, tables, states and seeds (the
lines of `image.hex`, in that order, show all of it); write the schedule; write {start} to `CONTROL`; take the samples.
"""
