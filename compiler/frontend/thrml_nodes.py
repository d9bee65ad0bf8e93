"""Which THRML nodes a p-bit can stand for: spins, stored as one bool."""

from typing import Any

import numpy as np

from thermofab.hw.spec.errors import CompileError


def check_spin(node_type: type, struct: Any) -> None:
    """Refuse a node type whose THRML state is not a single bool, by name.

    ``struct`` is the node type's entry in THRML's ``node_shape_dtypes``, a pytree of ``jax.ShapeDtypeStruct``.

    Raises:
        CompileError: naming the node type and what to use instead.
    """
    name = node_type.__name__
    dtype, shape = getattr(struct, "dtype", None), getattr(struct, "shape", None)
    if dtype is None:
        raise CompileError(f"{name} nodes hold a tree of arrays, and a p-bit holds one bit; use SpinNode.")
    if dtype == np.bool_ and shape == ():
        return
    if np.issubdtype(dtype, np.integer):
        raise CompileError(
            f"{name} nodes are categorical ({dtype}), which this compiler does not lower; "
            "encode them in SpinNodes, for example in binary."
        )
    if np.issubdtype(dtype, np.floating) or np.issubdtype(dtype, np.complexfloating):
        raise CompileError(f"{name} nodes are continuous ({dtype}), and a p-bit holds one bit; use SpinNode.")
    raise CompileError(f"{name} nodes hold {dtype} of shape {shape}, and a p-bit holds one bit; use SpinNode.")


def is_categorical(node_type: type) -> bool:
    """Whether a node type descends from THRML's CategoricalNode."""
    return any(kind.__name__ == "CategoricalNode" for kind in node_type.__mro__)
