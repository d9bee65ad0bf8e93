"""Models of files brought up to date: the filter goes on, or they are fitted again."""

from dataclasses import replace

import numpy as np
import pytest

from thermofab.apps.trading.prices import Prices, load_prices
from thermofab.apps.trading.series import SeriesModel
from thermofab.apps.trading.storage import load_model, save_model
from thermofab.apps.trading.updating import up_to_date
from thermofab.apps.trading.volatility import fit_volatility
from thermofab.hw.spec import SpecError

pytestmark = pytest.mark.filterwarnings("ignore::thermofab.apps.trading.persistence.PersistenceWarning")


def part(prices: Prices, first: int, last: int) -> Prices:
    return replace(prices, dates=prices.dates[first:last], closes=prices.closes[first:last])


@pytest.fixture(scope="module")
def prices() -> Prices:
    return part(load_prices(), 2000, 3300)


@pytest.fixture(scope="module")
def earlier(prices) -> SeriesModel:
    return SeriesModel(device="native").fit(part(prices, 0, 1100))


def test_the_filter_goes_on_as_it_would_have_over_all_days(prices, earlier):
    update = up_to_date(earlier, prices)
    learnt, source = update.model.learnt, update.model.learnt.source
    assert (update.newer, update.refitted) == (200, False)
    assert (source.last, source.as_of) == (str(prices.dates[1099]), str(prices.dates[-1]))
    variances = learnt.volatility.variances(prices.returns)
    assert learnt.last.variance[0] == pytest.approx(variances[-1], rel=1e-12)
    residuals = (prices.returns - learnt.volatility.mean) / np.sqrt(variances[:-1])
    assert learnt.last.week[0] == pytest.approx(residuals[-5:], rel=1e-12)
    assert learnt.conditional is earlier.learnt.conditional
    # Day by day it comes to the same.
    halfway = up_to_date(earlier, part(prices, 0, 1150)).model
    step = up_to_date(halfway, part(prices, 0, 1155))  # few days: after many, where the filter began is forgotten
    assert step.newer == 55 and step.model.learnt.last.variance[0] == pytest.approx(variances[1154], rel=1e-12)


def test_a_refit_from_the_old_parameters_is_the_fit_from_scratch(prices, earlier, tmp_path):
    save_model(tmp_path / "model.json", earlier)
    loaded = load_model(tmp_path / "model.json", device="native")
    assert loaded.learnt.source == earlier.learnt.source and len(loaded.learnt.source.digest) == 16
    assert not up_to_date(loaded, prices, refit=201).refitted
    update = up_to_date(loaded, prices, refit=200)
    assert update.refitted and update.model.learnt.source.last == str(prices.dates[-1])
    fresh = SeriesModel().fit(prices).learnt
    assert update.model.learnt.source == fresh.source
    assert update.model.learnt.volatility.starting_values() == pytest.approx(
        fresh.volatility.starting_values(), rel=0.02, abs=1e-3
    )
    assert update.model.learnt.conditional.phi == pytest.approx(fresh.conditional.phi, abs=0.02)


def test_a_search_that_begins_at_many_degrees_of_freedom_finds_few():
    """At 250 degrees the likelihood is flat: a search that begins there stays there."""
    returns = load_prices().returns[1100:2100]
    fresh = fit_volatility(returns)
    again = fit_volatility(returns, start=replace(fresh, degrees=250.0))
    assert fresh.degrees < 15 and again.degrees == pytest.approx(fresh.degrees, rel=0.02)


def test_what_cannot_be_brought_up_to_date(prices, earlier):
    for other, options, sentence in (
        (replace(prices, symbol="TLT"), {}, r"^the model was learnt from \^GSPC, and the prices are those of TLT"),
        (part(prices, 1200, 1300), {}, r"^the model was learnt up to .*, which is not among the days of \^GSPC given"),
        (prices, {"refit": 0}, r"^refit is a number of newer days from 1 on, got 0"),
    ):
        with pytest.raises(SpecError, match=sentence):
            up_to_date(earlier, other, **options)
    with pytest.raises(SpecError, match=r"^this model was learnt from returns without days"):
        up_to_date(SeriesModel().fit(prices.returns), prices)
