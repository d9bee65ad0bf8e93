"""Purged walk-forward evaluation of joint models: fit, leave a gap, forecast, go on, and keep every day's scores.

At each refit, filters and models learn from the days that end ``purge`` days before the first day of the block, so that
no ten-day target that is learnt from overlaps one that is forecast. Between refits parameters stay, and filters go on
with what happened: a forecast sees nothing later than the day before it. All joint models get the same marginals.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from thermofab.apps.trading.portfolio.filters import Filtered, filter_panel, fit_marginals
from thermofab.apps.trading.portfolio.joint import JointFitter, JointModel, draw_days
from thermofab.apps.trading.portfolio.panel import SHORTEST, Panel
from thermofab.apps.trading.portfolio.paths import simulate
from thermofab.apps.trading.portfolio.peers import DirectPeer
from thermofab.apps.trading.portfolio.scores import energy_scores, tails_of, variogram_scores
from thermofab.hw.spec import SpecError

_VOLATILE = 0.9  # quantile of the mean volatility of the days learnt from, above which a day is volatile


@dataclass(frozen=True)
class Era:
    """Test days ``first`` to ``last``, as ``"2016-01-01"``."""

    first: str
    last: str

    def __post_init__(self) -> None:
        try:
            good = np.datetime64(self.first, "D") <= np.datetime64(self.last, "D")
        except ValueError as error:
            raise SpecError(f"an era is two days such as 2016-01-01, got {self.first!r}, {self.last!r}.") from error
        if not good:
            raise SpecError(f"an era begins before it ends, got {self.first} to {self.last}.")

    @property
    def name(self) -> str:
        return f"{self.first[:4]}-{self.last[:4]}"

    @staticmethod
    def of(text: str) -> "Era":
        """From years such as ``"2016-2018"``, both of them whole.

        Raises:
            SpecError: it is none.
        """
        first, _, last = text.partition("-")
        if not (len(first) == len(last) == 4 and (first + last).isdigit()):
            raise SpecError(f"an era is written in years, such as 2016-2018, got {text!r}.")
        return Era(f"{first}-01-01", f"{last}-12-31")


@dataclass(frozen=True)
class Plan:
    """How an evaluation is done.

    Attributes:
        horizons: days of a forecast; several days are forecast every so many days, so that targets do not overlap.
        levels: of value at risk and expected shortfall.
        refits: days, such as ``"2017-01-01"``, on which all is fitted anew, beside the era's first; None: every
            1 January.
        purge: days left out between what is learnt and what is forecast; None: the longest horizon.
        window: days learnt from, the last so many; None: all.
        samples: draws a forecast of one day; 0: log-scores alone, which need no draws, and no other horizon.
        paths: of several days; None: as many as ``samples``.
        volatility: the filter of all joint models.
        seed: of everything drawn.
    """

    horizons: tuple[int, ...] = (1, 10)
    levels: tuple[float, ...] = (0.01, 0.025, 0.05)
    refits: tuple[str, ...] | None = None
    purge: int | None = None
    window: int | None = None
    samples: int = 1000
    paths: int | None = None
    volatility: str = "gjr"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.horizons or any(h < 1 or int(h) != h for h in self.horizons):
            raise SpecError(f"horizons are whole days, one at least, got {self.horizons!r}.")
        if not self.levels or not all(0 < level < 0.5 for level in self.levels):
            raise SpecError(f"levels are between 0 and 0.5, one at least, got {self.levels!r}.")
        if self.gap < max(self.horizons) - 1:
            raise SpecError(
                f"purge must be at least {max(self.horizons) - 1}, one less than the longest horizon, so that no "
                f"target learnt from overlaps one forecast; got {self.gap}."
            )
        if self.window is not None and self.window < SHORTEST:
            raise SpecError(f"window must be at least {SHORTEST} days, got {self.window}.")
        if self.samples == 0 and self.horizons != (1,):
            raise SpecError(f"without samples there are log-scores alone, of one day; got horizons {self.horizons!r}.")
        for name, count in (("samples", self.samples), ("paths", self.drawn(2))):
            if count < 100 and self.samples:
                raise SpecError(f"{name} must be at least 100, got {count}.")

    def drawn(self, horizon: int) -> int:
        """Draws of a forecast over ``horizon`` days."""
        return self.samples if horizon == 1 or self.paths is None else self.paths

    @property
    def gap(self) -> int:
        return max(self.horizons) if self.purge is None else self.purge


@dataclass(frozen=True, eq=False)
class Forecasts:
    """One model's over one horizon, n of them, returns in per cent.

    Attributes:
        log_scores: log copula density, nats, float64 ``[n]``; NaN where the model has none, and beyond one day.
        energy, variogram_half, variogram_one: scores of the vector of log returns, float64 ``[n]``.
        tails: value at risk and shortfall as returns, float64 ``[portfolios, levels, 2, n]``.

    All but the first are NaN where nothing was drawn.
    """

    log_scores: np.ndarray
    energy: np.ndarray
    variogram_half: np.ndarray
    variogram_one: np.ndarray
    tails: np.ndarray


@dataclass(frozen=True, eq=False)
class Targets:
    """What came.

    Attributes:
        dates: datetime64[D] ``[n]``, the last day of each forecast.
        returns: log returns float64 ``[n, d]``, per cent.
        portfolios: simple returns float64 ``[portfolios, n]``, per cent.
        uniforms: u of the first day of each forecast, float64 ``[n, d]``.
        volatile: whether the day before said so: forecast volatilities, each over its mean, together above nine tenths
            of the days learnt from, bool ``[n]``.
    """

    dates: np.ndarray
    returns: np.ndarray
    portfolios: np.ndarray
    uniforms: np.ndarray
    volatile: np.ndarray


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Of one era.

    Attributes:
        era: its days.
        plan: how it was done.
        symbols: assets.
        weights: by portfolio, float64 ``[d]``.
        fits: of every refit, the first day forecast and the last day learnt from.
        targets: by horizon.
        forecasts: by horizon and model.
        seconds: by model, for fits, scores and draws.
    """

    era: Era
    plan: Plan
    symbols: tuple[str, ...]
    weights: dict[str, np.ndarray]
    fits: tuple[tuple[np.datetime64, np.datetime64], ...]
    targets: dict[int, Targets]
    forecasts: dict[int, dict[str, Forecasts]]
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Block:
    """Days ``start`` … ``stop`` - 1 of the panel, forecast by what was fitted to ``low`` … ``end`` - 1; the era has
    ``first`` … ``last`` - 1."""

    low: int
    end: int
    start: int
    stop: int
    first: int
    last: int

    def starts(self, horizon: int) -> np.ndarray:
        """First days of the block's forecasts, int ``[n]``: every ``horizon`` days of the era, while it lasts."""
        every = np.arange(self.first, self.last - horizon + 1, horizon)
        return every[(every >= self.start) & (every < self.stop)]


