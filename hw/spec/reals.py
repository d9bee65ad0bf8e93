"""Real numbers out of what a user gives for biases and weights."""

from typing import Any

import numpy as np

from thermofab.hw.spec.errors import SpecError


def real_array(name: str, values: Any) -> np.ndarray:
    """``values`` as float64 of their own shape: real numbers of any type, arrays of numpy or JAX, nested lists.

    NaN and infinities pass. Nothing is read from strings, and no imaginary part is dropped.

    Raises:
        SpecError: naming the first entry that is no real number.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # rows of different lengths, scalars without a common type
        array = np.asarray(None)
    # Arrays of JAX's short floats are of kind V.
    if array.dtype.kind in "fiubV" and array.dtype.names is None:
        return array.astype(np.float64)
    entries = _entries(values)
    found = np.zeros(entries.shape)
    for place, value in np.ndenumerate(entries):
        found[place] = _real(f"{name}[{', '.join(map(str, place))}]" if place else name, value)
    return found


def real_number(name: str, value: Any) -> float:
    """One real number as a float; NaN and infinities pass.

    Raises:
        SpecError: it is no real number.
    """
    array = real_array(name, value)
    if array.shape != ():
        raise SpecError(f"{name} must be one number, got an array of shape {array.shape}.")
    return float(array)


def _entries(values: Any) -> np.ndarray:
    """``values`` as an array of objects, whatever they are; lists of different lengths are entries themselves."""
    try:
        return np.asarray(values, dtype=object)
    except ValueError:
        rows = list(values)
        entries = np.empty(len(rows), dtype=object)
        entries[:] = rows
        return entries


def _real(name: str, value: Any) -> float:
    what, remedy = f"of type {type(value).__name__}", "Give one number."
    if isinstance(value, (complex, np.complexfloating)):
        what, remedy = "a complex number", "Take its .real, if the imaginary part is nothing but rounding."
    elif isinstance(value, (str, bytes)):
        what, remedy = "a string", "Convert it with float()."
    elif value is None:
        what, remedy = "no number", "Give a number, 0 for no effect."
    else:
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise SpecError(f"{name} is {value!r}, {what}; it must be a real number. {remedy}")
