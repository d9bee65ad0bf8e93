"""Everything that runs a program image without a board."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.sim, not as sim")
