"""Amaranth descriptions of the p-bit datapath, the fabrics, the sequencer and the register bus."""
