"""The arrays of a relay fabric that its host writes, and memories of the fabric hold."""

from amaranth.lib.wiring import Out, Signature

LOADED = ("HEIGHTS", "EVENTS", "BIASES", "SEED", "MASK_WORD", "MASKS", "TABLES")

# From the host: strobes of accepted writes, and the data of a write.
WRITES = Signature({**{f"{name.lower()}_write": Out(1) for name in LOADED}, "write_data": Out(32)})
