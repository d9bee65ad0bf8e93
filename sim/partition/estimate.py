"""ln Z of a program: levels, chains, an estimator, the correction to the model, and whether to believe it."""

import operator
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from thermofab.hw.spec import DistributionWarning, Program, RefusedError, SpecError, open_device
from thermofab.hw.spec.auto import exponent_scale
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.mixing import effective_samples
from thermofab.hw.spec.partition import METHODS, Families, LogPartition, Method, Overlaps, Quadrature, Weights
from thermofab.sim.holding import holding
from thermofab.sim.partition.annealed import log_mean
from thermofab.sim.partition.bar import bennett, influence
from thermofab.sim.partition.climbing import COMBS, Climber, Rung
from thermofab.sim.partition.correction import Correction
from thermofab.sim.partition.integration import hermite, quadrature_error
from thermofab.sim.partition.levels import climb_pilot
from thermofab.sim.partition.population import descent, mean_square_family
from thermofab.sim.partition.spread import jackknife, standard_score
from thermofab.sim.partition.tables import slope

POPULATIONS = 16
# Below these an estimate is refused: effective chains or samples, effective populations, overlap of neighbours,
# share of the samples that the correction keeps.
FEWEST, FEWEST_POPULATIONS, LEAST_OVERLAP, LEAST_KEPT = 16.0, 5.0, 0.03, 0.05
# Standard errors of a drift that 63 degrees of freedom reach with a chance of 5e-6, and 31 with one of 2e-5.
MOST_DRIFT = 5.0
# Site states of coin flips held at a time.
COIN_STATES = 2**22
# Levels whose tables are looked at, and chains.
TABLES_LOOKED_AT, TABLE_CHAINS = 9, 32


@dataclass(frozen=True)
class _Usual:
    """What a method takes where nothing is said: chains, sweeps a level, and levels by the distance Λ."""

    replicas: int
    sweeps: int
    fewest: int
    levels: Callable[[float], float]


_USUAL: dict[Method, _Usual] = {
    "ais": _Usual(256, 4, 8, lambda length: 2 * length**2),
    "bar": _Usual(64, 256, 3, lambda length: length),
    "ti": _Usual(64, 256, 5, lambda length: length),
    "population": _Usual(2048, 16, 5, lambda length: 1.5 * length),
}


@dataclass(frozen=True, eq=False)
class _Task:
    climber: Climber
    correction: Correction
    betas: np.ndarray
    replicas: int
    sweeps: int

    @property
    def gaps(self) -> np.ndarray:
        """Of the factors on an integer energy, float64 ``[L - 1]``."""
        return self.correction.scale * np.diff(self.betas)


def log_partition(
    program: Program,
    method: Method = "ais",
    *,
    levels: int | Sequence[float] | None = None,
    replicas: int | None = None,
    sweeps: int | None = None,
    clamp: Mapping[Hashable, ArrayLike] | None = None,
    seed: int = 0,
    device: Device | str = "jax",
) -> LogPartition:
    """See :meth:`thermofab.hw.spec.program.Program.log_partition`."""
    if method not in METHODS:
        raise SpecError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}.")
    usual = _USUAL[method]
    count = _count("replicas", usual.replicas if replicas is None else replicas, 32)
    if method == "population" and count % POPULATIONS:
        raise SpecError(
            f"population annealing has {POPULATIONS} populations of one size; replicas={count} is no multiple."
        )
    each = _count("sweeps", usual.sweeps if sweeps is None else sweeps, 1 if method in ("ais", "population") else 4)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise SpecError(f"seed must lie in 0…2^64-1, got {seed!r}.")
    clamps = _clamps(program, clamp)
    correction = Correction.of(program, exponent_scale(program), clamps)
    opened = open_device(device, program.fabric) if isinstance(device, str) else device
    running = holding(opened, "ln Z")
    climber = Climber(program, running, clamps, int(seed), correction.scale)
    betas, spent = _levels(levels, usual, climber, correction)
    task = _Task(climber, correction, np.array(betas), count, each)
    estimate = {"ais": _annealed, "bar": _acceptance, "ti": _integrated, "population": _population}[method]
    found = estimate(task)
    value = correction.log_states + found.value
    total = spent + count * each * (len(betas) - 1)
    result = LogPartition(
        value, found.error, method, tuple(betas[::-1]), found.effective, found.correction, found.kept, found.tables,
        found.evidence, total,
    )  # fmt: skip
    _believe(result)
    if abs(result.tables) > result.error:
        warnings.warn(
            f"the fabric's activation tables may change this ln Z by about {result.tables:.2g}, where its error is "
            f"{result.error:.2g}: compile for a fabric of profile='fine', or of more threshold_bits, "
            "table_bits and dither_bits.",
            DistributionWarning,
            stacklevel=3,
        )
    return result


