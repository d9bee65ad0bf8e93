"""From Amaranth's RTLIL to Verilog that a person reads: names, folded expressions, one block per register, comments."""
