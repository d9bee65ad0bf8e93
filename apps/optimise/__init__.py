"""Optimising: low states of a problem on a fabric of its own, and proven bounds on how much lower any could be."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

if TYPE_CHECKING:
    from thermofab.apps.optimise.bounds import Bound, energy_bound, maxcut_bound
    from thermofab.apps.optimise.budget import Budget
    from thermofab.apps.optimise.minimise import minimise
    from thermofab.apps.optimise.minimum import Minimum, Run

__getattr__ = exports(
    __name__,
    {
        "Bound": ".bounds",
        "Budget": ".budget",
        "Minimum": ".minimum",
        "Run": ".minimum",
        "energy_bound": ".bounds",
        "maxcut_bound": ".bounds",
        "minimise": ".minimise",
    },
)

__all__ = ["Bound", "Budget", "Minimum", "Run", "energy_bound", "maxcut_bound", "minimise"]
