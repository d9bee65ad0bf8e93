"""Walk-forward evaluation: what is learnt from, what is seen, and what is refused."""

import dataclasses

import numpy as np
import pytest

from tests.apps.trading.portfolio.made_panels import made_panel
from thermofab.apps.trading.portfolio.correlation import Dynamic
from thermofab.apps.trading.portfolio.evaluation import Era, Plan, evaluate, usual_weights
from thermofab.apps.trading.portfolio.filters import Filtered
from thermofab.apps.trading.portfolio.joint import JointModel
from thermofab.apps.trading.portfolio.panel import Panel
from thermofab.apps.trading.portfolio.peers import DynamicCopula, EwmaNormal, Historical, Independent, StudentT
from thermofab.hw.spec import SpecError

ERA = Era("2002-09-01", "2003-02-28")
PLAN = Plan(horizons=(1, 5), refits=("2002-12-02",), samples=100, purge=7, volatility="ewma")


class Moving:
    """Correlation that moves by given parameters, so that forecasts depend on the days before them."""

    name = "moving"

    def fit(self, learnt: Filtered) -> JointModel:
        return DynamicCopula(self.name, Dynamic(0.1, 0.85, 6.0, np.corrcoef(learnt.z.T)), learnt.marginals)


class Seen(Independent):
    """Keeps what it was given to learn from."""

    name = "seen"

    def __init__(self) -> None:
        self.learnt: list[Filtered] = []

    def fit(self, learnt: Filtered) -> JointModel:
        self.learnt.append(learnt)
        return super().fit(learnt)


@pytest.fixture(scope="module")
def panel():
    return made_panel(850, 3)


def run(panel: Panel, seen: Seen | None = None):
    return evaluate(panel, ERA, [StudentT(), Moving(), seen or Seen()], [Historical(500), EwmaNormal()], plan=PLAN)


@pytest.fixture(scope="module")
def found(panel):
    return run(panel)


def test_forecasts_are_of_the_eras_days(panel, found):
    inside = (panel.dates >= np.datetime64("2002-09-01")) & (panel.dates <= np.datetime64("2003-02-28"))
    first = int(np.argmax(inside))
    one, five = found.targets[1], found.targets[5]
    assert np.array_equal(one.dates, panel.dates[inside])
    assert np.allclose(one.returns, 100 * panel.returns[inside])
    assert len(five.dates) == inside.sum() // 5
    assert np.allclose(five.returns[3], 100 * panel.returns[first + 15 : first + 20].sum(axis=0))
    equal = np.expm1(panel.returns[inside]).mean(axis=1)
    assert np.allclose(one.portfolios[0], 100 * equal) and list(found.weights)[0] == "equal"
    for h in (1, 5):
        for name, forecasts in found.forecasts[h].items():
            n = len(found.targets[h].dates)
            assert forecasts.tails.shape == (4, 3, 2, n) and len(forecasts.energy) == n
            # Shortfall is beyond the quantile, and quantiles ascend by level.
            assert np.all(forecasts.tails[:, :, 1] <= forecasts.tails[:, :, 0])
            assert np.all(np.diff(forecasts.tails[:, :, 0], axis=1) >= 0), name
    assert np.all(np.isfinite(found.forecasts[1]["moving"].log_scores))
    assert np.all(np.isnan(found.forecasts[5]["moving"].log_scores))
    assert np.all(np.isnan(found.forecasts[1]["historical-500"].log_scores))


def test_the_days_before_a_block_are_purged(panel):
    seen = Seen()
    found = run(panel, seen)
    assert len(found.fits) == 2
    for (first, last), learnt in zip(found.fits, seen.learnt):
        start, end = np.searchsorted(panel.dates, [first, last])
        assert start - end - 1 == 7 and len(learnt) == end + 1
    assert [str(first) for first, _ in found.fits] == ["2002-09-02", "2002-12-02"]
    # What happens in the purged days changes nothing that is learnt.
    start = int(np.searchsorted(panel.dates, found.fits[1][0]))
    other = panel.returns.copy()
    other[start - 7 :] *= 1.5
    again = Seen()
    run(dataclasses.replace(panel, returns=other), again)
    assert np.array_equal(again.learnt[1].z, seen.learnt[1].z)
    assert np.array_equal(again.learnt[1].marginals[0].residuals, seen.learnt[1].marginals[0].residuals)


