"""The link's gateware: a serial line in, a fabric's register bus and sample stream out (docs/link.md)."""
