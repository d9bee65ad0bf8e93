"""Distributions: of a program as written, of its wires and trunks, and of an image's integers."""
