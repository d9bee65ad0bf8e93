"""``thermofab rtl --example``: a fabric's Verilog with all that another project needs to use it."""
