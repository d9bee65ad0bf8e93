"""Boards: parts and pins as data, board tops, and the road from a fabric to a bitstream."""
