"""The host's side of dense fabrics: registers, and what is loaded where."""