@dataclass(frozen=True)
class _Found:
    """``value`` is of ln Z over the number of states."""

    value: float
    error: float
    effective: float
    correction: float
    kept: float
    tables: float
    evidence: Weights | Overlaps | Quadrature | Families


def _annealed(task: _Task) -> _Found:
    log_w, energies = np.zeros(task.replicas), None
    rung, tables = None, _looks(task)
    for rung in task.climber.climb(task.betas.tolist(), task.replicas):
        energies = _now(task, rung.chains.states()) if energies is None else energies
        log_w -= task.gaps[rung.number - 1] * energies
        energies = rung.energies(1, task.sweeps - 1)[:, 0]
        tables.look(rung)
    assert rung is not None
    last = task.correction.log_weights(rung.chains.states())
    whole = log_mean(log_w + last)
    bare = log_mean(log_w)
    deviation = float(log_w.std(ddof=1))
    correction = whole.value - bare.value
    return _Found(whole.value, whole.error, whole.effective, correction, _share(last), tables.nats, Weights(deviation))


def _population(task: _Task) -> _Found:
    members = task.replicas // POPULATIONS
    combs = task.climber.uniforms(COMBS, POPULATIONS * len(task.betas)).reshape(len(task.betas), POPULATIONS)
    families = np.arange(task.replicas).reshape(POPULATIONS, members)
    grown, energies = np.zeros(POPULATIONS), None
    rung, tables = None, _looks(task)
    for rung in task.climber.climb(task.betas.tolist(), task.replicas):
        states = rung.chains.states()
        energies = _now(task, states) if energies is None else energies
        log_w = -(task.gaps[rung.number - 1] * energies).reshape(POPULATIONS, members)
        grown += [log_mean(one).value for one in log_w]
        parents = np.array([descent(one, comb) for one, comb in zip(log_w, combs[rung.number])])
        families = np.take_along_axis(families, parents, axis=1)
        rung.chains.set_states(states[(parents + members * np.arange(POPULATIONS)[:, None]).ravel()])
        energies = rung.energies(1, task.sweeps - 1)[:, 0]
        tables.look(rung)
    assert rung is not None
    last = task.correction.log_weights(rung.chains.states())
    steps = np.array([log_mean(one).value for one in last.reshape(POPULATIONS, members)])
    whole, bare = log_mean(grown + steps), log_mean(grown)
    worst = max(mean_square_family(one) for one in families)
    evidence = Families(POPULATIONS, members, len(np.unique(families)), worst)
    correction = whole.value - bare.value
    return _Found(whole.value, whole.error, whole.effective, correction, _share(last), tables.nats, evidence)


@dataclass(frozen=True, eq=False)
class _Series:
    """``u``: exponents at β = 1 of every level's samples, ``[R, S]`` each, coin flips first; ``last``: ln w of the
    samples at β = 1, ``[R, S']``."""

    u: list[np.ndarray]
    last: np.ndarray
    tables: float
    betas: np.ndarray

    def correction(self, chains: np.ndarray) -> float:
        return log_mean(self.last[chains].ravel()).value

    @property
    def drift(self) -> float:
        widths = (np.append(self.betas[2:], 1.0) - self.betas[:-1]) / 2
        halves = [np.array_split(one, 2, axis=1) for one in self.u[1:]]
        changes = [width * (b.mean(axis=1) - a.mean(axis=1)) for width, (a, b) in zip(widths, halves)]
        return standard_score(np.sum(changes, axis=0))

    @property
    def effective(self) -> list[float]:
        """Independent samples of every level but the coin flips. Where no state differs in energy all count: a series
        that stands still for that reason is no stuck chain."""
        if not np.ptp(self.u[0]):
            return [float(one.size) for one in self.u[1:]]
        return [len(one) * min(one.shape[1], effective_samples(one[:, :, None])) for one in self.u[1:]]