@dataclass(eq=False)
class _Kept:
    """One model's and horizon's forecasts as they come, one part per block."""

    logs: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    tails: list[np.ndarray] = field(default_factory=list)

    def add(self, logs: np.ndarray, draws: np.ndarray | None, target: Targets, shares: np.ndarray, plan: Plan) -> None:
        """Score a block's draws, log returns float64 ``[n, m, d]``, if there are any."""
        self.logs.append(logs)
        if draws is None:
            self.scores.append(np.full((3, len(logs)), np.nan))
            self.tails.append(np.full((len(shares), len(plan.levels), 2, len(logs)), np.nan))
            return
        per_cent = 100 * draws
        rows = [energy_scores(per_cent, target.returns)]
        rows += [variogram_scores(per_cent, target.returns, order) for order in (0.5, 1.0)]
        self.scores.append(np.stack(rows))
        simple = 100 * np.expm1(draws) @ shares.T
        self.tails.append(tails_of(simple, plan.levels))

    def whole(self) -> Forecasts:
        energy, half, one = np.concatenate(self.scores, axis=1)
        return Forecasts(np.concatenate(self.logs), energy, half, one, np.concatenate(self.tails, axis=-1))


def usual_weights(symbols: Sequence[str]) -> dict[str, np.ndarray]:
    """Equal weights, 60/40 of the first and third asset, the first alone, and the first against the second."""
    d = len(symbols)
    one = np.eye(d)
    other = min(2, d - 1)
    return {
        "equal": np.full(d, 1 / d),
        f"60/40 {symbols[0]}/{symbols[other]}": 0.6 * one[0] + 0.4 * one[other],
        symbols[0]: one[0],
        f"{symbols[0]} less {symbols[1]}": one[0] - one[1],
    }


