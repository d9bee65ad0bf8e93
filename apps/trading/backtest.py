"""Back-test: rolling forecasts of value at risk and expected shortfall, the fabric's beside the usual ones.

Every ``refit`` days all parameters are fitted on the last ``window`` returns; on the days between, filters go on with
what happened. A forecast uses nothing later than the day before it. The fabric's is sampled: ``samples`` draws of the
conditional distribution a day, decoded along the quantiles of the last ``window`` standardised returns.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from thermofab.apps.trading.encoding import PROBABILITIES, WEEK, Encoding
from thermofab.apps.trading.fitted import State
from thermofab.apps.trading.peers import PEERS, WINDOW, Forecast, Past, tail
from thermofab.apps.trading.persistence import PersistenceWarning
from thermofab.apps.trading.prices import Prices
from thermofab.apps.trading.scores import Scores, diebold_mariano, fz0_losses, quantile_losses, scores
from thermofab.apps.trading.series import SeriesModel
from thermofab.apps.trading.volatility import KINDS, Volatility, fit_volatility
from thermofab.hw.spec import SpecError
from thermofab.hw.spec.device import Device

TSU = "TSU"
ENUMERATED = "TSU, enumerated"
BAR = "GARCH-FHS"
_CHAINS = 125  # per condition; the samples of a chain are half its sweeps apart


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts of every method, in per cent.

    Attributes:
        dates: datetime64[D] ``[n]``, the days forecast.
        returns: float64 ``[n]``.
        alphas: the levels.
        horizon: days a forecast is over.
        forecasts: by method, float64 ``[levels, 2, n]``: quantile and shortfall.
    """

    dates: np.ndarray
    returns: np.ndarray
    alphas: tuple[float, ...]
    horizon: int
    forecasts: dict[str, np.ndarray]

    def scores(self, method: str, level: int) -> Scores:
        v, e = self.forecasts[method][level]
        return scores(self.returns, v, e, self.alphas[level])

    def compared(self, method: str, other: str, level: int) -> tuple[float, float]:
        """Diebold-Mariano p of the quantile losses and of the FZ0 losses."""
        (v, e), (w, f), alpha = self.forecasts[method][level], self.forecasts[other][level], self.alphas[level]
        return (
            diebold_mariano(quantile_losses(self.returns, v, alpha), quantile_losses(self.returns, w, alpha)),
            diebold_mariano(fz0_losses(self.returns, v, e, alpha), fz0_losses(self.returns, w, f, alpha)),
        )

    def table(self) -> str:
        """A line a method and level."""
        lines = [
            f"{'method':<17}{'level':>6}{'days':>6}{'breach':>8}{'Kupiec':>8}{'Christ.':>9}{'DQ':>8}{'QS':>9}{'FZ0':>8}"
            f"{'AS-Z2':>7}{'DM QS':>8}{'DM FZ0':>8}"
        ]
        for level, alpha in enumerate(self.alphas):
            for method in self.forecasts:
                s = self.scores(method, level)
                against = self.compared(method, BAR, level) if BAR in self.forecasts and method != BAR else None
                said = "".join(f"{p:>8.3f}" for p in against) if against else f"{'':>16}"
                lines.append(
                    f"{method:<17}{alpha:>6.1%}{s.days:>6}{s.breaches:>8.2%}{s.kupiec:>8.3f}{s.christoffersen:>9.3f}"
                    f"{s.dynamic:>8.3f}{s.quantile:>9.5f}{s.fz0:>8.4f}{s.acerbi:>7.2f}{said}"
                )
        return "\n".join(lines)


def backtest(
    prices: Prices,
    *,
    horizon: int = 1,
    alphas: Sequence[float] = (0.01, 0.025),
    window: int = WINDOW,
    refit: int = 100,
    samples: int = 5000,
    device: Device | str = "jax",
    volatility: str = "gjr",
    seed: int = 0,
    enumerated: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Backtest:
    """Forecasts from day ``window`` on.

    Args:
        prices: the series.
        horizon: 1, or days a forecast is over; then one forecast every so many days, by simulated paths, of the
            historical, filtered and fabric methods.
        alphas: levels, such as 0.01 and 0.025.
        window, refit: days fitted to; days between fits.
        samples: of the fabric a forecast.
        device: of the fabric.
        volatility: the fabric's filter.
        seed: of everything drawn.
        enumerated: one day ahead, also the fabric's distribution without sampling or rounding.
        progress: called as ``progress(done, total)`` after every refit.

    Raises:
        SpecError: too few days, or levels that are not between 0 and ½.
    """
    if horizon < 1 or int(horizon) != horizon:
        raise SpecError(f"horizon must be an integer of at least 1, got {horizon!r}.")
    if not alphas or not all(0 < alpha < 0.5 for alpha in alphas):
        raise SpecError(f"levels are between 0 and 0.5, one at least, got {tuple(alphas)}.")
    returns = prices.returns
    if len(returns) < window + refit or window < 500:
        raise SpecError(
            f"a back-test of window {window} (500 at least), refit {refit}, needs {max(window, 500) + refit} returns, "
            f"got {len(returns)}."
        )
    model = SeriesModel(device=device, volatility=volatility)
    rows: dict[str, list[Forecast]] = {}
    days: list[int] = []
    starts = range(window, len(returns), refit)
    for block, start in enumerate(starts):
        stop = min(start + refit, len(returns))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PersistenceWarning)  # one a refit would drown the table; paths are mended
            model.fit(returns[start - window : start])
        pasts = _pasts(returns, start, stop, window)
        if horizon == 1:
            days += list(range(start, stop))
            for name, peer in PEERS.items():
                rows.setdefault(name, []).extend(peer(past, alphas) for past in pasts)
            own = [past.filters[model.volatility] for past in pasts]
            conditions = model.learnt.encoding.conditions(
                np.array([scale for _, _, scale in own]), np.stack([z[-WEEK:] for _, z, _ in own])
            )
            sampled = _sampled(model, conditions, samples, seed + block)
            rows.setdefault(TSU, []).extend(_decoded(own, sampled, window, alphas))
            if enumerated:
                exact = _exact(model, conditions, samples)
                rows.setdefault(ENUMERATED, []).extend(_decoded(own, exact, window, alphas))
        else:
            for k in range(0, stop - start, horizon):
                if start + k + horizon > len(returns):
                    break
                days.append(start + k)
                for name, made in _many_days(model, pasts[k], horizon, samples, alphas, seed, start + k).items():
                    rows.setdefault(name, []).append(made)
        if progress is not None:
            progress(block + 1, len(starts))
    seen = np.array([returns[day : day + horizon].sum() for day in days])
    forecasts = {name: 100 * np.array(made).transpose(1, 2, 0) for name, made in rows.items()}
    dates = prices.dates[np.array(days) + horizon]
    return Backtest(dates, 100 * seen, tuple(alphas), int(horizon), forecasts)


