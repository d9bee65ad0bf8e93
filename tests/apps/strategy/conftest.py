"""A store of a made-up market. One thread, so that sums do not depend on cores."""

import pandas
import pytest
import torch

from tests.apps.strategy.made_markets import ingest, market
from thermofab.apps.market.store import HistoricalDataManager

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def frames() -> dict[str, pandas.DataFrame]:
    return market()


@pytest.fixture(scope="session")
def store(frames, tmp_path_factory) -> HistoricalDataManager:
    return ingest(HistoricalDataManager(tmp_path_factory.mktemp("store") / "prices.db"), frames)
