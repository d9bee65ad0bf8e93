"""Applications and the command line: one folder or file an application."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.apps, not as apps")
