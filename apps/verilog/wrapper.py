"""The wrapper: a fabric behind a Wishbone slave, its samples on an AXI4-Stream."""

import re

CLOCK = ("clk", "rst")
BUS = ("bus_address", "bus_write", "bus_write_data", "bus_read", "bus_read_data")
STREAM = ("sample_valid", "sample_ready", "sample_payload", "sample_last")

TEXT = """\
// {name}_wishbone: the fabric {name} as a Wishbone slave, its samples on an AXI4-Stream.
//
// Wishbone B4, classic cycles, 32 bits, addresses count words. A write is acknowledged in the clock after its request,
// a read two clocks after it. The stream is a register of the fabric: a word on offer stays until it is taken.
// One clock, synchronous reset. The states have no reset: load them, and the generators, before the first run.
`default_nettype none

module {name}_wishbone #(
    parameter ADDRESS_BITS = {address_bits}
) (
    input  wire                    clk,
    input  wire                    rst,

    input  wire                    wb_cyc,
    input  wire                    wb_stb,
    input  wire                    wb_we,
    input  wire [ADDRESS_BITS-1:0] wb_adr,
    input  wire [31:0]             wb_dat_w,
    output wire [31:0]             wb_dat_r,
    output reg                     wb_ack,

    output wire                    samples_tvalid,
    input  wire                    samples_tready,
    output wire [31:0]             samples_tdata,
    output wire                    samples_tlast,
{watched_ports}
);
  reg  reading;
  wire request = wb_cyc & wb_stb & ~wb_ack & ~reading;

  always @(posedge clk) begin
    reading <= request & ~wb_we & ~rst;
    wb_ack  <= ((request & wb_we) | reading) & wb_cyc & ~rst;
  end

  {name} fabric (
      .clk(clk),
      .rst(rst),
      .bus_address(wb_adr),
      .bus_write(request & wb_we),
      .bus_write_data(wb_dat_w),
      .bus_read(request & ~wb_we),
      .bus_read_data(wb_dat_r),
      .sample_valid(samples_tvalid),
      .sample_ready(samples_tready),
      .sample_payload(samples_tdata),
      .sample_last(samples_tlast),
{watched_connections}
  );
endmodule

`default_nettype wire
"""


def wrapper(verilog: str, name: str) -> str:
    """Verilog of the wrapper of ``name``, a fabric of whatever architecture, whose emitted text is ``verilog``.

    Ports beside bus and stream are there to watch, and are passed through.
    """
    text = verilog.partition(f"\nmodule {name}(")[2].partition("\nendmodule")[0]
    widths = {
        port: (int(high or 0) + 1, way)
        for way, high, port in re.findall(r"^ +(input|output) (?:\[(\d+):0\] )?(\w+)\s*;", text, re.M)
    }
    watched = [port for port in widths if port not in (*CLOCK, *BUS, *STREAM)]
    ports = []
    for port in watched:
        width, way = widths[port]
        span = f"[{width - 1}:0]" if width > 1 else ""
        ports.append(f"    {way:<6} wire {span:<18} {port}")
    return TEXT.format(
        name=name,
        address_bits=widths["bus_address"][0],
        watched_ports=",\n".join(ports),
        watched_connections=",\n".join(f"      .{port}({port})" for port in watched),
    )
