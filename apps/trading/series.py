"""SeriesModel: tomorrow's return sampled on a fabric, given today; paths by going on from there.

A day's return is its volatility (:mod:`~thermofab.apps.trading.volatility`) times a standardised return. The fabric
samples the standardised one: a categorical node of 32 states (:mod:`~thermofab.apps.trading.encoding`) given seven
clamped conditions (:mod:`~thermofab.apps.trading.conditional`). The host decodes it, advances the volatility and clamps
the next day's conditions; every path is a replica. What drives the volatility is scaled so that paths do not explode
(:mod:`~thermofab.apps.trading.persistence`).
"""

import copy
import hashlib
import warnings
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thermofab.apps.trading.conditional import Conditional, Prior, fit_conditional
from thermofab.apps.trading.encoding import CONDITIONS, WEEK, Encoding
from thermofab.apps.trading.fitted import Fitted, Source, State, Trajectories
from thermofab.apps.trading.persistence import PersistenceWarning, persistence
from thermofab.apps.trading.prices import Prices
from thermofab.apps.trading.risk import checked_threshold, tail_metrics
from thermofab.apps.trading.schedule import SamplingSchedule
from thermofab.apps.trading.volatility import fit_volatility
from thermofab.compiler import compile as compile_program
from thermofab.compiler import fabric_of
from thermofab.hw.spec import FabricSpec, Ledger, Program, Schedule, SpecError, open_device
from thermofab.hw.spec.device import Device

_MOST = 65_536  # chains of one run


def _digest(returns: np.ndarray) -> str:
    return hashlib.sha256(returns.astype("<f8").tobytes()).hexdigest()[:16]


