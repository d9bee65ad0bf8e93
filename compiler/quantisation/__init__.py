"""Quantisation: rounding to integers, and what it and the activation table do to the distribution."""
