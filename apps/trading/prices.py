"""Daily prices, which the applications share: see :mod:`thermofab.apps.market.prices`."""

from thermofab.apps.market.prices import REPAIRS, Prices, load_prices, prices_of

__all__ = ["REPAIRS", "Prices", "load_prices", "prices_of"]
