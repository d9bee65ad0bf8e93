"""Tiles in gateware: a fabric with an endpoint for each neighbouring tile, joined by narrow lines."""
