"""Names of a package that load when first used, so that the command line needs no application's libraries to start."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exports(package: str, home: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's ``__getattr__``.

    Args:
        package: its full name.
        home: the module of every public name, ``.name`` for one of the package's own.
    """

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(sorted(home))}.")
        value = getattr(import_module(home[name], package), name)
        # Kept: importing a submodule of the same name has made that the package's attribute.
        setattr(sys.modules[package], name, value)
        return value

    return get
