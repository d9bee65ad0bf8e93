"""ProbabilisticTradingModel: tomorrow's return sampled on a fabric, given today; paths by going on from there.

A day's return is its volatility (:mod:`~thermofab.apps.trading.volatility`) times a standardised return. The fabric
samples the standardised one: a categorical node of 32 states (:mod:`~thermofab.apps.trading.encoding`) given seven
clamped conditions (:mod:`~thermofab.apps.trading.conditional`). The host decodes it, advances the volatility and clamps
the next day's conditions; every path is a replica. What drives the volatility is scaled so that paths do not explode
(:mod:`~thermofab.apps.trading.persistence`).
"""

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.apps.trading.conditional import Conditional, Prior, fit_conditional
from thermofab.apps.trading.encoding import CONDITIONS, WEEK, Encoding
from thermofab.apps.trading.mixing import conditions_of_all, sweeps_needed
from thermofab.apps.trading.persistence import Persistence, PersistenceWarning, moments, persistence
from thermofab.apps.trading.prices import Prices
from thermofab.apps.trading.risk import checked_threshold, tail_metrics
from thermofab.apps.trading.schedule import SamplingSchedule
from thermofab.apps.trading.volatility import Volatility, fit_volatility
from thermofab.compiler import compile as compile_program
from thermofab.compiler import fabric_of
from thermofab.hw.spec import FabricSpec, IsingModel, Ledger, Program, Schedule, SpecError, open_device

_MOST = 65_536  # chains of one run


@dataclass(frozen=True, eq=False)
class State:
    """What the next day depends on: ``variance`` float64 ``[R]`` of it, ``week`` float64 ``[R, 5]`` the last
    standardised returns, yesterday last."""

    variance: np.ndarray
    week: np.ndarray


@dataclass(frozen=True)
class Source:
    """What was learnt from: ``symbol`` ("" if returns alone were given), ``first`` and ``last`` day, number of
    returns."""

    symbol: str
    first: str
    last: str
    days: int


