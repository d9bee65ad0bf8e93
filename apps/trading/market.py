"""ProbabilisticTradingModel: a model learnt from prices, or a graph made by hand, behind one interface.

What is learnt from prices is a :class:`~thermofab.apps.trading.series.SeriesModel`; a graph of market features is a
:class:`~thermofab.apps.trading.graph.MarketGraph`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thermofab.apps.trading.conditional import Prior
from thermofab.apps.trading.fitted import Fitted
from thermofab.apps.trading.graph import MarketGraph
from thermofab.apps.trading.risk import checked_threshold, tail_metrics
from thermofab.apps.trading.schedule import SamplingSchedule
from thermofab.apps.trading.series import SeriesModel
from thermofab.hw.spec import FabricSpec, IsingModel, SpecError
from thermofab.hw.spec.device import Device

_GRAPH_SWEEPS = 200


class ProbabilisticTradingModel(SeriesModel):
    """A series model that may hold a hand-made graph instead: ``fit(prices)``, or ``build_market_pgm(features)``.

    Args:
        num_nodes: time slices of a hand-made graph.
        device, fabric, volatility, prior, sweeps, schedule, fitted: see
            :class:`~thermofab.apps.trading.series.SeriesModel`; a schedule's ``beta`` is a hand-made graph's.
    """

    def __init__(
        self,
        num_nodes: int = 5,
        device: Device | str = "jax",
        fabric: FabricSpec | None = None,
        volatility: str = "gjr",
        prior: Prior = Prior(),  # noqa: B008
        sweeps: int | None = None,
        schedule: SamplingSchedule | None = None,
        fitted: Fitted | None = None,
    ) -> None:
        super().__init__(device, fabric, volatility, prior, sweeps, schedule, fitted)
        self.num_nodes = num_nodes
        self.graph: MarketGraph | None = None

    def build_market_pgm(
        self,
        market_features: Sequence[str],
        coupling_strength: float = 0.5,
        couplings: Mapping[tuple[str, str], float] | None = None,
        fabric: Any = "king-12x12",
    ) -> IsingModel:
        """Take a graph made by hand, and return its couplings; see :meth:`MarketGraph.of`."""
        beta = 1.0 if self.schedule is None else self.schedule.beta
        self.graph = MarketGraph.of(market_features, self.num_nodes, coupling_strength, couplings, fabric, beta)
        return self.graph.model

    def simulate_market_trajectories(
        self,
        initial_state: Any = None,
        num_trajectories: int = 1000,
        horizon: int = 10,
        seed: int = 0,
        drift: float | None = None,
    ) -> Any:
        """Paths of what was learnt; of a hand-made graph ±1 int8 ``[paths, slices, features]``, ``initial_state`` being
        how likely each feature is up in the first slice, 0…1, and the horizon its ``num_nodes`` slices."""
        if self.fitted is not None or self.graph is None:
            return super().simulate_market_trajectories(initial_state, num_trajectories, horizon, seed, drift)
        self._checked_counts(num_trajectories=num_trajectories, horizon=horizon)
        return self._graph_states(self.graph, initial_state, int(num_trajectories), seed)

    def estimate_tail_risk(
        self,
        initial_state: Any = None,
        threshold: float = -0.1,
        horizon: int = 10,
        num_trajectories: int = 10_000,
        seed: int = 0,
        drift: float | None = None,
        move: float = 0.05,
    ) -> dict[str, float]:
        """As :meth:`SeriesModel.estimate_tail_risk`.

        Args:
            initial_state, threshold, horizon, num_trajectories, seed, drift: as there.
            move: of a hand-made graph, whose slices are the horizon: how far the price goes in a slice after the first,
                up or down as its first feature is.

        Raises:
            SpecError: ``threshold`` is not between -1 and 0, or ``move`` not between 0 and 1.
        """
        if self.fitted is not None or self.graph is None:
            return super().estimate_tail_risk(initial_state, threshold, horizon, num_trajectories, seed, drift)
        checked_threshold(threshold)
        if not 0 < move < 1:
            raise SpecError(f"move is a simple return between 0 and 1 a slice, got {move!r}.")
        self._checked_counts(num_trajectories=num_trajectories, horizon=horizon)
        states = self._graph_states(self.graph, initial_state, int(num_trajectories), seed)
        return tail_metrics(np.prod(1 + move * states[:, 1:, 0], axis=1) - 1, threshold)

    def _graph_states(self, graph: MarketGraph, chances: Any, paths: int, seed: int) -> np.ndarray:
        return graph.simulate(chances, paths, seed, sweeps=self.sweeps or _GRAPH_SWEEPS, device=self.device)
