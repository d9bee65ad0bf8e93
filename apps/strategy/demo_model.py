"""The demonstration model: trained in a minute, once, on index levels that ship with the ``arch`` package.

Days of 1999 to 2010 are trained on; later ones have never been seen. The S&P 500 stands in the place of SPY and the
Nasdaq Composite in that of QQQ. ``arch`` has no bonds, so a strategy's bond share is cash: its strategies are mixes of
one index and cash, and its labels are the best of those. VIX (2014 on) and put/call ratios are absent. With 64 units
per layer it is smaller than the model of the documents; depth is the same.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from thermofab.apps.market.prices import Bars, bars_of, load_bars
from thermofab.apps.strategy.checkpoint import StrategyModel, load_strategy_model, save_strategy_model
from thermofab.apps.strategy.config import (
    ALLOCATIONS,
    MarketFeatureConfig,
    StrategyConfig,
    TRMConfig,
    TRMModelConfig,
    TRMTrainingConfig,
)
from thermofab.hw.cache import build_key, made_once

NAME = "demonstration: hidden 64, S&P 500 and cash, trained on 1999 to 2010"
LAST_TRAINED = np.datetime64("2010-12-31")
_RECIPE = "1"  # of what a kept model was made by; another one makes it anew


def demo_bars() -> dict[str, Bars]:
    """Indices by the symbol that they stand in for, 1999 to 2018."""
    import arch.data.nasdaq

    return {
        "SPY": load_bars("^GSPC", traded=False),
        "QQQ": bars_of(arch.data.nasdaq.load(), "^IXIC", traded=False),
    }


def demo_config() -> TRMConfig:
    """A small net of the documents' depth; bond shares are cash.

    At a risk aversion of 10 the two commonest classes are about as frequent, so that the page has a change to show.
    """
    return TRMConfig(
        model=TRMModelConfig(hidden_dim=64, mask_inputs=True),
        training=TRMTrainingConfig(
            batch_size=256, max_batches=200, check_every=20, use_grokfast=False, use_ema=False, soft_labels=False
        ),
        features=MarketFeatureConfig(symbols=("SPY", "QQQ")),
        strategies=StrategyConfig(allocations=tuple((spy, 0.0) for spy, _ in ALLOCATIONS), risk_aversion=10.0),
    )


def demo_batches() -> int:
    """Batches that making it takes at most: the length of a progress bar."""
    return demo_config().training.max_batches


def train_demo_model(progress: Callable[[], None] | None = None) -> StrategyModel:
    """Train it now; the same bits every time with the same packages.

    Args:
        progress: called after every batch.
    """
    from thermofab.apps.market.store import HistoricalDataManager
    from thermofab.apps.strategy.dataset import dataset_of, gap, last_fold
    from thermofab.apps.strategy.labeler import StrategyLabeler
    from thermofab.apps.strategy.threads import one_thread
    from thermofab.apps.strategy.training import train

    config = demo_config()
    with TemporaryDirectory() as folder:
        store = HistoricalDataManager(Path(folder) / "prices.db")
        for symbol, bars in demo_bars().items():
            prices = bars.prices
            end = int(np.searchsorted(prices.dates, LAST_TRAINED, side="right"))
            cut = replace(prices.between(0, end), symbol=symbol)
            columns = {name: getattr(bars, name)[:end] for name in ("opens", "highs", "lows", "volumes")}
            store.ingest(Bars(cut, **columns))
        data = dataset_of(StrategyLabeler(store, config.strategies, config.features, config.training.labels))
    fold = last_fold(data, between=gap(config.strategies, config.strategies.horizon_days))
    about = {"name": NAME, "data": "arch: S&P 500, Nasdaq Composite"}
    with one_thread():
        return train(data, fold, config, progress=progress, about=about).model


def demo_model(progress: Callable[[], None] | None = None) -> StrategyModel:
    """The model, from the cache (``$THERMOFAB_CACHE``, by default ``~/.cache/thermofab``) or trained now."""

    def make(folder: Path) -> None:
        save_strategy_model(folder / "model", train_demo_model(progress))

    return load_strategy_model(made_once(_kept_as(), make, "models") / "model")


def demo_model_is_kept() -> bool:
    """Whether :func:`demo_model` has only to read it."""
    from thermofab.hw.cache import cache_folder

    return (cache_folder("models") / _kept_as()).is_dir()


def _kept_as() -> str:
    made_by = [_RECIPE, json.dumps(demo_config().to_json(), sort_keys=True), version("arch"), version("torch")]
    return "strategy-" + build_key(made_by)
