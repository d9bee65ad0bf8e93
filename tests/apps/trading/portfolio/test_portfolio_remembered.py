"""Fits are made once for the same days, and anew for others."""

import numpy as np
import pytest

from thermofab.apps.trading.portfolio.remembered import remembered


def test_the_same_days_are_fitted_once():
    made = []

    @remembered
    def total(values: np.ndarray, power: int = 1) -> float:
        """Sums."""
        made.append(values.shape)
        return float((values**power).sum())

    days = np.arange(6.0).reshape(3, 2)
    assert total(days) == total(days.copy()) == 15 and made == [(3, 2)]
    assert total(days.T) == 15 and total(days, 2) == total(days, power=2) == 55
    days[0, 0] = 1  # an array that was changed is another
    assert total(days) == 16
    assert total.__doc__ == "Sums."


def test_errors_are_raised_again():
    @remembered
    def refuses(values: np.ndarray) -> float:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            refuses(np.zeros(3))
