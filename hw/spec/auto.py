"""A schedule from pilot runs: warm-up, sweeps between samples and samples that reach a number of effective samples,
with the evidence; and β levels, for annealing into the warm-up and for replica exchange."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from thermofab.hw.spec.activation import sigmoid_table
from thermofab.hw.spec.arguments import LikeValues
from thermofab.hw.spec.convergence import autocorrelation, autocorrelation_time
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.errors import MixingWarning, RefusedError, SpecError
from thermofab.hw.spec.mixing import Mixing, effective_of, observables, split_r_hat
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.samples import Samples
from thermofab.hw.spec.schedule import Schedule

MET = 1.05  # R-hat of a pilot's second half at which its chains have met
FIRST_PILOT = 128  # sweeps; each further pilot has four times as many
MARGIN = 1.25  # more effective samples planned than asked for, for pilots err
WARM = 12  # warm-up in autocorrelation times of the slowest observable: a bias of exp(-12) of the start's
KEPT = 0.9  # share of the effective samples per sweep that a longer stride must keep
_STRIDES = (1, 2, 4, 8, 16, 32, 64)
_ACCEPTED_GAP = 1.19  # gap in β times the energy's deviation at which about 0.4 of the exchanges are taken
_RUNG_SWEEPS, _RUNG_CHAINS, _MOST_RUNGS = 200, 16, 64


@dataclass(frozen=True)
class Pilot:
    """A pilot run and what its second half said.

    Attributes:
        chains, sweeps: what was run, from random states.
        tau, slowest: integrated autocorrelation time of all observables together and of the slowest, in sweeps.
        r_hat: largest split R-hat.
        effective: effective samples of all chains.
    """

    chains: int
    sweeps: int
    tau: float
    slowest: float
    r_hat: float
    effective: float


@dataclass(frozen=True)
class Evidence:
    """Why a schedule is as it is.

    Attributes:
        target: effective samples asked for.
        expected: effective samples that the schedule should give.
        budget, spent, planned: sweeps, summed over chains: allowed, of the pilots, and of the schedule itself.
        pilots: the runs.
        per_sweep: effective samples that a sweep of one chain is worth at the schedule's stride.
        betas: factors on β of the levels that the schedule anneals through, 1 first; 1 alone where it does not.
    """

    target: float
    expected: float
    budget: int
    spent: int
    planned: int
    pilots: tuple[Pilot, ...]
    per_sweep: float
    betas: tuple[float, ...] = (1.0,)

    def __str__(self) -> str:
        last = self.pilots[-1]
        annealed = f", annealed through {len(self.betas)} β levels" if len(self.betas) > 1 else ""
        return (
            f"{self.expected:.4g} effective samples expected for {self.target:.4g} asked; {self.planned} sweeps "
            f"planned, {self.spent} spent on {len(self.pilots)} pilots, of {self.budget}; autocorrelation time "
            f"{last.tau:.3g} sweeps, slowest {last.slowest:.3g}, R-hat {last.r_hat:.4g} of {last.chains} chains"
            f"{annealed}"
        )


@dataclass(frozen=True)
class AutoSchedule(Schedule):
    """A schedule with the number of replicas it is for and the evidence behind it."""

    replicas: int = 1
    evidence: Evidence | None = None

    def to_json(self) -> dict[str, Any]:
        """As the plain schedule that it is; the evidence stands apart."""
        return Schedule(self.n_warmup, self.n_samples, self.steps_per_sample, self.anneal, self.level).to_json()

    def reported(self, program: Program) -> Program:
        """The program with ``report.mixing`` as the pilots found it."""
        if self.evidence is None:
            raise SpecError("this schedule has no evidence; make it by Schedule.auto.")
        per_cycle = self.evidence.per_sweep / program.report.cycles_per_sweep
        mixing = Mixing(1e6 * per_cycle, 1.0, f"pilots of Schedule.auto: {self.evidence}")
        return program.replace(report=replace(program.report, mixing=mixing))

    def prepared(self, program: Program) -> Program:
        """The program with the tables that the schedule anneals through; the program itself where it does not."""
        if self.evidence is None:
            raise SpecError("this schedule has no evidence; make it by Schedule.auto.")
        return with_levels(program, self.evidence.betas)

    def evidence_json(self) -> dict[str, Any]:
        return {} if self.evidence is None else asdict(self.evidence)


def auto_schedule(
    program: Program,
    target_ess: float,
    budget: int,
    *,
    replicas: int = 64,
    clamp: LikeValues | None = None,
    device: Device | str = "jax",
    seed: int = 0,
    level: int = 0,
    hottest: float | None = None,
) -> AutoSchedule:
    """See :meth:`Schedule.auto`."""
    for name, value, low in (("target_ess", target_ess, 1), ("budget", budget, 1), ("replicas", replicas, 8)):
        if isinstance(value, bool) or not np.isfinite(value) or value < low:
            raise SpecError(f"{name} must be a number of at least {low}, got {value!r}.")
    pilots: list[Pilot] = []
    spent, sweeps, betas = 0, FIRST_PILOT, (1.0,)
    if hottest is not None:
        if level:
            raise SpecError(f"a schedule anneals to level 0, not {level}; leave out level or hottest.")
        ladder = beta_ladder(program, hottest=hottest, clamp=clamp, device=device, seed=seed)
        spent = len(ladder) * _RUNG_CHAINS * 2 * _RUNG_SWEEPS
        # As many of them as the fabric holds tables.
        held = min(len(ladder), program.fabric.levels)
        betas = tuple(ladder[k] for k in np.linspace(0, len(ladder) - 1, held, dtype=int))
        program = with_levels(program, betas)
    while True:
        plan = Schedule(0, sweeps, 1, _annealed(betas, sweeps // 2), level)
        if spent + replicas * plan.n_sweeps > budget:
            raise RefusedError(_unmet(pilots, spent, replicas * plan.n_sweeps, int(budget)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MixingWarning)  # whether chains have met is what pilots are to find out
            samples = program.sample(
                plan, clamp=clamp, replicas=replicas, seed=seed + len(pilots), device=device, discard=False
            )
        spent += replicas * plan.n_sweeps
        rho, pilot = _judged(samples)
        pilots.append(pilot)
        if pilot.r_hat <= MET and sweeps >= 40 * pilot.slowest:
            break
        sweeps *= 4
    stride, tau = _stride(rho, pilot.tau)
    kept = max(float(samples.kept.mean()), 1e-3)
    warmup = max(10, int(np.ceil(WARM * pilot.slowest)))
    anneal = _annealed(betas, warmup)
    lead = warmup + sum(count for count, _ in anneal)
    best = min(
        (_lengths(target_ess, chains, lead, stride, tau, kept) for chains in _chains(replicas)), key=lambda p: p[0]
    )
    planned, chains, count = best
    if spent + planned > budget:
        left = max(0.0, budget - spent - chains * lead)
        reached = left * kept / (2 * tau * stride) / MARGIN
        raise RefusedError(
            f"{target_ess:g} effective samples need about {spent + planned} sweeps in all ({spent} were spent on "
            f"pilots, a sample is {2 * tau * stride:.3g} sweeps, and the warm-up {lead} of each of {chains} chains), "
            f"and the budget is {int(budget)}; it would give about {reached:.3g}. Raise the budget or ask for fewer."
        )
    per_sweep = kept / (2 * tau * stride)
    expected = chains * ((count - 1) * stride + 1) * per_sweep
    evidence = Evidence(float(target_ess), expected, int(budget), spent, planned, tuple(pilots), per_sweep, betas)
    return AutoSchedule(warmup, count, stride, anneal, level, chains, evidence)


def _annealed(betas: tuple[float, ...], sweeps: int) -> tuple[tuple[int, int], ...]:
    """Phases of about ``sweeps`` sweeps in all from the hottest level to the second coldest."""
    return tuple((max(1, sweeps // (len(betas) - 1)), k) for k in range(len(betas) - 1, 0, -1))


def _judged(samples: Samples) -> tuple[np.ndarray, Pilot]:
    assert samples.program is not None
    model, (chains, sweeps, _) = samples.program.model, samples.sites.shape
    states = samples.node_states[:, sweeps // 2 :]
    rho, times = autocorrelation(observables(model, states))
    r_hat = max(split_r_hat(part) for part in observables(model, states))
    effective = chains * effective_of(observables(model, states))
    # The spread of the chains' means sees what a short window of lags cannot: the slower of the two counts.
    tau = max(autocorrelation_time(rho), states.shape[1] * chains / max(effective, 1e-9) / 2)
    return rho, Pilot(chains, sweeps, tau, max(tau, float(times.max())), r_hat, effective)


def _stride(rho: np.ndarray, tau: float) -> tuple[int, float]:
    """The longest stride that keeps most effective samples per sweep, and τ in samples at it."""
    plain = autocorrelation_time(rho)
    scale = tau / plain
    best = 1, tau
    for stride in _STRIDES:
        thinned = autocorrelation_time(rho[::stride]) * scale
        if stride < len(rho) // 20 and plain * scale >= KEPT * stride * thinned:
            best = stride, thinned
    return best


def _chains(most: int) -> Sequence[int]:
    """8, 16, 32, … and the most."""
    return sorted({most, *(2**k for k in range(3, int(np.log2(most)) + 1))})


def _lengths(target: float, chains: int, lead: int, stride: int, tau: float, kept: float) -> tuple[int, int, int]:
    """Sweeps in all, chains, and samples of each."""
    count = max(20, int(np.ceil(MARGIN * target * 2 * tau / (chains * kept))) + 1)
    return chains * (lead + (count - 1) * stride), chains, count


def _unmet(pilots: list[Pilot], spent: int, wanted: int, budget: int) -> str:
    if not pilots:
        before = f" after {spent} that placed β levels" if spent else ""
        return (
            f"the first pilot takes {wanted} sweeps{before}, and the budget is {budget}; raise it, or take fewer "
            "replicas."
        )
    last = pilots[-1]
    met = "have met" if last.r_hat <= MET else "have not met"
    return (
        f"pilots of up to {last.sweeps} sweeps spent {spent} of a budget of {budget}, and their {last.chains} chains "
        f"{met} (R-hat {last.r_hat:.3g}, slowest autocorrelation time {last.slowest:.3g} sweeps or more), so the "
        f"target cannot be promised; the next pilot takes {wanted}. Raise the budget, or temper with the levels of "
        "beta_ladder."
    )


def beta_ladder(
    program: Program,
    *,
    hottest: float = 0.1,
    clamp: LikeValues | None = None,
    device: Device | str = "jax",
    seed: int = 0,
) -> tuple[float, ...]:
    """Factors on β from 1 down to ``hottest`` for replica exchange, of which neighbours exchange in about 0.4 of the
    offers: each is 1.19 standard deviations' worth of energy from the last, measured by a pilot at the last.

    They go into ``Ladder.of`` (:mod:`thermofab.sim.tempering`), or ``compile(beta_levels=…)``.

    Raises:
        SpecError: ``hottest`` is not between 0 and 1, or the image has other tables than the standard one.
        RefusedError: more than 64 levels would be needed.
    """
    if not 0 < hottest < 1:
        raise SpecError(f"hottest must lie between 0 and 1, got {hottest!r}.")
    betas = [1.0]
    while betas[-1] > hottest:
        if len(betas) == _MOST_RUNGS:
            raise RefusedError(f"more than {_MOST_RUNGS} levels would be needed from 1 down to {hottest:g}.")
        samples = with_levels(program, betas[-1:]).sample(
            Schedule(_RUNG_SWEEPS, _RUNG_SWEEPS), clamp=clamp, replicas=_RUNG_CHAINS, seed=seed + len(betas),
            device=device, discard=False,
        )  # fmt: skip
        deviation = float(samples.energies().std()) * program.model.beta
        betas.append(max(hottest, betas[-1] - _ACCEPTED_GAP / max(deviation, 1e-9)))
    return tuple(betas)


def with_levels(program: Program, betas: Sequence[float]) -> Program:
    """The program with the tables of these factors on β at levels 0, 1, …; other levels keep theirs.

    Raises:
        SpecError: the fabric holds fewer tables, or level 0 holds another table than the standard one.
    """
    image = program.image
    if len(betas) > len(image.tables):
        raise SpecError(f"{len(betas)} levels need as many tables, and this fabric holds {len(image.tables)}.")
    scale = exponent_scale(program)
    tables = image.tables.copy()
    tables[: len(betas)] = [_table(program, scale * beta) for beta in betas]
    return program.replace(image=image.replace(tables=tables))


def exponent_scale(program: Program) -> float:
    """What an integer energy is times in the exponent of the distribution at level 0, by its table.

    Raises:
        SpecError: level 0 holds another table than the standard one.
    """
    step = program.report.quantisation.step
    for scale in (step, step * program.model.beta):
        if np.array_equal(_table(program, scale), program.image.tables[0]):
            return scale
    raise SpecError("a ladder scales the standard table, and this program's level 0 holds another.")


def _table(program: Program, step: float) -> np.ndarray:
    return sigmoid_table(program.fabric, step, program.image.shift)
