"""Bus protocols of the wrappers that other projects get: AXI4-Lite, Wishbone, and the samples as an AXI4-Stream."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportArgumentType=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

from collections.abc import Sequence
from typing import Any

from amaranth import ClockSignal, Elaboratable, Instance, Module, Mux, ResetSignal, Signal, Value
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume

from tests.formal.prove import Fault, Proof
from thermofab.apps.verilog.wrappers import wrapper
from thermofab.apps.verilog.wrappers.stream import stream_module

ADDRESS_BITS, LAST = 3, 5  # of a fabric of six registers
OKAY, SLVERR = 0, 2
# In place of the fabric: it reads as anything, two clocks after the strobe, and shows what is written.
FABRIC = f"""
module tsu (
  input wire clk,
  input wire rst,
  input wire [{ADDRESS_BITS - 1}:0] bus_address,
  input wire bus_write,
  input wire [31:0] bus_write_data,
  input wire bus_read,
  output reg [31:0] bus_read_data,
  output wire sample_valid,
  input wire sample_ready,
  output wire [31:0] sample_payload,
  output wire sample_last,
  output wire busy,
  output wire written,
  output wire [{ADDRESS_BITS - 1}:0] written_address,
  output wire [31:0] written_data,
  output wire was_read
);
  (* anyseq *) reg [31:0] fresh;
  reg reading;
  always @(posedge clk) begin
    reading <= bus_read & ~rst;
    if (reading) bus_read_data <= fresh;
  end
  assign sample_valid = 0;
  assign sample_payload = 0;
  assign sample_last = 0;
  assign busy = 0;
  assign written = bus_write;
  assign written_address = bus_address;
  assign written_data = bus_write_data;
  assign was_read = reading;
endmodule
"""


def axi4lite_sources() -> str:
    return FABRIC + wrapper(FABRIC, "tsu", "axi4lite", LAST)


class Axi4Lite:
    """The wrapper, reset in the first clock, before a manager that does anything AXI4-Lite lets it."""

    def __init__(self, m: Module) -> None:
        wide = ADDRESS_BITS + 2
        given = {"awvalid": 1, "awaddr": wide, "wvalid": 1, "wdata": 32, "wstrb": 4, "bready": 1, "arvalid": 1,
                 "araddr": wide, "rready": 1}  # fmt: skip
        shown = {"awready": 1, "wready": 1, "bvalid": 1, "bresp": 2, "arready": 1, "rvalid": 1, "rdata": 32, "rresp": 2}
        self.port = {name: Signal(width, name=name) for name, width in (given | shown).items()}
        self.written, self.address, self.data = Signal(), Signal(ADDRESS_BITS), Signal(32)
        self.first = Signal(init=1)
        m.d.sync += self.first.eq(0)
        m.d.comb += [Assume(~ResetSignal()), *(self.port[name].eq(AnySeq(width)) for name, width in given.items())]
        m.submodules.wrapper = Instance(
            "tsu_axi4lite",
            i_clk=ClockSignal(), i_rst=self.first, i_s_axil_awprot=0, i_s_axil_arprot=0, i_samples_tready=1,
            o_written=self.written, o_written_address=self.address, o_written_data=self.data,
            **{f"i_s_axil_{name}": self.port[name] for name in given},
            **{f"o_s_axil_{name}": self.port[name] for name in shown},
        )  # fmt: skip
        for valid, *payload in (("awvalid", "awaddr"), ("wvalid", "wdata", "wstrb"), ("arvalid", "araddr")):
            with m.If(self.first):
                m.d.comb += Assume(~self.port[valid])
            for holds in self.kept(m, valid, *payload):
                m.d.comb += Assume(holds)

    def kept(self, m: Module, valid: str, *payload: str) -> Sequence[Value]:
        """That what was offered and not taken in the last clock is offered in this one, unchanged."""
        waits, ready = Signal(name=f"{valid}_waits"), self.port[valid.replace("valid", "ready")]
        m.d.sync += waits.eq(self.port[valid] & ~ready & ~self.first)
        holds = [~waits | self.port[valid]]
        for name in payload:
            before = Signal.like(self.port[name], name=f"{name}_before")
            m.d.sync += before.eq(self.port[name])
            holds.append(~waits | (self.port[name] == before))
        return holds

    def taken(self, channel: str) -> Value:
        return self.port[f"{channel}valid"] & self.port[f"{channel}ready"]


class Axi4LiteAnswers(Elaboratable):
    """Responses stay and do not change until taken; there are as many as requests, none before, none late."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus = Axi4Lite(m)
        port = bus.port
        opened = {}
        for request, response in (("aw", "b"), ("w", "b"), ("ar", "r")):
            opened[request] = count = Signal(4, name=f"{request}_open")
            m.d.sync += count.eq(Mux(bus.first, 0, count + bus.taken(request) - bus.taken(response)))
        waited = Signal(3)
        m.d.sync += waited.eq(Mux(~port["arready"] & ~port["rvalid"] & ~bus.first, waited + (waited != 7), 0))
        both = Signal()
        m.d.sync += both.eq(~port["awready"] & ~port["wready"] & ~port["bvalid"] & ~bus.first)
        # Reads that are under way in the fabric: one, for a clock.
        reading, was_reading = opened["ar"] - ~port["arready"] - port["rvalid"], Signal()
        m.d.sync += was_reading.eq((reading == 1) & ~bus.first)
        with m.If(~bus.first):
            for holds in (*bus.kept(m, "bvalid", "bresp"), *bus.kept(m, "rvalid", "rdata", "rresp")):
                m.d.comb += Assert(holds)
            for request in ("aw", "w"):
                m.d.comb += Assert(opened[request] == ~port[f"{request}ready"] + port["bvalid"])
            m.d.comb += [
                Assert((reading == 0) | ((reading == 1) & ~was_reading)),
                Assert(opened["ar"] <= 2),
                Assert(waited < 4),
                Assert(~both | port["bvalid"]),
                Assert(~port["bvalid"] | (port["bresp"] == OKAY) | (port["bresp"] == SLVERR)),
                Assert(~port["rvalid"] | (port["rresp"] == OKAY) | ((port["rresp"] == SLVERR) & (port["rdata"] == 0))),
            ]
        return m


