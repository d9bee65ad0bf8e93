"""A fabric as a Wishbone slave."""

from thermofab.apps.verilog.wrappers import stream
from thermofab.apps.verilog.wrappers.ports import FabricPorts

TEXT = """\
// {name}_wishbone: the fabric {name} as a Wishbone slave, its samples on an AXI4-Stream.
//
// Wishbone B4, standard (classic) cycles, not pipelined; 32 bits, addresses count words. A write is acknowledged in the
// clock after its request, a read two clocks after it. Registers are written whole: a write without all of SEL, and an
// address beyond the last register, end in ERR and have no effect; a read gives the whole word whatever SEL is.
// One clock, synchronous reset. The states have no reset: load them, and the generators, before the first run.
`default_nettype none

module {name}_wishbone (
    input  wire                    clk,
    input  wire                    rst,

    input  wire                    wb_cyc,
    input  wire                    wb_stb,
    input  wire                    wb_we,
    input  wire [{high}:0]             wb_adr,
    input  wire [3:0]              wb_sel,
    input  wire [31:0]             wb_dat_w,
    output wire [31:0]             wb_dat_r,
    output wire                    wb_ack,
    output wire                    wb_err,

{stream_ports}
{watched_ports}
);
  reg  reading;  // a read is under way in the fabric
  reg  done;     // the request is answered
  reg  failed;   // by ERR
  wire request = wb_cyc & wb_stb & ~done & ~reading;
  wire valid   = {within} & (~wb_we | &wb_sel);

  always @(posedge clk) begin
    reading <= request & valid & ~wb_we & ~rst;
    done    <= (request & (wb_we | ~valid) | reading) & wb_cyc & wb_stb & ~rst;
    failed  <= request & ~valid;
  end

  assign wb_ack = done & ~failed & wb_cyc & wb_stb;
  assign wb_err = done & failed & wb_cyc & wb_stb;

{stream_instance}

  {name} fabric (
      .clk(clk),
      .rst(rst),
      .bus_address(wb_adr),
      .bus_write(request & valid & wb_we),
      .bus_write_data(wb_dat_w),
      .bus_read(request & valid & ~wb_we),
      .bus_read_data(wb_dat_r),
{stream_connections}
{watched_connections}
  );
endmodule

`default_nettype wire
"""


def wishbone_wrapper(ports: FabricPorts) -> str:
    """Verilog of the module ``{name}_wishbone``."""
    return TEXT.format(
        name=ports.name,
        high=ports.address_bits - 1,
        within=ports.within("wb_adr"),
        stream_ports=stream.PORTS,
        stream_instance=stream.INSTANCE.format(name=ports.name),
        stream_connections=stream.CONNECTIONS,
        watched_ports=ports.watched_ports,
        watched_connections=ports.watched_connections,
    )
