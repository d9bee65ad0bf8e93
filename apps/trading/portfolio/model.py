"""PortfolioModel: what users call, from a panel of returns to joint paths."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.apps.trading.portfolio.clamped import ClampedFitter
from thermofab.apps.trading.portfolio.daily import DailyFitter
from thermofab.apps.trading.portfolio.filters import Filtered, filter_panel, fit_marginals
from thermofab.apps.trading.portfolio.joint import JointFitter, JointModel
from thermofab.apps.trading.portfolio.panel import Panel
from thermofab.apps.trading.portfolio.paths import PortfolioPaths, simulate
from thermofab.apps.trading.portfolio.static import StaticFitter
from thermofab.apps.trading.portfolio.stress import Condition, OnFabric, StressResult, stressed
from thermofab.hw.spec import Device, SpecError

KINDS = ("static", "state", "daily")


def fitter_of(kind: str, device: str | Device = "jax") -> JointFitter:
    """The fabric's machine of a kind.

    Raises:
        SpecError: there is no such kind.
    """
    if kind == "static":
        return StaticFitter(device)
    if kind == "state":
        return ClampedFitter(device)
    if kind == "daily":
        return DailyFitter(device)
    raise SpecError(f"a portfolio's machine is of kind {', '.join(KINDS)}, got {kind!r}.")


@dataclass(frozen=True, eq=False)
class FittedPortfolio:
    """Everything learnt: the panel, its days through the marginals, and the joint model."""

    panel: Panel
    history: Filtered
    joint: JointModel


class PortfolioModel:
    """Joint scenarios of several assets, sampled on a fabric.

    Args:
        device: where draws are made: a name for :func:`thermofab.open_device`, or an open device.
        kind: of machine: ``"static"``, ``"state"`` (market bits clamped) or ``"daily"`` (reprogrammed for a day).
        volatility: of every asset's filter: ``"gjr"``, ``"garch"`` or ``"ewma"``.
        fitter: another joint model in place of the machine, such as one of
            :mod:`thermofab.apps.trading.portfolio.peers`.

    Raises:
        SpecError: an unknown kind.
    """

    def __init__(
        self,
        device: str | Device = "jax",
        kind: str = "static",
        volatility: str = "gjr",
        fitter: JointFitter | None = None,
    ) -> None:
        self.device, self.kind, self.volatility = device, kind, volatility
        self.fitter = fitter_of(kind, device) if fitter is None else fitter
        self.fitted: FittedPortfolio | None = None

    def fit(self, panel: Panel) -> "PortfolioModel":
        """Learn from all days of ``panel``.

        Raises:
            SpecError: too few days, or more assets than the machine holds.
        """
        marginals = fit_marginals(panel, self.volatility)
        history = filter_panel(panel, marginals)
        self.fitted = FittedPortfolio(panel, history, self.fitter.fit(history))
        return self

    def simulate(
        self,
        paths: int = 10_000,
        horizon: int = 10,
        seed: int = 0,
        drift: float | Sequence[float] | np.ndarray | None = None,
    ) -> PortfolioPaths:
        """Paths from the day after the panel's last; see :func:`~thermofab.apps.trading.portfolio.paths.simulate`.

        Raises:
            SpecError: nothing was fitted, or a number below 1.
        """
        fitted = self.needed()
        return simulate(
            fitted.history.marginals, fitted.joint, fitted.history, paths, horizon, seed, drift, fitted.panel.symbols
        )

    def stress(self, condition: Condition, paths: int = 10_000, seed: int = 0) -> StressResult:
        """The day after the panel's last with some assets held in their tails, such as ``{"SPY": ("below", 0.05)}``,
        and what the others do; see :mod:`thermofab.apps.trading.portfolio.stress`.

        Raises:
            SpecError: nothing was fitted, the joint model is no machine, or the condition is malformed or too rare.
        """
        fitted = self.needed()
        if not isinstance(fitted.joint, OnFabric):
            raise SpecError(f"{fitted.joint.name} has no nodes to clamp; stress one of the kinds {', '.join(KINDS)}.")
        return stressed(fitted.joint, fitted.history, fitted.panel.symbols, condition, paths, seed)

    def needed(self) -> FittedPortfolio:
        """What was learnt.

        Raises:
            SpecError: nothing yet.
        """
        if self.fitted is None:
            raise SpecError("this portfolio model has not learnt anything yet; call fit(panel).")
        return self.fitted