@dataclass(frozen=True, eq=False)
class Fitted:
    """Everything learnt from prices."""

    volatility: Volatility
    encoding: Encoding
    conditional: Conditional
    last: State
    persistence: Persistence
    source: Source

    def scaled(self, factor: float) -> "Fitted":
        """Of something whose days are ``factor`` times these."""
        volatility = replace(
            self.volatility,
            mean=factor * self.volatility.mean,
            omega=factor**2 * self.volatility.omega,
            start=factor**2 * self.volatility.start,
        )
        return replace(
            self,
            volatility=volatility,
            encoding=replace(self.encoding, levels=factor * self.encoding.levels),
            last=State(factor**2 * self.last.variance, self.last.week),
            persistence=replace(self.persistence, highest=factor**2 * self.persistence.highest),
        )

    def expected(self, variance: np.ndarray, week: np.ndarray) -> np.ndarray:
        """log E[exp(σz)] float64 ``[R]`` of the day, to second order in σ: the part of its return that its size makes
        by itself."""
        rows = self.encoding.conditions(np.sqrt(variance), week)
        first, second = self._means[rows @ (1 << np.arange(len(CONDITIONS)))].T
        return np.sqrt(variance) * first + variance * (second - first**2) / 2

    @cached_property
    def sweeps(self) -> int:
        """What a draw needs."""
        return sweeps_needed(self.conditional)

    @cached_property
    def _means(self) -> np.ndarray:
        """E[z] and E[z²] under each of the 128 conditions, float64 ``[128, 2]``; condition k is bit k of the row."""
        return np.exp(self.conditional.log_probabilities(conditions_of_all())) @ moments(self.encoding)[:2].T


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Simulated paths.

    Attributes:
        returns: log returns float64 ``[paths, horizon]``.
        volatilities: float64, of the same days.
        ledger: what the fabric's runs cost; ``None`` if none was run.
    """

    returns: np.ndarray
    volatilities: np.ndarray
    ledger: Ledger | None = None

    def prices(self, start: float = 1.0) -> np.ndarray:
        """float64 ``[paths, horizon]``."""
        return start * np.exp(np.cumsum(self.returns, axis=1))


@dataclass(eq=False)
class ProbabilisticTradingModel:
    """See the head of this file.

    Args:
        num_nodes: time slices of a hand-made graph (:meth:`build_market_pgm`).
        device: where draws are made: a name for :func:`thermofab.open_device`, or an open device of ``fabric``.
        fabric: what the conditional distribution is compiled for; by default one of its own shape, 12 sites and 7
            factors of six, with 10-bit weights. Any other works if the distribution fits it, through hidden spins if it
            has no factors.
        volatility: ``"gjr"``, ``"garch"`` or ``"ewma"``.
        sweeps: of the fabric a draw; by default as many as the distribution learnt needs
            (:mod:`~thermofab.apps.trading.mixing`).
        schedule: of a run, in place of ``sweeps``: its ``warmup`` sweeps come before a path's draw, every path being a
            chain of its own; ``beta`` is a hand-made graph's.
    """

    num_nodes: int = 5
    device: Any = "jax"
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
    _market: tuple[Program, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        if self.schedule is not None:
            self.sweeps = self.schedule.warmup

    def fit(self, prices: Prices | np.ndarray) -> "ProbabilisticTradingModel":
        """Learn from prices, or from log returns float64 ``[n]``, oldest first; at least 256 days.

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
        model = fit_volatility(returns, self.volatility)
        variances = model.variances(returns)
        residuals = (returns - model.mean) / np.sqrt(variances[:-1])
        weeks = np.lib.stride_tricks.sliding_window_view(residuals, WEEK)
        scale = np.sqrt(variances)
        encoding = Encoding.of(residuals[WEEK:], scale[WEEK:-1])
        conditions = encoding.conditions(scale[WEEK:-1], weeks[:-1])
        conditional = fit_conditional(encoding.encode(residuals[WEEK:]), conditions, self.prior)
        last = State(variances[-1:], weeks[-1:].copy())
        found = persistence(model, encoding, conditional, variances[WEEK:-1], conditions)
        if found.explodes:
            warnings.warn(found.warning(), PersistenceWarning, stacklevel=2)
        ends = ("", "", "")
        if isinstance(prices, Prices):
            ends = prices.symbol, str(prices.dates[0]), str(prices.dates[-1])
        self.fitted = Fitted(model, encoding, conditional, last, found, Source(*ends, len(returns)))
        return self

    def of(self, fitted: Fitted) -> "ProbabilisticTradingModel":
        """A model of something else learnt, on the program of this one's conditional distribution if it is the same."""
        if self.fitted is not None and fitted.conditional is self.fitted.conditional:
            _ = self.program
        return replace(self, fitted=fitted)

    @property
    def sweeps_a_draw(self) -> int:
        """Sweeps of the fabric before a draw."""
        return self.sweeps or self._needed().sweeps

    @property
    def program(self) -> Program:
        """The conditional distribution on the fabric."""
        fitted = self._needed()
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
        fitted = self._needed()
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
    ) -> Any:
        """Paths from a state. Volatility stays within twice the highest of the days learnt from and the first day's.

        Args:
            initial_state: of a fitted model, a :class:`State`, or a yearly volatility to start from with no news; by
                default where the prices ended. Of a hand-made graph, how likely each feature is up in the first slice,
                0…1.
            num_trajectories: paths.
            horizon: days; a hand-made graph has ``num_nodes`` slices.
            seed: of everything random; the same seed gives the same paths on every device.
            drift: the expected simple return a year, 0 for a price that stays where it is in the mean; by default the
                mean of the days learnt from. The expectation is exact to second order in a day's volatility.

        Returns:
            :class:`Trajectories`; of a hand-made graph ±1 int8 ``[paths, slices, features]``.

        Raises:
            SpecError: no model, or a horizon or number below 1.
        """
        for name, value in (("num_trajectories", num_trajectories), ("horizon", horizon)):
            if isinstance(value, bool) or int(value) != value or value < 1:
                raise SpecError(f"{name} must be an integer of at least 1, got {value!r}.")
        if self.fitted is None and self._market is not None:
            return self._simulate_graph(initial_state, int(num_trajectories), seed)
        if drift is not None and not (np.isfinite(drift) and drift > -1):
            raise SpecError(f"drift is a simple return a year above -1, such as 0.05, got {drift!r}.")
        state = self._starting(initial_state, int(num_trajectories))
        ceiling = self._needed().persistence.ceiling(state.variance)
        days, scales, ledger = [], [], None
        for day in range(int(horizon)):
            scales.append(np.sqrt(state.variance))
            drawn = int(np.random.SeedSequence([seed, day]).generate_state(1)[0])
            returns, state, cost = self.step(state, drawn, ceiling, drift)
            days.append(returns)
            ledger = cost if ledger is None else ledger.plus(cost)
        return Trajectories(np.stack(days, axis=1), np.stack(scales, axis=1), ledger)

    def _starting(self, initial_state: Any, paths: int) -> State:
        fitted = self._needed()
        if initial_state is None:
            initial_state = fitted.last
        if not isinstance(initial_state, State):
            yearly = float(initial_state)
            if not (np.isfinite(yearly) and yearly > 0):
                raise SpecError(f"a starting volatility is a positive number a year, got {initial_state!r}.")
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
        move: float = 0.05,
    ) -> dict[str, float]:
        """``tail_probability`` of a simple return below ``threshold`` over the horizon; ``var_95``, ``cvar_95`` (losses
        as positive numbers), ``mean_return`` and ``std_return``.

        Args:
            initial_state, horizon, num_trajectories, seed, drift: see :meth:`simulate_market_trajectories`.
            threshold: between -1 and 0.
            move: of a hand-made graph, whose slices are the horizon: how far the price goes in a slice after the first,
                up or down as its first feature is.

        Raises:
            SpecError: ``threshold`` is not between -1 and 0, or ``move`` not between 0 and 1.
        """
        checked_threshold(threshold)
        if not 0 < move < 1:
            raise SpecError(f"move is a simple return between 0 and 1 a slice, got {move!r}.")
        paths = self.simulate_market_trajectories(initial_state, num_trajectories, horizon, seed, drift)
        if isinstance(paths, Trajectories):
            return tail_metrics(np.expm1(paths.returns.sum(axis=1)), threshold)
        return tail_metrics(np.prod(1 + move * paths[:, 1:, 0], axis=1) - 1, threshold)

    def build_market_pgm(
        self,
        market_features: Sequence[str],
        coupling_strength: float = 0.5,
        couplings: Mapping[tuple[str, str], float] | None = None,
        fabric: Any = "king-12x12",
    ) -> IsingModel:
        """A hand-made graph: ``num_nodes`` slices of the features, each up or down.

        Args:
            market_features: their names.
            coupling_strength: J of a feature with itself one slice later.
            couplings: J between two features of a slice; by default half the strength between all.
            fabric: what it is compiled for.

        Raises:
            SpecError: no features, two of one name, or couplings of unknown ones.
        """
        names = tuple(market_features)
        if not names or len(set(names)) != len(names):
            raise SpecError(f"market_features are different names, one at least; got {list(names)}.")
        if not np.isfinite(coupling_strength):
            raise SpecError(f"coupling_strength must be finite, got {coupling_strength!r}.")
        within = {(a, b): coupling_strength / 2 for i, a in enumerate(names) for b in names[i + 1 :]}
        if couplings is not None:
            unknown = [name for pair in couplings for name in pair if name not in names]
            if unknown:
                raise SpecError(f"couplings name {unknown[0]!r}, which is not among {', '.join(names)}.")
            within = dict(couplings)
        n = len(names)
        rows = [((t * n + k, (t + 1) * n + k), coupling_strength) for t in range(self.num_nodes - 1) for k in range(n)]
        for (a, b), value in within.items():
            i, j = sorted((names.index(a), names.index(b)))
            rows += [((t * n + i, t * n + j), value) for t in range(self.num_nodes)]
        rows.sort()
        model = IsingModel(
            tuple((t, name) for t in range(self.num_nodes) for name in names),
            np.zeros(self.num_nodes * n), np.array([pair for pair, _ in rows], dtype=int).reshape(-1, 2),
            np.array([value for _, value in rows], dtype=float),
        )  # fmt: skip
        beta = 1.0 if self.schedule is None else self.schedule.beta
        at_beta = replace(model, biases=beta * model.biases, couplings=beta * model.couplings)
        self._market = compile_program(at_beta, fabric, verify=False), names
        return model

    def _simulate_graph(self, initial_state: Any, paths: int, seed: int) -> np.ndarray:
        assert self._market is not None
        program, names = self._market
        chance = np.full(len(names), 0.5) if initial_state is None else np.asarray(initial_state, dtype=float)
        if chance.shape != (len(names),) or np.any((chance < 0) | (chance > 1)):
            raise SpecError(f"initial_state gives {len(names)} features a probability 0…1 each, got {initial_state!r}.")
        up = np.random.default_rng([seed, 2]).random((paths, len(names))) < chance
        out = program.sample(
            Schedule(self.sweeps or 200, 1),
            clamp={(0, name): up[:, k] for k, name in enumerate(names)}, replicas=paths, seed=seed,
            device=self.device,
        )  # fmt: skip
        return np.where(out.node_states[:, 0], 1, -1).astype(np.int8).reshape(paths, self.num_nodes, len(names))

    def _needed(self) -> Fitted:
        if self.fitted is None:
            raise SpecError(
                "this model has not learnt anything yet; call fit(prices), or build_market_pgm(...) by hand."
            )
        return self.fitted


