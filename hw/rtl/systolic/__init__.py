"""The systolic fabric: a processing element per column group, coefficients and generators in block RAM."""
