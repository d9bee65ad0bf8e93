"""Known structures: what other weights must have in common with those a program was compiled with."""

import numpy as np

from thermofab.hw.spec.errors import CompileError


def check_spins(n: int, known: int) -> None:
    """Refuses weights for ``n`` variables where the structure has ``known``.

    Raises:
        CompileError: the numbers differ.
    """
    if n != known:
        raise CompileError(
            f"the new weights belong to a program of {n} spins, the compiled one has {known}; compile the new one for "
            "itself."
        )


def check_wires(places: np.ndarray, edges: np.ndarray) -> None:
    """Refuses ``edges`` int ``[m, 2]`` whose place int ``[m]`` among the known ones is -1.

    Raises:
        CompileError: naming the first.
    """
    if np.any(places < 0):
        i, j = edges[np.argmax(places < 0)].tolist()
        raise CompileError(
            f"spins {i} and {j} are coupled by the new weights but were not by those the program was compiled with, so "
            "no wire joins them; compile with keep_zero=True to place edges of weight 0 too, or compile the new "
            "program for itself."
        )