def energy_model(energy: Callable[[np.ndarray], float], nodes: int, *, check: int = 200, seed: int = 0) -> IsingModel:
    """An energy function of ±1 states as a model of pairs, if it is one: P ∝ exp(-E).

    Args:
        energy: from float ``[nodes]`` to a number.
        nodes: how many spins.
        check: random states at which the pairs must give the energy to one part in 10⁶.
        seed: of these.

    Raises:
        SpecError: the function has terms of three spins and more, or is not finite; sample it on the host with
            :func:`sample_on_host`, or write it as a DiscreteModel.
    """
    up = np.ones(nodes)

    def at(*down: int) -> float:
        state = up.copy()
        state[list(down)] = -1
        value = float(energy(state))
        if not np.isfinite(value):
            raise SpecError(f"the energy of a state is {value}; energies must be finite.")
        return value

    whole, one = at(), np.array([at(k) for k in range(nodes)])
    pairs = [(i, j) for i in range(nodes) for j in range(i + 1, nodes)]
    # E(i and j down) - E(i down) - E(j down) + E(none) = 4 × the coefficient of s_i s_j.
    couple = {(i, j): (at(i, j) - one[i] - one[j] + whole) / 4 for i, j in pairs}
    field = np.array([(whole - one[k]) / 2 - sum(c for pair, c in couple.items() if k in pair) for k in range(nodes)])
    constant = whole - field.sum() - sum(couple.values())
    for state in np.random.default_rng(seed).choice([-1.0, 1.0], (check, nodes)):
        made = constant + field @ state + sum(c * state[i] * state[j] for (i, j), c in couple.items())
        if abs(made - float(energy(state))) > 1e-6 * max(1.0, abs(made)):
            raise SpecError(
                "this energy function is not a sum of terms of one and two spins, so no fabric of pairs holds it; "
                "write it as a DiscreteModel with its higher terms, or sample it on the host with sample_on_host."
            )
    kept = [(pair, c) for pair, c in couple.items() if c]
    return IsingModel(
        tuple(range(nodes)), -field, np.array([pair for pair, _ in kept], dtype=int).reshape(-1, 2),
        np.array([-c for _, c in kept]),
    )  # fmt: skip


def sample_on_host(
    energy: Callable[[np.ndarray], float], nodes: int, samples: int, *, sweeps: int = 20, seed: int = 0
) -> np.ndarray:
    """±1 states int8 ``[samples, nodes]`` of any energy function by Gibbs sampling in Python, on the host and on no
    fabric: P ∝ exp(-E), one chain, ``sweeps`` sweeps apart.
    """
    rng = np.random.default_rng(seed)
    state, taken = rng.choice([-1.0, 1.0], nodes), []
    for _ in range(samples):
        for _ in range(sweeps):
            for k in range(nodes):
                state[k] = 1
                gap = float(energy(state))
                state[k] = -1
                gap -= float(energy(state))
                state[k] = 1 if rng.random() < 1 / (1 + np.exp(np.clip(gap, -700, 700))) else -1
        taken.append(state.copy())
    return np.array(taken, dtype=np.int8)