class Axi4LiteWrites(Elaboratable):
    """The fabric is written once for each write of a whole word of a register, which is answered OKAY, and for no
    other, which is answered SLVERR.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus = Axi4Lite(m)
        port = bus.port
        address, data, strobe = Signal(ADDRESS_BITS + 2), Signal(32), Signal(4)
        with m.If(bus.taken("aw")):
            m.d.sync += address.eq(port["awaddr"])
        with m.If(bus.taken("w")):
            m.d.sync += [data.eq(port["wdata"]), strobe.eq(port["wstrb"])]
        whole = Signal()
        m.d.comb += whole.eq((address[:2] == 0) & (address[2:] <= LAST) & strobe.all())
        written, before, was_whole = Signal(), Signal(), Signal()
        m.d.sync += [written.eq(bus.written & ~bus.first), before.eq(port["bvalid"] & ~bus.first), was_whole.eq(whole)]
        with m.If(~bus.first):
            with m.If(bus.written):
                m.d.comb += Assert(whole & (bus.address == address[2:]) & (bus.data == data))
            with m.If(port["bvalid"] & ~before):
                m.d.comb += [Assert((port["bresp"] == OKAY) == written), Assert(written == was_whole)]
            with m.Else():
                m.d.comb += Assert(~written)
        return m


class WishboneAnswers(Elaboratable):
    """Before a master that keeps a request until it is answered, or gives it up: an answer comes to a request only, in
    its second or third clock; ACK to whole accesses of registers, which reach the fabric once, and ERR to all others,
    which do not.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        given = {"cyc": 1, "stb": 1, "we": 1, "adr": ADDRESS_BITS, "sel": 4, "dat_w": 32}
        port = {name: Signal(width, name=name) for name, width in given.items()}
        ack, err, written, was_read, first = Signal(), Signal(), Signal(), Signal(), Signal(init=1)
        address, data = Signal(ADDRESS_BITS), Signal(32)
        m.d.comb += [Assume(~ResetSignal()), *(port[name].eq(AnySeq(width)) for name, width in given.items())]
        m.submodules.wrapper = Instance(
            "tsu_wishbone", i_clk=ClockSignal(), i_rst=first, i_samples_tready=1, o_wb_ack=ack, o_wb_err=err,
            o_written=written, o_written_address=address, o_written_data=data, o_was_read=was_read,
            **{f"i_wb_{name}": port[name] for name in given},
        )  # fmt: skip
        request, answer, whole = Signal(), Signal(), Signal()
        m.d.comb += [
            request.eq(port["cyc"] & port["stb"]),
            answer.eq(ack | err),
            whole.eq((port["adr"] <= LAST) & (~port["we"] | port["sel"].all())),
        ]
        waits, waited, was_written, was_reading = Signal(), Signal(3), Signal(), Signal()
        held = {name: Signal(width, name=f"{name}_held") for name, width in given.items()}
        m.d.sync += [
            first.eq(0),
            waits.eq(request & ~answer & ~first),
            waited.eq(Mux(request & ~answer & ~first, waited + (waited != 7), 0)),
            was_written.eq(written & ~first),
            was_reading.eq(was_read & ~first),
            *(held[name].eq(port[name]) for name in given),
        ]
        with m.If(first):
            m.d.comb += Assume(~request)
        with m.If(waits & request):
            m.d.comb += [Assume(port[name] == held[name]) for name in ("we", "adr", "sel", "dat_w")]
        with m.If(~first):
            m.d.comb += [Assert(~answer | request), Assert(~(ack & err)), Assert(waited < 3)]
            with m.If(answer):
                m.d.comb += [Assert(ack == whole), Assert(was_written == (ack & port["we"]))]
                m.d.comb += Assert(was_reading == (ack & ~port["we"]))
            with m.If(written):
                m.d.comb += Assert(request & whole & port["we"] & (address == port["adr"]) & (data == port["dat_w"]))
                m.d.comb += Assert(~was_written)
        return m


