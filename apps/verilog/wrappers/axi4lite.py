"""A fabric as an AXI4-Lite subordinate."""

from thermofab.apps.verilog.wrappers import stream
from thermofab.apps.verilog.wrappers.ports import FabricPorts

TEXT = """\
// {name}_axi4lite: the fabric {name} as an AXI4-Lite subordinate, its samples on an AXI4-Stream.
//
// 32 bits of data, addresses count bytes. The five channels are independent: address and data of a write come in any
// order, and a read may be under way with a write. One write and one read are kept at a time; each takes effect when
// the response before it was taken. Registers are written whole: a write without all of its strobes, an address that
// is no multiple of four, and one beyond the last register end in SLVERR and have no effect; so do such reads, which
// give zero. One clock; the reset is synchronous and active high: connect ~aresetn.
// The states have no reset: load them, and the generators, before the first run.
`default_nettype none

module {name}_axi4lite (
    input  wire                    clk,
    input  wire                    rst,

    input  wire                    s_axil_awvalid,
    output wire                    s_axil_awready,
    input  wire [{high}:0]             s_axil_awaddr,
    input  wire [2:0]              s_axil_awprot,
    input  wire                    s_axil_wvalid,
    output wire                    s_axil_wready,
    input  wire [31:0]             s_axil_wdata,
    input  wire [3:0]              s_axil_wstrb,
    output reg                     s_axil_bvalid,
    input  wire                    s_axil_bready,
    output reg  [1:0]              s_axil_bresp,
    input  wire                    s_axil_arvalid,
    output wire                    s_axil_arready,
    input  wire [{high}:0]             s_axil_araddr,
    input  wire [2:0]              s_axil_arprot,
    output reg                     s_axil_rvalid,
    input  wire                    s_axil_rready,
    output wire [31:0]             s_axil_rdata,
    output reg  [1:0]              s_axil_rresp,

{stream_ports}
{watched_ports}
);
  localparam [1:0] OKAY = 2'b00, SLVERR = 2'b10;

  // What each channel has brought.
  reg         aw_kept, w_kept, ar_kept;
  reg  [{high}:0] aw_address, ar_address;
  reg  [31:0] w_data;
  reg  [3:0]  w_strobe;
  reg         reading;  // a read is under way in the fabric
  assign s_axil_awready = ~aw_kept;
  assign s_axil_wready  = ~w_kept;
  assign s_axil_arready = ~ar_kept;

  // What goes to the fabric in this clock: a write, else a read.
  wire write       = aw_kept & w_kept & ~s_axil_bvalid;
  wire read        = ar_kept & ~reading & ~s_axil_rvalid & ~write;
  wire write_valid = aw_address[1:0] == 2'b00 & {write_within} & (&w_strobe);
  wire read_valid  = ar_address[1:0] == 2'b00 & {read_within};

  always @(posedge clk) begin
    if (s_axil_awvalid & s_axil_awready) begin
      aw_kept    <= 1'b1;
      aw_address <= s_axil_awaddr;
    end
    if (s_axil_wvalid & s_axil_wready) begin
      w_kept   <= 1'b1;
      w_data   <= s_axil_wdata;
      w_strobe <= s_axil_wstrb;
    end
    if (s_axil_arvalid & s_axil_arready) begin
      ar_kept    <= 1'b1;
      ar_address <= s_axil_araddr;
    end

    if (s_axil_bready) s_axil_bvalid <= 1'b0;
    if (write) begin
      aw_kept       <= 1'b0;
      w_kept        <= 1'b0;
      s_axil_bvalid <= 1'b1;
      s_axil_bresp  <= write_valid ? OKAY : SLVERR;
    end

    if (s_axil_rready) s_axil_rvalid <= 1'b0;
    reading <= read;
    if (read) begin
      ar_kept      <= 1'b0;
      s_axil_rresp <= read_valid ? OKAY : SLVERR;
    end
    if (reading) s_axil_rvalid <= 1'b1;

    if (rst) begin
      aw_kept       <= 1'b0;
      w_kept        <= 1'b0;
      ar_kept       <= 1'b0;
      reading       <= 1'b0;
      s_axil_bvalid <= 1'b0;
      s_axil_rvalid <= 1'b0;
    end
  end

  // The fabric keeps what it has read until the next read, which waits until this one is taken.
  wire [31:0] read_data;
  assign s_axil_rdata = s_axil_rresp == OKAY ? read_data : 32'h0;

{stream_instance}

  {name} fabric (
      .clk(clk),
      .rst(rst),
      .bus_address(write ? aw_address[{high}:2] : ar_address[{high}:2]),
      .bus_write(write & write_valid),
      .bus_write_data(w_data),
      .bus_read(read & read_valid),
      .bus_read_data(read_data),
{stream_connections}
{watched_connections}
  );
endmodule

`default_nettype wire
"""


def axi4lite_wrapper(ports: FabricPorts) -> str:
    """Verilog of the module ``{name}_axi4lite``."""
    return TEXT.format(
        name=ports.name,
        high=ports.address_bits + 1,
        write_within=ports.within(f"aw_address[{ports.address_bits + 1}:2]"),
        read_within=ports.within(f"ar_address[{ports.address_bits + 1}:2]"),
        stream_ports=stream.PORTS,
        stream_instance=stream.INSTANCE.format(name=ports.name),
        stream_connections=stream.CONNECTIONS,
        watched_ports=ports.watched_ports,
        watched_connections=ports.watched_connections,
    )
