"""Gateware that architectures share: arithmetic, bus, sequencer, read-out, counters, and how modules are named."""