class StreamKeeps(Elaboratable):
    """What is on offer stays until it is taken, whatever the fabric does; every word of the fabric's comes out, in its
    order; a word that ends a packet cut short is zero and the last of its packet.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        given = {"busy": 1, "sample_valid": 1, "sample_payload": 32, "sample_last": 1, "tready": 1}
        shown = {"sample_ready": 1, "tvalid": 1, "tdata": 32, "tlast": 1, "tuser": 1}
        port = {name: Signal(width, name=name) for name, width in (given | shown).items()}
        first = Signal(init=1)
        m.d.sync += first.eq(0)
        m.d.comb += [Assume(~ResetSignal()), *(port[name].eq(AnySeq(width)) for name, width in given.items())]
        m.submodules.stream = Instance(
            "tsu_stream", i_clk=ClockSignal(), i_rst=first, **{f"i_{name}": port[name] for name in given},
            **{f"o_{name}": port[name] for name in shown},
        )  # fmt: skip
        packet = ("tdata", "tlast", "tuser")
        before = {name: Signal.like(port[name], name=f"{name}_before") for name in packet}
        word, last = Signal(32), Signal()
        waits, came, begun = Signal(), Signal(), Signal()
        m.d.sync += [
            waits.eq(port["tvalid"] & ~port["tready"] & ~first),
            came.eq(port["sample_valid"] & port["sample_ready"] & ~first),
            word.eq(port["sample_payload"]),
            last.eq(port["sample_last"]),
            *(before[name].eq(port[name]) for name in packet),
        ]
        with m.If(port["tvalid"] & port["tready"] & ~first):
            m.d.sync += begun.eq(~port["tlast"])
        with m.If(~first):
            with m.If(waits):
                m.d.comb += [Assert(port["tvalid"]), *(Assert(port[name] == before[name]) for name in packet)]
            with m.If(came):
                m.d.comb += Assert(port["tvalid"] & (port["tdata"] == word) & (port["tlast"] == last) & ~port["tuser"])
            with m.If(port["tvalid"] & ~waits & ~came):
                # A word of nobody's: it ends a packet that has begun.
                m.d.comb += Assert(begun & port["tuser"] & port["tlast"] & (port["tdata"] == 0))
        return m


PROOFS = [
    Proof(
        "axi4-lite answers", "responses stay unchanged until taken, as many as requests, none before its request, none late",
        Axi4LiteAnswers, "prove", 6,
        Fault("apps/verilog/wrappers/axi4lite.py", "ar_kept & ~reading & ~s_axil_rvalid & ~write;", "ar_kept & ~reading & ~write;"),
        verilog=axi4lite_sources,
    ),
    Proof(
        "axi4-lite writes", "whole words of registers are written once and answered OKAY, all else is not and answered SLVERR",
        Axi4LiteWrites, "bmc", 12,
        Fault("apps/verilog/wrappers/axi4lite.py", " & (&w_strobe);", ";"),
        verilog=axi4lite_sources,
    ),
    Proof(
        "wishbone answers", "requests alone are answered, in time: whole accesses of registers reach the fabric once and get ACK, all else gets ERR",
        WishboneAnswers, "bmc", 14,
        Fault("apps/verilog/wrappers/wishbone.py", "{within} & (~wb_we | &wb_sel);", "{within};"),
        verilog=lambda: FABRIC + wrapper(FABRIC, "tsu", "wishbone", LAST),
    ),
    Proof(
        "axi4-stream keeps", "a word on offer stays through aborts, none is lost, and a packet cut short is ended",
        StreamKeeps, "bmc", 14,
        Fault("apps/verilog/wrappers/stream.py", "assign sample_ready = free & ~cut;", "assign sample_ready = free;"),
        verilog=lambda: stream_module("tsu"),
    ),
]  # fmt: skip
