"""From a probabilistic graphical model to a fabric image that samples the same law."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.compiler, not as compiler")
