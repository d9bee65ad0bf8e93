"""Lowerings of the JAX simulator, and which is fastest where."""

import warnings
from functools import cache

import jax

from thermofab.hw.spec import FabricSpec, ToolMissingError
from thermofab.sim.native.build import GENERATORS
from thermofab.sim.toolchain import find_compiler

LOWERINGS = ("native", "xla")


def fastest_lowering(fabric: FabricSpec) -> str:
    """``"native"`` or ``"xla"``, whichever is fastest on JAX's default platform."""
    if jax.default_backend() != "cpu" or fabric.rng not in GENERATORS or not _has_compiler():
        return "xla"
    return "native"


@cache
def _has_compiler() -> bool:
    """Whether there is a compiler; says once if not."""
    try:
        find_compiler()
    except ToolMissingError as missing:
        warnings.warn(f"device='jax' runs on XLA, several times slower than the native kernel: {missing}", stacklevel=4)
        return False
    return True
