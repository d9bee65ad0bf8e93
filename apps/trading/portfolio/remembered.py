"""Fits that several models of one evaluation share are made once: the last few are remembered by their days."""

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")

_LAST = 2  # fits that are kept


def remembered(fit: Callable[Concatenate[np.ndarray, P], T]) -> Callable[Concatenate[np.ndarray, P], T]:
    """``fit`` of an array and arguments that can be hashed, which has no effects and whose result nobody changes."""

    @lru_cache(_LAST)
    def of(content: bytes, shape: tuple[int, ...], *args: P.args, **kwargs: P.kwargs) -> T:
        return fit(np.frombuffer(content).reshape(shape), *args, **kwargs)

    def wrapped(values: np.ndarray, *args: P.args, **kwargs: P.kwargs) -> T:
        values = np.ascontiguousarray(values, dtype=np.float64)
        return of(values.tobytes(), values.shape, *args, **kwargs)

    update_wrapper(wrapped, fit)
    return wrapped
