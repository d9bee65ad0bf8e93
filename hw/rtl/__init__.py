"""Amaranth descriptions: a folder an architecture, what they share, the serial link, and Verilog emission."""
