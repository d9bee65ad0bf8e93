"""From a fitted model to the facts of a report."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from thermofab.apps.trading.portfolio.machine import PortfolioMachine
from thermofab.apps.trading.portfolio.model import PortfolioModel
from thermofab.apps.trading.portfolio.online import JointForecaster
from thermofab.apps.trading.portfolio.panel import SHORTEST, Panel
from thermofab.apps.trading.portfolio.paths import PortfolioPaths
from thermofab.apps.trading.portfolio.report.facts import RECENT, Facts, Source, correlations
from thermofab.apps.trading.portfolio.risk import portfolio_risk, profits
from thermofab.apps.trading.portfolio.rolling import Rolling, rolling
from thermofab.apps.trading.portfolio.stressed import Stressed
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.hw.spec import SpecError

DRAWS = 4000  # a day of the back-test


@runtime_checkable
class OnFabric(Protocol):
    """A joint model that a machine draws for."""

    @property
    def machine(self) -> PortfolioMachine: ...


def about_model(model: PortfolioModel, paths: PortfolioPaths, seed: int) -> dict[str, str]:
    """The model, its fabric and its cost, in words."""
    fitted = model.needed()
    said = {"Model": fitted.joint.name, "Filter": model.volatility.upper(), "Device": str(model.device)}
    if isinstance(fitted.joint, OnFabric):
        topology = fitted.joint.machine.fabric.topology
        said["Fabric"] = f"{topology.n_sites} p-bits, {len(topology.factors)} factors"
        said["Sweeps a draw"] = str(fitted.joint.machine.sweeps_a_draw)
    said["Seed"] = str(seed)
    if paths.ledger is not None:
        said["Site updates"] = f"{paths.ledger.site_updates:,}"
    return said


def checked_backtest(panel: Panel, days: int) -> None:
    """Raises:
    SpecError: the panel has too few days for a fit before the newest ``days``.
    """
    if days and len(panel) - days < SHORTEST:
        most = max(0, len(panel) - SHORTEST)
        raise SpecError(
            f"a back-test of {days} days leaves {len(panel) - days} of {len(panel)} days to learn from, and {SHORTEST} "
            f"are needed; --backtest-days {most} is the most."
        )


def back_test(
    model: PortfolioModel,
    panel: Panel,
    weights: Weights,
    levels: Sequence[float],
    seed: int = 0,
    progress: Callable[[], None] | None = None,
) -> Rolling:
    """One-day forecasts of the days of ``panel`` after those that ``model`` was fitted to, which are its first."""
    fitted = model.needed()
    first = len(fitted.panel)
    forecaster = JointForecaster.after(fitted.joint, fitted.history, DRAWS)
    dates, returns = panel.dates[first:], panel.returns[first:]
    shares = weights.of(panel.symbols)
    return rolling(forecaster, panel.dates[first - 1], dates, returns, shares, levels, seed, progress)


def assess(
    name: str,
    model: PortfolioModel,
    paths: PortfolioPaths,
    weights: Weights,
    horizons: Sequence[int],
    levels: Sequence[float],
    threshold: float,
    seed: int = 0,
    rolled: Rolling | None = None,
    stressed: Sequence[Stressed] = (),
) -> Facts:
    """What a report says.

    Args:
        name: of the portfolio.
        model: fitted; ``paths`` are its.
        paths: as long as the longest of ``horizons``.
        weights: what is held.
        horizons, levels: of VaR and ES.
        threshold: a simple return below 0, whose chance is reported.
        seed: of the paths, for the record.
        rolled: a back-test of the same portfolio.
        stressed: scenarios.

    Raises:
        SpecError: see :func:`~thermofab.apps.trading.portfolio.risk.portfolio_risk`.
    """
    fitted = model.needed()
    panel, history = fitted.panel, fitted.history
    rows = tuple(portfolio_risk(paths, weights, horizons, levels))
    each = np.full(len(paths.returns), 1 / len(paths.returns)) if paths.weights is None else paths.weights
    at_end = profits(paths, weights)[:, max(horizons) - 1]
    yearly = np.sqrt(252 * np.stack([history.variances[-1], history.variances[:-1].mean(axis=0)]))
    source = Source(
        name, str(panel.dates[-1]), str(panel.dates[0]), len(panel), (*panel.notes, *weights.notes),
        about_model(model, paths, seed),
    )  # fmt: skip
    return Facts(
        source, weights, paths, rows, correlations(history.z, paths), panel.returns[-RECENT:], panel.dates[-RECENT:],
        yearly, rolled, tuple(stressed), threshold, float(each @ (at_end < threshold)),
    )  # fmt: skip
