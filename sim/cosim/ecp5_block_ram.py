"""A behavioural model of the ECP5's block RAM, DP16KD, of which Yosys' library has the outline only.

It has what Yosys' mapping uses: both ports at 1, 2, 4, 9 or 18 bits, or 36 bits written through port A and read
through port B; the three write modes; synchronous reset of the outputs; initial contents; either clock edge. The
output registers, chip selects and asynchronous reset that the silicon has besides are refused or left out.

The memory is 2,048 bytes of nine bits. A port of 4, 2 or 1 bits sees eight of the nine. Widths of 18 and 36 take byte
enables on their lowest address lines.
"""

_PORTS = "\n".join(
    f"""\
  input {", ".join(f"DI{p}{k}" for k in range(18))},
  input {", ".join(f"AD{p}{k}" for k in range(14))},
  input CE{p}, OCE{p}, CLK{p}, WE{p}, RST{p}, CS{p}2, CS{p}1, CS{p}0,
  output {", ".join(f"DO{p}{k}" for k in range(18))}{"," if p == "A" else ""}"""
    for p in "AB"
)
_CONTENTS = "\n".join(f"  parameter INITVAL_{k:02X} = 320'h0;" for k in range(64))


def _bits(name: str, port: str, count: int) -> str:
    return ", ".join(f"{name}{port}{k}" for k in reversed(range(count)))


def _port(p: str) -> str:
    data = "{18'h0, " + _bits("DI", p, 18) + "}"
    if p == "A":
        data = "{" + _bits("DI", "B", 18) + ", " + _bits("DI", "A", 18) + "}"
    return f"""
  wire clock_{p} = CLK{p}MUX == "INV" ? ~CLK{p} : CLK{p};
  wire clear_{p} = RESETMODE == "ASYNC" && RST{p};
  wire [13:0] address_{p} = {{{_bits("AD", p, 14)}}};
  wire [35:0] data_{p} = {data};
  reg [35:0] out_{p} = 0;
  always @(posedge clock_{p} or posedge clear_{p}) begin
    if (clear_{p}) out_{p} <= 0;
    else begin
      if (CE{p} && WE{p} && !RST{p}) begin
        if (WRITEMODE_{p} == "READBEFOREWRITE") out_{p} <= read(DATA_WIDTH_{p}, address_{p});
        write(DATA_WIDTH_{p}, address_{p}, data_{p});
        if (WRITEMODE_{p} == "WRITETHROUGH") out_{p} <= read(DATA_WIDTH_{p}, address_{p});
      end else if (CE{p}) out_{p} <= read(DATA_WIDTH_{p}, address_{p});
      if (RST{p}) out_{p} <= 0;
    end
  end"""


MODEL = f"""\
module DP16KD(
{_PORTS}
);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG";
  parameter REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000";
  parameter CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL";
  parameter WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA";
  parameter CLKBMUX = "CLKB";
  parameter GSR = "AUTO";
{_CONTENTS}
  localparam [64*320-1:0] CONTENTS = {{{", ".join(f"INITVAL_{k:02X}" for k in reversed(range(64)))}}};

  reg [8:0] memory [0:2047];
  integer k;
  initial begin
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CSDECODE_A != "0b000" || CSDECODE_B != "0b000") begin
      $display("ERROR: this model of DP16KD has no output registers and no chip selects");
      $finish;
    end
    for (k = 0; k < 2048; k = k + 1) memory[k] = CONTENTS[(k / 2) * 20 + (k % 2) * 9 +: 9];
  end

  function [35:0] read(input integer width, input [13:0] address);
    case (width)
      36: read = {{memory[{{address[13:5], 2'd3}}], memory[{{address[13:5], 2'd2}}],
                  memory[{{address[13:5], 2'd1}}], memory[{{address[13:5], 2'd0}}]}};
      18: read = {{18'h0, memory[{{address[13:4], 1'b1}}], memory[{{address[13:4], 1'b0}}]}};
      9: read = {{27'h0, memory[address[13:3]]}};
      4: read = (memory[address[13:3]] >> (4 * address[2])) & 15;
      2: read = (memory[address[13:3]] >> (2 * address[2:1])) & 3;
      default: read = (memory[address[13:3]] >> address[2:0]) & 1;
    endcase
  endfunction

  task write(input integer width, input [13:0] address, input [35:0] data);
    case (width)
      36: begin
        if (address[0]) memory[{{address[13:5], 2'd0}}] = data[8:0];
        if (address[1]) memory[{{address[13:5], 2'd1}}] = data[17:9];
        if (address[2]) memory[{{address[13:5], 2'd2}}] = data[26:18];
        if (address[3]) memory[{{address[13:5], 2'd3}}] = data[35:27];
      end
      18: begin
        if (address[0]) memory[{{address[13:4], 1'b0}}] = data[8:0];
        if (address[1]) memory[{{address[13:4], 1'b1}}] = data[17:9];
      end
      9: memory[address[13:3]] = data[8:0];
      4: memory[address[13:3]][4 * address[2] +: 4] = data[3:0];
      2: memory[address[13:3]][2 * address[2:1] +: 2] = data[1:0];
      default: memory[address[13:3]][address[2:0]] = data[0];
    endcase
  endtask
{_port("A")}
{_port("B")}

  assign {{{_bits("DO", "A", 18)}}} = DATA_WIDTH_B == 36 ? out_B[17:0] : out_A[17:0];
  assign {{{_bits("DO", "B", 18)}}} = DATA_WIDTH_B == 36 ? out_B[35:18] : out_B[17:0];
endmodule
"""
