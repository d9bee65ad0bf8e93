"""The samples as an AXI4-Stream: what was offered stays offered, and every packet ends, aborts notwithstanding."""

TEXT = """\
// {name}_stream: samples of the fabric {name} as packets of an AXI4-Stream, a packet a sample.
//
// An abort takes back what a fabric has on offer, which an AXI4-Stream must not: a word is kept here until it is taken.
// A packet that an abort has cut short ends, when the fabric is idle, in one more word: zero, with tlast and tuser.
`default_nettype none

module {name}_stream (
    input  wire        clk,
    input  wire        rst,
    input  wire        busy,

    input  wire        sample_valid,
    output wire        sample_ready,
    input  wire [31:0] sample_payload,
    input  wire        sample_last,

    output reg         tvalid,
    input  wire        tready,
    output reg  [31:0] tdata,
    output reg         tlast,
    output reg         tuser
);
  reg  begun;  // a packet has begun and not ended
  reg  cut;     // its end is owed
  wire free = ~tvalid | tready;
  assign sample_ready = free & ~cut;

  always @(posedge clk) begin
    if (free) begin
      tvalid <= cut | sample_valid;
      tdata  <= cut ? 32'h0 : sample_payload;
      tlast  <= cut | sample_last;
      tuser  <= cut;
      cut    <= 1'b0;
    end
    if (sample_valid & sample_ready) begun <= ~sample_last;
    if (begun & ~busy & ~sample_valid) begin
      begun <= 1'b0;
      cut    <= 1'b1;
    end
    if (rst) begin
      tvalid <= 1'b0;
      begun <= 1'b0;
      cut    <= 1'b0;
    end
  end
endmodule

`default_nettype wire
"""

# Of a wrapper's port list, and the instance in it.
PORTS = """\
    output wire                    samples_tvalid,
    input  wire                    samples_tready,
    output wire [31:0]             samples_tdata,
    output wire                    samples_tlast,
    output wire                    samples_tuser,"""
INSTANCE = """\
  wire        sample_valid, sample_ready, sample_last;
  wire [31:0] sample_payload;
  {name}_stream samples (
      .clk(clk),
      .rst(rst),
      .busy(busy),
      .sample_valid(sample_valid),
      .sample_ready(sample_ready),
      .sample_payload(sample_payload),
      .sample_last(sample_last),
      .tvalid(samples_tvalid),
      .tready(samples_tready),
      .tdata(samples_tdata),
      .tlast(samples_tlast),
      .tuser(samples_tuser)
  );"""
CONNECTIONS = """\
      .sample_valid(sample_valid),
      .sample_ready(sample_ready),
      .sample_payload(sample_payload),
      .sample_last(sample_last),"""


def stream_module(name: str) -> str:
    """Verilog of the module ``{name}_stream``."""
    return TEXT.format(name=name)