@dataclass(eq=False)
class SeriesModel:
    """See the head of this file.

    Args:
        device: where draws are made: a name for :func:`thermofab.open_device`, or an open device of ``fabric``.
        fabric: what the conditional distribution is compiled for; by default one of its own shape, 12 sites and 7
            factors of six, with 10-bit weights. Any other works if the distribution fits it, through hidden spins if it
            has no factors.
        volatility: ``"gjr"``, ``"garch"`` or ``"ewma"``.
        sweeps: of the fabric a draw; by default as many as the distribution learnt needs
            (:mod:`~thermofab.apps.trading.mixing`).
        schedule: of a run, in place of ``sweeps``: its ``warmup`` sweeps come before a path's draw, every path being a
            chain of its own; ``beta`` must be 1.
    """

    device: Device | str = "jax"
    fabric: FabricSpec | None = None
    volatility: str = "gjr"
    prior: Prior = field(default_factory=Prior)
    sweeps: int | None = None
    schedule: SamplingSchedule | None = None
    fitted: Fitted | None = None
    _template: Program | None = None
    _program: Program | None = None
    _holds: Conditional | None = None
    _running: Any = None

    def __post_init__(self) -> None:
        if self.schedule is not None:
            self.sweeps = self.schedule.warmup

    def fit(self, prices: Prices | np.ndarray, start: Fitted | None = None) -> "SeriesModel":
        """Learn from prices, or from log returns float64 ``[n]``, oldest first; at least 256 days.

        Args:
            prices: what to learn from.
            start: learnt before, from nearly the same days: the searches begin there and end sooner at the same place.

        Raises:
            SpecError: too few days, or values that are not finite.

        Warns:
            PersistenceWarning: paths would explode, were the sampled shocks to drive the volatility as they are.
        """
        if self.schedule is not None and self.schedule.beta != 1:
            raise SpecError(
                f"beta of a model learnt from prices is 1, got {self.schedule.beta:g}: at another temperature it would "
                "sample another distribution than theirs."
            )
        returns = np.asarray(prices.returns if isinstance(prices, Prices) else prices, dtype=np.float64)
        if not np.all(np.isfinite(returns)):
            raise SpecError("returns must be finite; there is a NaN or an infinity among them.")
        if returns.size and np.all(returns == returns[0]):
            raise SpecError(f"all {returns.size} returns are {returns[0]:g}; there is no risk to learn from them.")
        model = fit_volatility(returns, self.volatility, None if start is None else start.volatility)
        variances = model.variances(returns)
        residuals = (returns - model.mean) / np.sqrt(variances[:-1])
        weeks = np.lib.stride_tricks.sliding_window_view(residuals, WEEK)
        scale = np.sqrt(variances)
        encoding = Encoding.of(residuals[WEEK:], scale[WEEK:-1])
        conditions = encoding.conditions(scale[WEEK:-1], weeks[:-1])
        conditional = fit_conditional(
            encoding.encode(residuals[WEEK:]), conditions, self.prior, None if start is None else start.conditional
        )
        last = State(variances[-1:], weeks[-1:].copy())
        found = persistence(model, encoding, conditional, variances[WEEK:-1], conditions)
        if found.explodes:
            warnings.warn(found.warning(), PersistenceWarning, stacklevel=2)
        ends = ("", "", "")
        if isinstance(prices, Prices):
            ends = prices.symbol, str(prices.dates[0]), str(prices.dates[-1])
        self.fitted = Fitted(model, encoding, conditional, last, found, Source(*ends, len(returns), _digest(returns)))
        return self

    def of(self, fitted: Fitted) -> "SeriesModel":
        """A model of something else learnt, on the program of this one's conditional distribution if it is the same."""
        if self.fitted is not None and fitted.conditional is self.fitted.conditional:
            _ = self.program
        other = copy.copy(self)
        other.fitted = fitted
        return other

    @property
    def sweeps_a_draw(self) -> int:
        """Sweeps of the fabric before a draw."""
        return self.sweeps or self.learnt.sweeps

    @property
    def program(self) -> Program:
        """The conditional distribution on the fabric."""
        fitted = self.learnt
        if self._holds is fitted.conditional and self._program is not None:
            return self._program
        model = fitted.conditional.model()
        self._holds = fitted.conditional
        if self._template is None:
            spec = self.fabric or fabric_of(model, code="gray", weight_bits=10, bias_bits=14, profile="fine")
            self._template = compile_program(model, spec, code="gray", verify=False)
            self._running = open_device(self.device, spec) if isinstance(self.device, str) else self.device
            self._program = self._template
        else:
            self._program = self._template.with_weights(model)
        return self._program

    def draw(self, conditions: np.ndarray, seed: int, samples: int = 1) -> tuple[np.ndarray, Ledger]:
        """States int64 ``[R, samples]`` given conditions bool ``[R, 7]``, and what the run cost."""
        program, ledger, drawn = self.program, None, []
        for start in range(0, len(conditions), _MOST):
            rows = conditions[start : start + _MOST]
            clamp: dict[Hashable, Any] = {name: rows[:, k] for k, name in enumerate(CONDITIONS)}
            schedule = Schedule(self.sweeps_a_draw, samples, max(1, self.sweeps_a_draw // 2))
            out = program.sample(
                schedule, nodes=[["return"]], clamp=clamp, replicas=len(rows), seed=seed + start, device=self._running
            )
            drawn.append(out.states[0][:, :, 0])
            ledger = out.ledger if ledger is None else ledger.plus(out.ledger)
        assert ledger is not None
        return np.concatenate(drawn), ledger

    def step(
        self, state: State, seed: int, ceiling: np.ndarray | float = np.inf, drift: float | None = None
    ) -> tuple[np.ndarray, State, Ledger]:
        """One day of every path: log returns ``[R]``, the state after it, its variance at most ``ceiling``, and the
        cost; ``drift`` is that of :meth:`simulate_market_trajectories`."""
        fitted = self.learnt
        scale = np.sqrt(state.variance)
        drawn, ledger = self.draw(fitted.encoding.conditions(scale, state.week), seed)
        uniform = np.random.default_rng([seed, 1]).random(len(scale))
        residuals = fitted.encoding.decode(drawn[:, 0], uniform)
        returns = fitted.volatility.mean + scale * residuals
        shown = returns
        if drift is not None:
            shown = scale * residuals - fitted.expected(state.variance, state.week) + np.log1p(drift) / 252
        week = np.concatenate([state.week[:, 1:], residuals[:, None]], axis=1)
        variance = fitted.volatility.step(state.variance, returns, fitted.persistence.news)
        return shown, State(np.minimum(variance, ceiling), week), ledger

    def simulate_market_trajectories(
        self,
        initial_state: Any = None,
        num_trajectories: int = 1000,
        horizon: int = 10,
        seed: int = 0,
        drift: float | None = None,
    ) -> Trajectories:
        """Paths from a state. Volatility stays within twice the highest of the days learnt from and the first day's.

        Args:
            initial_state: a :class:`~thermofab.apps.trading.fitted.State`, or a yearly volatility to start from with no
                news; by default where the prices ended.
            num_trajectories: paths.
            horizon: days.
            seed: of everything random; the same seed gives the same paths on every device.
            drift: the expected simple return a year, 0 for a price that stays where it is in the mean; by default the
                mean of the days learnt from. The expectation is exact to second order in a day's volatility.

        Raises:
            SpecError: no model, or a horizon or number below 1.
        """
        self._checked_counts(num_trajectories=num_trajectories, horizon=horizon)
        if drift is not None and not (np.isfinite(drift) and drift > -1):
            raise SpecError(f"drift is a simple return a year above -1, such as 0.05, got {drift!r}.")
        state = self._starting(initial_state, int(num_trajectories))
        ceiling = self.learnt.persistence.ceiling(state.variance)
        days, scales, ledger = [], [], None
        for day in range(int(horizon)):
            scales.append(np.sqrt(state.variance))
            drawn = int(np.random.SeedSequence([seed, day]).generate_state(1)[0])
            returns, state, cost = self.step(state, drawn, ceiling, drift)
            days.append(returns)
            ledger = cost if ledger is None else ledger.plus(cost)
        return Trajectories(np.stack(days, axis=1), np.stack(scales, axis=1), ledger)

    def _starting(self, initial_state: Any, paths: int) -> State:
        fitted = self.learnt
        if initial_state is None:
            initial_state = fitted.last
        if not isinstance(initial_state, State):
            yearly = float(initial_state)
            if not (np.isfinite(yearly) and yearly > 0):
                raise SpecError(f"a starting volatility is a positive number per year, got {initial_state!r}.")
            initial_state = State(np.array([yearly**2 / 252]), np.zeros((1, WEEK)))
        return State(np.resize(initial_state.variance, paths), np.resize(initial_state.week, (paths, WEEK)))

    def estimate_tail_risk(
        self,
        initial_state: Any = None,
        threshold: float = -0.1,
        horizon: int = 10,
        num_trajectories: int = 10_000,
        seed: int = 0,
        drift: float | None = None,
    ) -> dict[str, float]:
        """``tail_probability`` of a simple return below ``threshold`` over the horizon; ``var_95``, ``cvar_95`` (losses
        as positive numbers), ``mean_return`` and ``std_return``.

        Args:
            initial_state, horizon, num_trajectories, seed, drift: see :meth:`simulate_market_trajectories`.
            threshold: between -1 and 0.

        Raises:
            SpecError: ``threshold`` is not between -1 and 0.
        """
        checked_threshold(threshold)
        paths = self.simulate_market_trajectories(initial_state, num_trajectories, horizon, seed, drift)
        return tail_metrics(np.expm1(paths.returns.sum(axis=1)), threshold)

    @property
    def learnt(self) -> Fitted:
        """What was learnt.

        Raises:
            SpecError: nothing yet.
        """
        if self.fitted is None:
            raise SpecError("this model has not learnt anything yet; call fit(prices).")
        return self.fitted

    def _checked_counts(self, **counts: Any) -> None:
        for name, value in counts.items():
            if isinstance(value, bool) or int(value) != value or value < 1:
                raise SpecError(f"{name} must be an integer of at least 1, got {value!r}.")