def _series(task: _Task) -> _Series:
    """A quarter of a level's sweeps is let go; states to correct are taken at the last level, eight a chain at most."""
    lead = task.sweeps // 4
    samples = task.sweeps - lead
    looks = min(8, samples)
    flips = max(2, min(samples, COIN_STATES // (task.replicas * len(task.climber.clamps))))
    u = [task.correction.exponents(task.climber.coins(task.replicas, flips))]
    last, tables = np.empty((task.replicas, looks)), _looks(task)
    for rung in task.climber.climb(task.betas.tolist(), task.replicas):
        if rung.number < len(task.betas) - 1:
            u.append(task.correction.scale * rung.energies(samples, lead))
            tables.look(rung)
            continue
        parts = np.array_split(np.arange(samples), looks)
        found = []
        for k, part in enumerate(parts):
            found.append(task.correction.scale * rung.energies(len(part), lead if k == 0 else 0))
            last[:, k] = task.correction.log_weights(rung.chains.states())
        u.append(np.concatenate(found, axis=1))
        tables.look(rung)
    return _Series(u, last, tables.nats, task.betas)


def _acceptance(task: _Task) -> _Found:
    series, gaps = _series(task), np.diff(task.betas)

    pairs = [(gap * a, gap * b) for gap, a, b in zip(gaps, series.u[:-1], series.u[1:])]
    found, effective = [bennett(*pair) for pair in pairs], series.effective
    correction = series.correction(np.arange(task.replicas))
    # What every chain moves the sum by: chains are independent, levels of one chain are not.
    moved = np.exp(series.last - correction).mean(axis=1) / task.replicas - 1 / task.replicas
    moved += np.sum([influence(*pair, one.value) for pair, one in zip(pairs, found)], axis=0)
    error = float(np.sqrt(np.sum(moved**2) * task.replicas / (task.replicas - 1)))
    shares = [1.0, *(e / one.size for e, one in zip(effective, series.u[1:]))]
    errors = [bennett(*pair, min(first, second)).error for pair, first, second in zip(pairs, shares[:-1], shares[1:])]
    evidence = Overlaps(min(one.overlap for one in found), float(np.linalg.norm(errors)), series.drift)
    value = sum(one.value for one in found) + correction
    kept = _share(series.last.ravel())
    return _Found(value, error, min(effective), correction, kept, series.tables, evidence)


def _integrated(task: _Task) -> _Found:
    series = _series(task)

    def moments(chains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.array([one[chains].mean() for one in series.u]), np.array([one[chains].var() for one in series.u])

    def estimate(chains: np.ndarray) -> float:
        return hermite(task.betas, *moments(chains)) + series.correction(chains)

    everyone = np.arange(task.replicas)
    rule = quadrature_error(task.betas, *moments(everyone))
    error = float(np.hypot(jackknife(estimate, task.replicas), rule))
    return _Found(
        estimate(everyone), error, min(series.effective), series.correction(everyone), _share(series.last.ravel()),
        series.tables, Quadrature(rule, series.drift),
    )  # fmt: skip


def _looks(task: _Task) -> "_Tables":
    numbers = np.unique(np.linspace(1, len(task.betas) - 1, min(TABLES_LOOKED_AT, len(task.betas) - 1)).astype(int))
    return _Tables(task, frozenset(numbers.tolist()), [(0.0, 0.0)])


@dataclass(frozen=True, eq=False)
class _Tables:
    """Looks at some levels' tables: ``slopes`` are (β, error of d ln Z / dβ)."""

    task: _Task
    numbers: frozenset[int]
    slopes: list[tuple[float, float]]

    def look(self, rung: Rung) -> None:
        """``rung`` has swept."""
        if rung.number in self.numbers:
            correction, beta = self.task.correction, float(self.task.betas[rung.number])
            image = rung.image if rung.image.order is None else rung.image.merged.image
            states = rung.chains.states()[:TABLE_CHAINS, correction.sites]
            found = slope(image, rung.level, states, correction.free, correction.scale, beta)
            self.slopes.append((beta, found))

    @property
    def nats(self) -> float:
        betas, slopes = np.array(self.slopes).T
        return float(np.trapezoid(slopes, betas))


def _now(task: _Task, states: np.ndarray) -> np.ndarray:
    """Integer energies of states bool ``[R, N]``."""
    return task.correction.exponents(states) / task.correction.scale


def _share(log_weights: np.ndarray) -> float:
    return log_mean(log_weights).effective / len(log_weights)


def _clamps(program: Program, clamp: Mapping[Hashable, ArrayLike] | None) -> np.ndarray:
    """int8 ``[N]``."""
    if clamp is not None and not isinstance(clamp, Mapping):
        raise SpecError(f"clamp is a mapping from nodes to values here, got {type(clamp).__name__}.")
    for node, value in (clamp or {}).items():
        if np.ndim(value):
            raise SpecError(f"ln Z is of one condition at a time: clamp {node!r} to one value, not to {value!r}.")
    return program.site_states(clamp, None, 1)[0][0]


def _levels(
    asked: int | Sequence[float] | None, usual: _Usual, climber: Climber, correction: Correction
) -> tuple[tuple[float, ...], int]:
    """β from 0 to 1, and the sweeps that a pilot took."""
    if asked is not None and not isinstance(asked, (int, np.integer)):
        given = np.array(asked, dtype=float)
        if given.ndim != 1 or len(given) < 2 or given[0] != 1 or given[-1] != 0 or np.any(np.diff(given) >= 0):
            raise SpecError(
                f"levels are at least 2 factors on β that fall from 1 to 0, which is coin flips; got {asked!r}."
            )
        return tuple(given[::-1].tolist()), 0
    if asked is not None:
        _count("levels", asked, 2)
    pilot = climb_pilot(climber, correction)
    count = max(usual.fewest, int(np.ceil(usual.levels(pilot.length))) + 1) if asked is None else int(asked)
    return pilot.ladder(count), pilot.sweeps


def _count(name: str, value: Any, low: int) -> int:
    try:
        whole = operator.index(value)
    except TypeError:
        whole = low - 1
    if isinstance(value, bool) or whole < low:
        raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
    return whole


def _believe(found: LogPartition) -> None:
    """Refuse an estimate that is not to be believed."""
    evidence, why = found.evidence, ""
    if found.kept < LEAST_KEPT:
        why = (
            f"the model is far from what the fabric samples: the correction's weights keep {found.kept:.2g} of the "
            "samples. Compile with a lower tolerance, more weight_bits or profile='fine', or raise replicas"
        )
    elif isinstance(evidence, Weights) and found.effective < FEWEST:
        why = (
            f"{found.effective:.3g} chains count (ln w deviates by {evidence.deviation:.3g}). Raise levels (now "
            f"{len(found.levels)}), sweeps or replicas, or take method='population'"
        )
    elif isinstance(evidence, Overlaps) and evidence.least < LEAST_OVERLAP:
        why = f"neighbouring levels overlap by {evidence.least:.2g} only. Raise levels (now {len(found.levels)})"
    elif isinstance(evidence, (Overlaps, Quadrature)) and evidence.drift > MOST_DRIFT:
        why = f"ln Z drifts within levels, by {evidence.drift:.3g} standard errors. Raise sweeps, or take 'ais'"
    elif isinstance(evidence, (Overlaps, Quadrature)) and found.effective < FEWEST:
        why = f"a level is worth {found.effective:.3g} samples only. Raise replicas or sweeps"
    elif isinstance(evidence, Families) and found.effective < FEWEST_POPULATIONS:
        why = (
            f"{found.effective:.3g} of {evidence.groups} populations count ({evidence}). Raise replicas, levels (now "
            f"{len(found.levels)}) or sweeps"
        )
    elif isinstance(evidence, Families) and evidence.survivors < 2 * evidence.groups:
        why = f"too few families are left ({evidence}). Raise replicas or sweeps"
    if why:
        raise RefusedError(f"this estimate of ln Z is not to be believed: {why}. It was: {found}")
