"""Amaranth descriptions: one folder per architecture, what they share, the serial link, and Verilog emission."""
