"""The dense fabric: one pipelined datapath, rows of weights in block RAM, any graph."""