@pytest.mark.parametrize("cut", [20, 65, 100])
def test_nothing_later_changes_a_forecast(panel, found, cut):
    """Days from ``cut`` of the era on are others: forecasts up to and with its day are the same to the last bit, those
    after it are not."""
    first = int(np.searchsorted(panel.dates, np.datetime64("2002-09-01")))
    other = panel.returns.copy()
    other[first + cut :] = -1.7 * other[first + cut :][::-1]
    changed = run(dataclasses.replace(panel, returns=other))
    assert np.any(changed.targets[1].returns[cut] != found.targets[1].returns[cut])
    for h in (1, 5):
        last = cut if h == 1 else (cut - 1) // h  # the last forecast that begins on the cut day or before
        for name, forecasts in found.forecasts[h].items():
            then = changed.forecasts[h][name]
            assert np.array_equal(then.tails[..., : last + 1], forecasts.tails[..., : last + 1]), name
            ended = cut // h
            for kind in ("log_scores", "energy", "variogram_half", "variogram_one"):
                assert np.array_equal(getattr(then, kind)[:ended], getattr(forecasts, kind)[:ended], equal_nan=True)
        assert np.any(
            changed.forecasts[h]["moving"].tails[..., last + 2 :] != found.forecasts[h]["moving"].tails[..., last + 2 :]
        )
    assert np.array_equal(changed.targets[1].volatile[: cut + 1], found.targets[1].volatile[: cut + 1])


def test_a_window_rolls(panel):
    seen = Seen()
    evaluate(panel, ERA, [seen], plan=dataclasses.replace(PLAN, window=600, horizons=(1,)))
    assert [len(learnt) for learnt in seen.learnt] == [600, 600]


def test_log_scores_need_no_draws(panel, found):
    plan = dataclasses.replace(PLAN, horizons=(1,), samples=0)
    alone = evaluate(panel, ERA, [StudentT(), Moving()], [EwmaNormal()], plan=plan)
    for name in ("t copula", "moving"):
        assert np.array_equal(alone.forecasts[1][name].log_scores, found.forecasts[1][name].log_scores)
        assert np.all(np.isnan(alone.forecasts[1][name].energy)) and np.all(np.isnan(alone.forecasts[1][name].tails))
    with pytest.raises(SpecError, match="without samples there are log-scores alone, of one day"):
        Plan(samples=0)


def test_progress_is_told(panel):
    told = []
    evaluate(panel, ERA, [Independent()], [EwmaNormal()], plan=PLAN, progress=lambda *at: told.append(at))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_bad_plans_are_refused(panel):
    with pytest.raises(SpecError, match="purge must be at least 9, one less than the longest horizon"):
        Plan(horizons=(1, 10), purge=5)
    with pytest.raises(SpecError, match="levels are between 0 and 0.5"):
        Plan(levels=(0.01, 0.6))
    with pytest.raises(SpecError, match="paths must be at least 100, got 50"):
        Plan(paths=50)
    with pytest.raises(SpecError, match="window must be at least 500 days, got 100"):
        Plan(window=100)
    with pytest.raises(SpecError, match="written in years, such as 2016-2018, got '2016'"):
        Era.of("2016")
    with pytest.raises(SpecError, match="begins before it ends"):
        Era.of("2018-2016")
    with pytest.raises(SpecError, match="of 2010-01-01 to 2012-12-31 it has 0 days"):
        evaluate(panel, Era.of("2010-2012"), [Independent()])
    with pytest.raises(SpecError, match="500 at least are learnt from"):
        evaluate(panel, Era.of("2001-2002"), [Independent()])
    with pytest.raises(SpecError, match="'independent' comes twice"):
        evaluate(panel, ERA, [Independent(), Independent()])
    with pytest.raises(SpecError, match="weights of 'all' are 3 finite numbers"):
        evaluate(panel, ERA, [Independent()], weights={"all": np.ones(2)})


def test_usual_weights():
    made = usual_weights(("A", "B", "C", "D"))
    assert {name: w.tolist() for name, w in made.items()} == {
        "equal": [0.25] * 4, "60/40 A/C": [0.6, 0, 0.4, 0], "A": [1, 0, 0, 0], "A less B": [1, -1, 0, 0],
    }  # fmt: skip
    assert list(usual_weights(("A", "B"))) == ["equal", "60/40 A/B", "A", "A less B"]