def evaluate(
    panel: Panel,
    era: Era,
    fitters: Sequence[JointFitter],
    direct: Sequence[DirectPeer] = (),
    weights: Mapping[str, np.ndarray] | None = None,
    plan: Plan = Plan(),  # noqa: B008
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Forecasts of every day of ``era`` by every model.

    Args:
        panel: all days, those before the era to learn from.
        era: test days.
        fitters: joint models, which all get the same marginals.
        direct: peers that need no filter.
        weights: by portfolio, float64 ``[d]``; by default :func:`usual_weights`.
        plan: how.
        progress: called as ``progress(done, total)`` after every model of every refit.

    Raises:
        SpecError: no day of the era, fewer than 500 days to learn from, two models of one name, or weights that do not
            fit the assets.
    """
    names = [model.name for model in (*fitters, *direct)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise SpecError(f"models need names of their own; {twice[0]!r} comes twice." if twice else "there is no model.")
    held = {name: np.asarray(w, dtype=np.float64) for name, w in (weights or usual_weights(panel.symbols)).items()}
    for name, w in held.items():
        if w.shape != (len(panel.symbols),) or not np.all(np.isfinite(w)):
            raise SpecError(f"weights of {name!r} are {len(panel.symbols)} finite numbers, got {w!r}.")
    blocks = _blocks(panel, era, plan)
    kept = {h: {name: _Kept() for name in names} for h in plan.horizons}
    seen: dict[int, list[Targets]] = {h: [] for h in plan.horizons}
    seconds = dict.fromkeys(names, 0.0)
    shares = np.stack(list(held.values()))
    done, total = 0, len(blocks) * len(names)
    for block in blocks:
        marginals = fit_marginals(panel.rows(block.low, block.end), plan.volatility)
        days = filter_panel(panel.rows(block.low, block.stop), marginals)
        targets = {h: _targets(panel, days, block, h, shares) for h in plan.horizons}
        for h, target in targets.items():
            seen[h].append(target)
        for fitter in fitters:
            began = time.perf_counter()
            model = fitter.fit(days.until(block.end - block.low))
            for h, target in targets.items():
                logs = np.full(len(target.dates), np.nan)
                if h == 1:
                    logs = model.log_densities(days.z, days.u, block.start - block.low)
                draws = _joint_draws(model, days, block, h, plan) if plan.samples else None
                kept[h][fitter.name].add(logs, draws, target, shares, plan)
            seconds[fitter.name] += time.perf_counter() - began
            done += 1
            if progress is not None:
                progress(done, total)
        for peer in direct:
            began = time.perf_counter()
            for h, target in targets.items():
                logs = np.full(len(target.dates), np.nan)
                draws = _direct_draws(peer, panel, block, h, plan) if plan.samples else None
                kept[h][peer.name].add(logs, draws, target, shares, plan)
            seconds[peer.name] += time.perf_counter() - began
            done += 1
            if progress is not None:
                progress(done, total)
    fits = tuple((panel.dates[b.start], panel.dates[b.end - 1]) for b in blocks)
    whole = {h: _joined(parts) for h, parts in seen.items()}
    forecasts = {h: {name: part.whole() for name, part in by.items()} for h, by in kept.items()}
    return Evaluation(era, plan, panel.symbols, held, fits, whole, forecasts, seconds)


def _blocks(panel: Panel, era: Era, plan: Plan) -> list[_Block]:
    """The era's days between refits."""
    first = int(np.searchsorted(panel.dates, np.datetime64(era.first, "D")))
    last = int(np.searchsorted(panel.dates, np.datetime64(era.last, "D"), side="right"))
    if first >= last or last - first < max(plan.horizons):
        raise SpecError(
            f"the panel covers {panel.dates[0]} to {panel.dates[-1]}; of {era.first} to {era.last} it has "
            f"{max(last - first, 0)} days."
        )
    if first - plan.gap < SHORTEST:
        raise SpecError(
            f"before {era.first} there are {first} days, less {plan.gap} purged; {SHORTEST} at least are learnt from."
        )
    dates = panel.dates[first:last]
    if plan.refits is None:
        anew = np.flatnonzero(np.diff(dates.astype("datetime64[Y]")).astype(int)) + 1
    else:
        anew = np.searchsorted(dates, np.array(plan.refits, dtype="datetime64[D]"))
    inner = sorted({first + int(k) for k in anew if 0 < k < len(dates)})
    edges = [first, *inner, last]
    made = []
    for start, stop in zip(edges, edges[1:]):
        end = start - plan.gap
        made.append(_Block(0 if plan.window is None else max(0, end - plan.window), end, start, stop, first, last))
    return made


def _targets(panel: Panel, days: Filtered, block: _Block, horizon: int, shares: np.ndarray) -> Targets:
    starts = block.starts(horizon)
    sums = np.stack([panel.returns[k : k + horizon].sum(axis=0) for k in starts]) if len(starts) else np.empty((0, 1))
    scale = np.sqrt(days.variances)
    learnt = scale[: block.end - block.low]
    level = (scale / learnt.mean(axis=0)).mean(axis=1)
    bound = np.quantile(level[: len(learnt)], _VOLATILE)
    own = starts - block.low
    return Targets(
        panel.dates[starts + horizon - 1], 100 * sums.reshape(len(starts), shares.shape[1]),
        100 * shares @ np.expm1(sums.reshape(len(starts), shares.shape[1])).T, days.u[own], level[own] > bound,
    )  # fmt: skip


def _joint_draws(model: JointModel, days: Filtered, block: _Block, horizon: int, plan: Plan) -> np.ndarray:
    """Log returns float64 ``[n, samples, d]`` of a joint model's forecasts in a block."""
    first = block.start - block.low
    if horizon == 1:
        u = draw_days(model, days.z, first, plan.drawn(1), _seed(plan, block.start))
        scale = np.sqrt(days.variances[first:-1])
        made = [m.volatility.mean + scale[:, None, j] * m.quantile(u[..., j]) for j, m in enumerate(days.marginals)]
        return np.stack(made, axis=-1)
    made = np.empty((len(block.starts(horizon)), plan.drawn(horizon), days.z.shape[1]))
    for row, k in enumerate(block.starts(horizon)):
        history = days.until(int(k) - block.low)
        paths = simulate(days.marginals, model, history, plan.drawn(horizon), horizon, _seed(plan, int(k)))
        made[row] = paths.returns.sum(axis=1)
    return made


def _direct_draws(peer: DirectPeer, panel: Panel, block: _Block, horizon: int, plan: Plan) -> np.ndarray:
    """Log returns float64 ``[n, m, d]`` of a peer's forecasts in a block."""
    seeds = {int(k): _seed(plan, int(k)) for k in block.starts(horizon)}
    rows = [peer.draw(panel.returns[:k], horizon, plan.drawn(horizon), seed) for k, seed in seeds.items()]
    least = min((len(row) for row in rows), default=0)  # history may still be growing into a peer's window
    return np.stack([row[-least:] for row in rows]) if rows else np.empty((0, 2, len(panel.symbols)))


def _seed(plan: Plan, day: int) -> int:
    return int(np.random.SeedSequence([plan.seed, day]).generate_state(1)[0])


def _joined(parts: Sequence[Targets]) -> Targets:
    return Targets(
        np.concatenate([p.dates for p in parts]), np.concatenate([p.returns for p in parts]),
        np.concatenate([p.portfolios for p in parts], axis=1), np.concatenate([p.uniforms for p in parts]),
        np.concatenate([p.volatile for p in parts]),
    )  # fmt: skip
