"""Methods timed in turn on one problem: cold and warm apart, every method once a round."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np

from thermofab.apps.profile.alone import measured_alone
from thermofab.apps.profile.comparison import Comparison, Row, spread_of
from thermofab.apps.profile.method import Method, Runner, Setting
from thermofab.apps.profile.problem import Problem
from thermofab.apps.profile.quality import Quality, quality
from thermofab.hw.spec import ThermofabError
from thermofab.hw.spec.costs import ECP5_SPATIAL

FEWEST = 20  # samples per chain that effective samples are measured of


@dataclass(frozen=True)
class Contestant:
    """A method on a problem: as :class:`~thermofab.apps.profile.method.Method`, with the problem filled in."""

    name: str
    said: str
    prepare: Callable[[Setting], Runner]
    scales: bool = True


@dataclass
class _Running:
    of: Contestant
    run: Runner
    setting: Setting
    prepared: float
    first: float
    seconds: list[float]
    states: np.ndarray


def timed(
    contestants: Sequence[Contestant],
    setting: Setting,
    judge: Callable[[np.ndarray], Quality],
    *,
    rounds: int = 5,
    longest: float = 10.0,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[Row, ...]:
    """A row a contestant: each is prepared and called once, then all in turn ``rounds`` times.

    Args:
        judge: of the states of a contestant's last call.
        longest: seconds that a call may last; contestants whose cost goes with the samples take fewer of them.
        progress: called with what begins: a contestant's preparation, a round.
    """
    rows: dict[str, Row] = {}
    running: list[_Running] = []
    for one in contestants:
        progress(f"{one.name}, cold")
        try:
            running.append(_cold(one, setting, longest, seed))
        except ThermofabError as refused:
            rows[one.name] = Row(one.name, one.said, left_out=str(refused))
    for k in range(rounds):
        progress(f"round {k + 1}")
        for one in running:
            started = time.perf_counter()
            one.states = one.run(seed + 1 + k)
            one.seconds.append(time.perf_counter() - started)
    for one in running:
        rows[one.of.name] = Row(
            one.of.name,
            one.of.said,
            samples=one.states.shape[0] * one.states.shape[1],
            prepare_seconds=one.prepared,
            first_seconds=one.first,
            warm_seconds=float(np.median(one.seconds)),
            spread=spread_of(one.seconds),
            quality=judge(one.states),
        )
    return tuple(rows[one.name] for one in contestants)


def compared(
    problem: Problem,
    methods: tuple[Method, ...],
    setting: Setting,
    *,
    rounds: int = 5,
    longest: float = 10.0,
    memory: bool = True,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """``methods`` on a problem of discrete states, and the fabric's own row.

    Args:
        rounds, longest, seed: as :func:`timed`.
        memory: whether to run each once more in a process of its own, for its peak.
        progress: called with what begins, at most :func:`steps_of` times.
    """
    contestants = [Contestant(m.name, m.said, partial(m.prepare, problem), m.scales) for m in methods]
    rows = timed(
        contestants, setting, partial(quality, problem), rounds=rounds, longest=longest, seed=seed, progress=progress
    )
    if memory:
        rows = tuple(_with_memory(problem, row, setting, progress) for row in rows)
    ran = {row.method: row for row in rows if row.quality is not None}
    ours = next((ran[name] for name in ("native", "jax", "jax-xla", "reference") if name in ran), None)
    if ours is not None:
        rows = (*rows, on_fabric(problem, ours, setting))
    space = "spins" if problem.spins else "categories"
    return Comparison(problem.name, problem.said, space, asdict(setting), rows)


def _with_memory(problem: Problem, row: Row, setting: Setting, progress: Callable[[str], None]) -> Row:
    progress(f"{row.method}, memory")
    if row.left_out:
        return row
    alone = measured_alone(problem, row.method, setting.of(row.samples // setting.chains))
    return row if alone is None else replace(row, peak_mib=alone["peak_mib"], fresh_seconds=alone["seconds"])


def steps_of(methods: tuple[Method, ...], rounds: int, memory: bool) -> int:
    """At most so many calls of ``progress``."""
    return len(methods) * (2 if memory else 1) + rounds


def on_fabric(problem: Problem, simulated: Row, setting: Setting) -> Row:
    """A row for the fabric itself, one chain: cycles of a sweep at the clock of static timing; its samples are those of
    a simulator, for all devices give the same bits."""
    assert simulated.quality is not None
    cycles = problem.program.report.cycles_per_sweep
    sweeps = simulated.samples * setting.steps
    q = simulated.quality
    said = f"one fabric of {problem.program.fabric.n_sites} sites, {cycles} cycles a sweep; {ECP5_SPATIAL.source}"
    return Row(
        f"fabric at {ECP5_SPATIAL.hertz / 1e6:g} MHz",
        said,
        standing="modelled",
        samples=simulated.samples,
        warm_seconds=ECP5_SPATIAL.seconds(sweeps * cycles),
        quality=q,
    )


def _cold(one: Contestant, setting: Setting, longest: float, seed: int) -> _Running:
    started = time.perf_counter()
    if not one.scales or setting.samples <= FEWEST:
        run, excess = one.prepare(setting), 0.0
        prepared = time.perf_counter() - started
    else:
        run = one.prepare(setting.of(FEWEST))
        prepared = time.perf_counter() - started
        # Two short calls: by how much the very first is longer, and how many samples a call may take.
        short = [_seconds(run) for _ in range(2)]
        excess = max(0.0, short[0] - short[1])
        setting = _shortened(setting, short[1], longest)
        run = one.prepare(setting)
    started = time.perf_counter()
    states = run(seed)
    return _Running(one, run, setting, prepared, time.perf_counter() - started + excess, [], states)


def _seconds(run: Runner) -> float:
    started = time.perf_counter()
    run(0)
    return time.perf_counter() - started


def _shortened(setting: Setting, short: float, longest: float) -> Setting:
    """As many samples as a call may take, where one of the fewest took ``short`` seconds."""
    sweep = short / (setting.warmup + FEWEST * setting.steps)
    most = (longest / sweep - setting.warmup) / setting.steps
    return setting.of(int(np.clip(most, FEWEST, setting.samples)))
