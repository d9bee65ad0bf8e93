"""Models that train and run on a fabric: maths only, the device is an argument."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.models, not as models")
