"""For values that may be ``None`` by their type, and must not be where a test looks at them."""

from typing import TypeVar

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """``value``, which is there."""
    assert value is not None
    return value