def _pasts(returns: np.ndarray, start: int, stop: int, window: int) -> list[Past]:
    """What is known before each of the days ``start`` … ``stop`` - 1, filters fitted before the first of them."""
    seen, filters = returns[start - window : stop], {}
    for kind in KINDS:
        model = fit_volatility(seen[:window], kind)
        variances = model.variances(seen)
        filters[kind] = model, variances, (seen - model.mean) / np.sqrt(variances[:-1])
    return [
        Past(
            seen[: window + k],
            {kind: (m, z[: window + k], float(np.sqrt(v[window + k]))) for kind, (m, v, z) in filters.items()},
        )
        for k in range(stop - start)
    ]


def _sampled(model: SeriesModel, conditions: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Draws of days with ``conditions`` bool ``[n, 7]``, as ranks in 0…1 among the days learnt from, ``[n, draws]``.

    Days of equal conditions have the same distribution and share its draws, so that each has as many as all of them
    together: of 5,000 alone, 50 are below the 1% quantile give or take 7.
    """
    distinct, which = np.unique(conditions, axis=0, return_inverse=True)
    each = -(-samples * len(conditions) // (len(distinct) * _CHAINS))
    drawn, _ = model.draw(np.repeat(distinct, _CHAINS, axis=0), seed, each)
    drawn = drawn.reshape(len(distinct), -1)
    low = np.concatenate([[0.0], PROBABILITIES])[drawn]
    high = np.concatenate([PROBABILITIES, [1.0]])[drawn]
    return (low + (high - low) * np.random.default_rng([seed, 3]).random(drawn.shape))[which.reshape(-1)]


def _exact(model: SeriesModel, conditions: np.ndarray, points: int) -> np.ndarray:
    """As :func:`_sampled`, ``points`` evenly spaced quantiles of the enumerated distribution in place of draws."""
    probabilities = np.exp(model.learnt.conditional.log_probabilities(conditions))
    below = np.concatenate([np.zeros((len(conditions), 1)), np.cumsum(probabilities, axis=1)], axis=1)
    ends, even = np.concatenate([[0.0], PROBABILITIES, [1.0]]), (np.arange(points) + 0.5) / points
    return np.stack([np.interp(even, row / row[-1], ends) for row in below])


def _decoded(
    own: Sequence[tuple[Volatility, np.ndarray, float]], ranks: np.ndarray, window: int, alphas: Sequence[float]
) -> list[Forecast]:
    """Forecasts of days, of filters, standardised returns and volatilities ``own``, from ``ranks`` ``[n, draws]``."""
    made = []
    for (volatility, residuals, scale), p in zip(own, ranks):
        values = np.quantile(residuals[-window:], p)
        made.append([(volatility.mean + scale * v, volatility.mean + scale * e) for v, e in tail(values, alphas)])
    return made


def _many_days(
    model: SeriesModel,
    past: Past,
    horizon: int,
    samples: int,
    alphas: Sequence[float],
    seed: int,
    day: int,
) -> dict[str, Forecast]:
    """Forecasts of the sum of ``horizon`` returns."""
    sums = np.convolve(past.returns[-WINDOW:], np.ones(horizon), "valid")
    made = {"historical-1000": tail(sums, alphas)}
    rng = np.random.default_rng([seed, 4, day])
    for name, kind in (("EWMA-FHS", "ewma"), ("GARCH-FHS", "garch"), ("GJR-FHS", "gjr")):
        volatility, residuals, scale = past.filters[kind]
        variance, total = np.full(samples, scale**2), np.zeros(samples)
        for _ in range(horizon):
            step = volatility.mean + np.sqrt(variance) * rng.choice(residuals[-WINDOW:], samples)
            variance, total = volatility.step(variance, step), total + step
        made[name] = tail(total, alphas)
    fitted = model.learnt
    volatility, residuals, scale = past.filters[model.volatility]
    rolled = Encoding(np.sort(residuals[-len(fitted.encoding.residuals) :]), fitted.encoding.levels)
    model.fitted = replace(fitted, encoding=rolled)
    state = State(np.array([scale**2]), residuals[None, -WEEK:])
    paths = model.simulate_market_trajectories(
        state, samples, horizon, seed=int(np.random.SeedSequence([seed, day]).generate_state(1)[0])
    )
    model.fitted = fitted
    made[TSU] = tail(paths.returns.sum(axis=1), alphas)
    return made
