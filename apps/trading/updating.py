"""Bringing a model up to date: its filter goes on over newer days, and after so many of them it is fitted again."""

from dataclasses import dataclass, replace

import numpy as np

from thermofab.apps.trading.encoding import WEEK
from thermofab.apps.trading.fitted import State
from thermofab.apps.trading.prices import Prices
from thermofab.apps.trading.series import SeriesModel
from thermofab.hw.spec import SpecError


@dataclass(frozen=True, eq=False)
class Update:
    """A model as of the last day of some prices.

    Attributes:
        model: it.
        newer: days after the last one that the model given was learnt from.
        refitted: whether it was fitted again, to all days since the first one it was learnt from.
    """

    model: SeriesModel
    newer: int
    refitted: bool


def up_to_date(model: SeriesModel, prices: Prices, refit: int | None = None) -> Update:
    """The model as of the last day of ``prices``.

    Args:
        model: learnt from an earlier part of the same series.
        prices: the series, newer days included.
        refit: fit again, the search beginning at the model's parameters, if there are so many newer days or more;
            ``None``: never, its filter goes on.

    Raises:
        SpecError: prices of something else, prices in which the model's last day is not found, or ``refit`` below 1.
    """
    if refit is not None and (isinstance(refit, bool) or int(refit) != refit or refit < 1):
        raise SpecError(f"refit is a number of newer days from 1 on, got {refit!r}.")
    fitted, source = model.learnt, model.learnt.source
    if not source.last:
        raise SpecError("this model was learnt from returns without days; fit it from prices to bring it up to date.")
    if source.symbol and source.symbol != prices.symbol:
        raise SpecError(f"the model was learnt from {source.symbol}, and the prices are those of {prices.symbol}.")
    days = prices.dates.astype("datetime64[D]").astype(str).tolist()
    if source.as_of not in days:
        raise SpecError(
            f"the model was learnt up to {source.as_of}, which is not among the days of {prices.symbol} given, "
            f"{days[0]} to {days[-1]}; give prices that begin no later."
        )
    learnt_to = days.index(source.last) if source.last in days else days.index(source.as_of)
    newer = len(days) - 1 - learnt_to
    if refit is not None and newer >= refit:
        first = days.index(source.first) if source.first in days else 0
        since = replace(prices, dates=prices.dates[first:], closes=prices.closes[first:])
        return Update(model.of(fitted).fit(since, start=fitted), newer, True)
    returns = prices.returns[days.index(source.as_of) :]
    variances = replace(fitted.volatility, start=float(fitted.last.variance[0])).variances(returns)
    residuals = (returns - fitted.volatility.mean) / np.sqrt(variances[:-1])
    week = np.concatenate([fitted.last.week[0], residuals])[-WEEK:]
    state = State(variances[-1:], week[None])
    seen = replace(source, seen=days[-1] if len(returns) else source.seen)
    return Update(model.of(replace(fitted, last=state, source=seen)), newer, False)
