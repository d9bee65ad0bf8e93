"""The days of a folder of CSV files, for the programs beside this one."""

import tempfile
from pathlib import Path

from thermofab.apps.market.store import HistoricalDataManager
from thermofab.apps.strategy.labeler import StrategyLabeler


def labeler_of(prices: Path) -> StrategyLabeler:
    """A labeller whose days have been read; the store is gone."""
    with tempfile.TemporaryDirectory() as folder:
        store = HistoricalDataManager(Path(folder) / "prices.db")
        store.ingest_csv(prices)
        labeler = StrategyLabeler(store)
        _ = labeler.labelled
    return labeler
