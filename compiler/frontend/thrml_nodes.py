"""Which THRML nodes p-bits can stand for: spins, stored as one bool, and categories, as one unsigned integer."""

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
            f"{name} nodes are categorical ({dtype}) and cannot be spins; put them among a factor's categorical nodes, "
            "or use SpinNode."
        )
    if np.issubdtype(dtype, np.floating) or np.issubdtype(dtype, np.complexfloating):
        raise CompileError(f"{name} nodes are continuous ({dtype}), and a p-bit holds one bit; use SpinNode.")
    raise CompileError(f"{name} nodes hold {dtype} of shape {shape}, and a p-bit holds one bit; use SpinNode.")


def check_category(node_type: type, struct: Any) -> None:
    """Refuse a node type whose THRML state is not a single unsigned integer, by name.

    Raises:
        CompileError: naming the node type and what to use instead.
    """
    name = node_type.__name__
    dtype, shape = getattr(struct, "dtype", None), getattr(struct, "shape", None)
    if dtype is not None and np.issubdtype(dtype, np.unsignedinteger) and shape == ():
        return
    check_spin(node_type, struct)
    raise CompileError(f"{name} nodes are spins and cannot be categorical; put them among a factor's spin nodes.")


def is_categorical(node_type: type) -> bool:
    """Whether a node type descends from THRML's CategoricalNode."""
    return any(kind.__name__ == "CategoricalNode" for kind in node_type.__mro__)
