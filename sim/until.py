"""sample_until: a run that ends when it is worth the number of effective samples asked for."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from thermofab.hw.spec import Device, Program, Samples, Schedule, SpecError, ledger_of, open_device
from thermofab.hw.spec.arguments import LikeValues
from thermofab.hw.spec.mixing import effective_of, observables, split_r_hat
from thermofab.sim.chains import Chains, Request
from thermofab.sim.holding import simulator

MARGIN = 1.15  # the estimate must exceed the target by so much, for looking often favours lucky estimates
_GROWTH = 1.5


@dataclass(frozen=True)
class Look:
    """What was found after so many samples of every replica."""

    samples: int
    effective: float
    r_hat: float


@dataclass(frozen=True, eq=False)
class Until:
    """A run that was ended.

    Attributes:
        samples: all of it, as :meth:`Program.sample` returns them.
        met: whether the target was met; if not, ``most`` sweeps were run.
        looks: every look at it, in order.
    """

    samples: Samples
    met: bool
    looks: tuple[Look, ...]

    @property
    def effective(self) -> float:
        """Effective samples at the last look."""
        return self.looks[-1].effective

    def __str__(self) -> str:
        last = self.looks[-1]
        return (
            f"{'met' if self.met else 'NOT met'} after {last.samples} samples per replica: {last.effective:.4g} "
            f"effective, R-hat {last.r_hat:.4g}, {len(self.looks)} looks"
        )


def sample_until(
    program: Program,
    target_ess: float,
    *,
    schedule: Schedule | None = None,
    most: int = 1_000_000,
    replicas: int = 64,
    r_hat: float = 1.05,
    clamp: LikeValues | None = None,
    device: Device | str = "jax",
    seed: int | None = None,
    progress: Callable[[Look], None] = lambda look: None,
) -> Until:
    """Run ``program`` until its samples are worth ``target_ess`` independent ones.

    The run is one long one: its samples are those of :meth:`Program.sample` with the same schedule and as many samples.
    They are evaluated after the schedule's samples, and each time their number has grown by half. The run ends when
    the effective samples of all replicas, by the spread of their means, exceed the target by 15% and R-hat is at most
    ``r_hat``.

    Args:
        target_ess: effective samples of all replicas together.
        schedule: warm-up, steps, level, and the samples before the first look, at least 20; by default 100 sweeps to
            warm up and 50 samples of successive sweeps.
        most: sweeps of a replica at which the run ends without having met the target.
        replicas: at least 8.
        device: a simulator, by name or open.
        clamp, seed: as in :meth:`Program.sample`.
        progress: called after every look.

    Raises:
        SpecError: a number is out of range, or the device is no simulator; :meth:`Schedule.auto` is for a fabric.
    """
    asked = Schedule.of(schedule or Schedule(100, 50))
    if replicas < 8 or asked.n_samples < 20 or not target_ess > 0:
        raise SpecError("sample_until needs 8 replicas, 20 samples before the first look and a positive target.")
    opened = open_device(device, program.fabric) if isinstance(device, str) else device
    running = simulator(opened, "sample_until")
    begun, (clamps, _) = time.perf_counter(), program.site_states(clamp, None, replicas)
    running.load(program.image)
    chains = running.start(replicas=replicas, clamp=clamps, seed=seed)
    chains.advance(asked.phases)
    parts, looks, met, wanted = [], [], False, asked.n_samples
    while True:
        parts.append(_more(chains, asked, wanted - sum(part.shape[1] for part in parts), first=not parts))
        sites = np.concatenate(parts, axis=1)
        done = replace(asked, n_samples=sites.shape[1])
        plan = running.plan(done, replicas=replicas, clamp=clamps, seed=seed)
        ledger = ledger_of(plan, time.perf_counter() - begun)
        name = running.info().name
        samples = Samples(sites, plan.image, done, name, ledger).decoded(
            program, program.node_blocks(None), conditioned=bool(plan.clamped.any())
        )
        looks.append(_look(samples))
        progress(looks[-1])
        met = looks[-1].effective >= MARGIN * target_ess and looks[-1].r_hat <= r_hat
        room = 1 + max(0, (most - sum(sweeps for sweeps, _ in asked.phases)) // asked.steps_per_sample)
        if met or sites.shape[1] >= room:
            return Until(samples, met, tuple(looks))
        wanted = min(room, int(np.ceil(_GROWTH * sites.shape[1])))


def _more(chains: Chains, asked: Schedule, count: int, first: bool) -> np.ndarray:
    lead = 0 if first else asked.steps_per_sample
    states = chains.sample(Request(count, lead, asked.steps_per_sample, asked.level, sites=True)).states
    assert states is not None
    return states


def _look(samples: Samples) -> Look:
    program = samples.program
    assert program is not None
    states, kept = samples.node_states, samples.kept
    effective = len(states) * effective_of(observables(program.model, states), kept)
    r_hat = max(split_r_hat(part, kept) for part in observables(program.model, states))
    return Look(states.shape[1], effective, r_hat)
