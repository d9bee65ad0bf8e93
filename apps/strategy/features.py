"""The ten market features of a day, from prices up to and including that day; what has no source is absent.

Each is a function of a :class:`Panel` that returns float64 ``[T]``, NaN where it cannot be known. Windows are trailing
and count trading days; every one is computed by itself, so that a day's value is the same bits however much of the
past or future is in the panel. C is a close, V a volume, r_t = ln(C_t/C_{t-1}); n is ``config.long_window`` (20).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas
from numpy.lib.stride_tricks import sliding_window_view

from thermofab.apps.market.store import DEFAULT_STORE, HistoricalDataManager
from thermofab.apps.strategy.config import MarketFeatureConfig
from thermofab.apps.strategy.names import FEATURES
from thermofab.apps.strategy.panel import Panel, Store, read_panel
from thermofab.hw.spec import SpecError

Feature = Callable[[Panel, MarketFeatureConfig], np.ndarray]


def vix_level(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """The VIX index at the day's close, in points. Absent without a symbol VIX in the store."""
    return panel.vix.copy()


def spy_returns_5d(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """C_t/C_{t-5} - 1 of SPY, adjusted closes."""
    return _return(panel.close("SPY"), config.short_window)


def spy_returns_20d(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """C_t/C_{t-20} - 1 of SPY."""
    return _return(panel.close("SPY"), config.long_window)


def volume_ratio(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """V_t of SPY over the mean of the n days before it."""
    volume = panel.volume("SPY")
    made = np.full(len(panel), np.nan)
    if len(panel) > config.long_window:
        before = sliding_window_view(volume, config.long_window)[:-1].mean(axis=1)
        made[config.long_window :] = volume[config.long_window :] / np.where(before > 0, before, np.nan)
    return made


def market_breadth(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """Share of the symbols whose close is above its mean over the last 50 days, the day included.

    Symbols with a gap in the window do not count; absent with fewer than ``config.least_symbols`` others.
    """
    made = np.full(len(panel), np.nan)
    if len(panel) < config.breadth_window:
        return made
    closes = _cross_section(panel, config)
    windows = sliding_window_view(closes, config.breadth_window, axis=0)
    known = np.isfinite(windows).all(axis=2)
    above = (windows[:, :, -1] > windows.mean(axis=2)) & known
    count = known.sum(axis=1)
    made[config.breadth_window - 1 :] = np.where(
        count >= config.least_symbols, above.sum(axis=1) / np.maximum(count, 1), np.nan
    )
    return made


def correlation(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """Mean of the pairwise Pearson correlations of r over the last n days, over all pairs of symbols without a gap.

    With z_i the window of symbol i at mean 0 and variance 1, it is (|Σ_i z_i|²/n - m)/(m(m - 1)) for m symbols.
    """
    made = np.full(len(panel), np.nan)
    if len(panel) <= config.long_window:
        return made
    returns = np.diff(np.log(_cross_section(panel, config)), axis=0)
    windows = sliding_window_view(returns, config.long_window, axis=0)  # [T - n, S, n]
    centred = windows - windows.mean(axis=2, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=2))
    known = np.isfinite(scale) & (scale > 0)
    unit = np.where(known[:, :, None], centred / np.where(known, scale, 1)[:, :, None], 0)
    count = known.sum(axis=1)
    total = (unit.sum(axis=1) ** 2).mean(axis=1)
    pairs = np.maximum(count * (count - 1), 1)
    made[config.long_window :] = np.where(count >= config.least_symbols, (total - count) / pairs, np.nan)
    return made


def put_call_ratio(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """Puts traded over calls traded, as the symbol PUTCALL of the store has it; absent without. VIX is no stand-in."""
    return panel.put_call.copy()


def gini_coefficient(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """Gini coefficient of the symbols' absolute returns over the last n days: how much of the move is in few of them.

    With x_1 ≤ … ≤ x_m: G = Σ_i (2i - m - 1) x_i / ((m - 1) Σ_i x_i), from 0 (all move alike) to 1 (one moves). An
    economic Gini coefficient, of incomes or wealth, is another thing and has no source here.
    """
    moves = np.abs(_returns(_cross_section(panel, config), config.long_window))
    known = np.isfinite(moves)
    count = known.sum(axis=1)
    ordered = np.sort(np.where(known, moves, np.inf), axis=1)
    rank = np.arange(1, moves.shape[1] + 1)[None]
    weight = 2 * rank - count[:, None] - 1
    used = np.where(np.isfinite(ordered), ordered, 0)
    total = used.sum(axis=1)
    enough = (count >= config.least_symbols) & (total > 0)
    return np.where(enough, (weight * used).sum(axis=1) / np.where(enough, (count - 1) * total, 1), np.nan)


def sector_dispersion(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """Standard deviation over the symbols of C_t/C_{t-5} - 1. The symbols, which are asset classes, stand for sectors:
    put sector funds into ``config.symbols`` where the store has them."""
    moves = _returns(_cross_section(panel, config), config.short_window)
    known = np.isfinite(moves)
    count = known.sum(axis=1)
    some = np.maximum(count, 1)
    mean = np.where(known, moves, 0).sum(axis=1) / some
    variance = (np.where(known, moves - mean[:, None], 0) ** 2).sum(axis=1) / some
    return np.where(count >= config.least_symbols, np.sqrt(variance), np.nan)


def signal_quality_score(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    """Trend over path of SPY: |Σ r|/Σ|r| over the last n days, from 0 (noise) to 1 (every day the same way)."""
    made = np.full(len(panel), np.nan)
    if len(panel) <= config.long_window:
        return made
    windows = sliding_window_view(np.diff(np.log(panel.close("SPY"))), config.long_window)
    path = np.abs(windows).sum(axis=1)
    made[config.long_window :] = np.abs(windows.sum(axis=1)) / np.where(path > 0, path, np.nan)
    return made


FORMULAS: dict[str, Feature] = {
    "vix_level": vix_level,
    "spy_returns_5d": spy_returns_5d,
    "spy_returns_20d": spy_returns_20d,
    "volume_ratio": volume_ratio,
    "market_breadth": market_breadth,
    "correlation": correlation,
    "put_call_ratio": put_call_ratio,
    "gini_coefficient": gini_coefficient,
    "sector_dispersion": sector_dispersion,
    "signal_quality_score": signal_quality_score,
}


@dataclass(frozen=True)
class Source:
    """Where a feature comes from: symbols of the store, and which of a day's figures."""

    symbols: tuple[str, ...]
    figure: str


def sources(config: MarketFeatureConfig | None = None) -> dict[str, Source]:
    """What every feature is computed from."""
    every = (config or MarketFeatureConfig()).symbols
    made = {name: Source(("SPY",), "close") for name in FEATURES}
    made |= {name: Source(every, "close") for name in ("market_breadth", "correlation")}
    made |= {name: Source(every, "close") for name in ("gini_coefficient", "sector_dispersion")}
    return made | {
        "vix_level": Source(("VIX",), "close"),
        "volume_ratio": Source(("SPY",), "volume"),
        "put_call_ratio": Source(("PUTCALL",), "close"),
    }


def features_of(panel: Panel, config: MarketFeatureConfig | None = None) -> np.ndarray:
    """All ten, float64 ``[T, 10]``, NaN where absent."""
    config = config or MarketFeatureConfig()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([FORMULAS[name](panel, config) for name in FEATURES], axis=1)


class MarketFeatureExtractor:
    """Features of the days of a store.

    Args:
        store: bars by symbol, or the path of a store.
        config: windows and symbols.
    """

    def __init__(self, store: Store | str | Path = DEFAULT_STORE, config: MarketFeatureConfig | None = None):
        self.store: Store = HistoricalDataManager(store) if isinstance(store, str | Path) else store
        self.config = config or MarketFeatureConfig()

    def extract_features(self, start_date: object = None, end_date: object = None) -> pandas.DataFrame:
        """Features of the trading days from ``start_date`` to ``end_date``, both included.

        Returns:
            frame with an index ``date`` and the ten columns, NaN where a feature is absent; without rows where the
            store has no such days. Days before ``start_date`` are read as far as the windows reach.

        Raises:
            SpecError: there is no store, it has no SPY, or a date cannot be read.
        """
        first = None
        if start_date is not None:
            try:
                first = pandas.Timestamp(str(start_date))
            except ValueError as error:
                raise SpecError(f"start_date is a day such as '2008-09-15', got {start_date!r}.") from error
        # Two calendar days a trading day and a fortnight of holidays are more than the windows reach back.
        begin = None if first is None else first - pandas.Timedelta(days=2 * self.config.history + 15)
        panel = read_panel(self.store, self.config, begin, end_date)
        index = pandas.DatetimeIndex(panel.dates.astype("datetime64[ns]"), name="date")
        frame = pandas.DataFrame(features_of(panel, self.config), index=index, columns=list(FEATURES))
        return frame if first is None else frame.loc[first:]


def _cross_section(panel: Panel, config: MarketFeatureConfig) -> np.ndarray:
    return panel.closes[:, [k for k, name in enumerate(panel.symbols) if name in config.symbols]]


def _return(closes: np.ndarray, days: int) -> np.ndarray:
    return _returns(closes[:, None], days)[:, 0]


def _returns(closes: np.ndarray, days: int) -> np.ndarray:
    """C_t/C_{t-days} - 1, float64 ``[T, S]``."""
    made = np.full(closes.shape, np.nan)
    if len(closes) > days:
        made[days:] = closes[days:] / closes[:-days] - 1
    return made
