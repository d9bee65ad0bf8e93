"""Chains: a candidate's run of a workload as chains of the workload's nodes, whatever else the fabric held: several
copies of the program side by side, or a ladder of β levels that exchange their states."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.settings import Settings
from thermofab.hw.spec import DiscreteModel, IsingModel, Program, Schedule, open_device
from thermofab.hw.spec.errors import UnsupportedError
from thermofab.hw.spec.mixing import effective_of, observables
from thermofab.sim.tempering import Ladder, temper

HOTTEST = 0.3  # factor on β of a ladder's last rung
EXCHANGE = 4  # sweeps of every rung between exchanges
_LONGER = 16  # sweeps between samples where chains of successive sweeps are worth too little
_FEW_EFFECTIVE = 50


def betas_of(rungs: int) -> tuple[float, ...]:
    """Factors on β of a ladder, from 1 down to ``HOTTEST``, in equal ratios."""
    return tuple(float(beta) for beta in np.geomspace(1.0, HOTTEST, rungs)) if rungs > 1 else (1.0,)


@dataclass(frozen=True, eq=False)
class Placed:
    """A workload on a fabric: all that the fabric holds as one program, and the workload's copies in it, which share
    its image; a single copy is the program itself."""

    whole: Program
    parts: tuple[Program, ...]

    @staticmethod
    def of(
        candidate: Candidate, model: IsingModel | DiscreteModel, settings: Settings, verify: bool | None
    ) -> "Placed":
        """Raises:
        SpecError, CompileError: there is no such fabric, or it does not hold the copies.
        """
        from thermofab.compiler import compile
        from thermofab.compiler.packing import pack

        options: dict[str, Any] = {
            "tolerance": 1.0, "seed": settings.seed, "tries": candidate.tries, "code": candidate.code,
            "verify": verify, "beta_levels": betas_of(candidate.rungs),
        }  # fmt: skip
        spec = candidate.spec(model)
        if candidate.copies == 1:
            program = compile(model, spec, **options)
            return Placed(program, (program,))
        packed = pack(model, spec, copies=candidate.copies, **options)
        return Placed(packed.whole, packed.parts)


@dataclass(frozen=True, eq=False)
class Chains:
    """What a run gave, a chain for every replica of every copy.

    Attributes:
        model: the workload's.
        states: of its nodes, bool or integers ``[C, S, n]``.
        kept: bool ``[C, S]``, samples whose copies agree.
        stride: sweeps of the fabric from one sample to the next, those of all rungs together.
        sweeps: of the fabric from the first sample to the last.
        copies: chains that a sweep of the fabric moves at once.
    """

    model: IsingModel | DiscreteModel
    states: np.ndarray
    kept: np.ndarray
    stride: int
    sweeps: int
    copies: int

    @property
    def effective(self) -> float:
        """Independent samples that one chain's averages are worth."""
        return effective_of(observables(self.model, self.states), self.kept)

    @property
    def per_sweep(self) -> float:
        """Independent samples that a sweep of the fabric gives, all copies together."""
        return self.copies * self.effective / self.sweeps


def chains_of(placed: Placed, candidate: Candidate, settings: Settings) -> Chains:
    """Successive sweeps; where these are worth too little, as many samples again, further apart."""
    found = _run(placed, candidate, settings, settings.warmup, settings.samples, 1)
    if found.effective < _FEW_EFFECTIVE:
        found = _run(placed, candidate, settings, _LONGER * settings.warmup, settings.samples, _LONGER)
    return found


def pilot_of(placed: Placed, candidate: Candidate, settings: Settings) -> Chains:
    """A short run, half of which warms up."""
    return _run(placed, candidate, settings, settings.pilot, settings.pilot, 1)


def _run(placed: Placed, candidate: Candidate, settings: Settings, warmup: int, samples: int, steps: int) -> Chains:
    if candidate.rungs > 1:
        return _tempered(placed, candidate.rungs, settings, warmup, samples, steps)
    run = _sampled(placed.whole, Schedule(warmup, samples, steps), settings)
    return _chains(placed, run, steps, (samples - 1) * steps + 1)


def _chains(placed: Placed, sites: np.ndarray, stride: int, sweeps: int) -> Chains:
    parts = placed.parts
    nodes = range(parts[0].model.n_nodes)
    states = np.concatenate([part.read(sites, nodes) for part in parts])
    kept = np.concatenate([_kept(part, sites) for part in parts])
    return Chains(parts[0].model, states, kept, stride, sweeps, len(parts))


def _kept(program: Program, sites: np.ndarray) -> np.ndarray:
    agree = np.ones(sites.shape[:2], dtype=bool)
    for a, b in program.checks:
        agree &= sites[:, :, a] == sites[:, :, b]
    return agree


def _sampled(program: Program, schedule: Schedule, settings: Settings) -> np.ndarray:
    """Site states bool ``[R, S, N]``."""
    options: dict[str, Any] = {"replicas": settings.replicas, "seed": settings.seed, "discard": False}
    try:
        return program.sample(schedule, device=settings.device, **options).sites
    except UnsupportedError:
        return program.sample(schedule, device="jax", **options).sites


def _tempered(placed: Placed, rungs: int, settings: Settings, warmup: int, samples: int, steps: int) -> Chains:
    """Replica exchange over the image's β levels; the samples are those of the rung at β itself."""
    program, betas = placed.whole, betas_of(rungs)
    step = program.report.quantisation.step
    ladder = Ladder(tuple(range(rungs)), tuple(beta * step for beta in betas))
    try:
        device = open_device(settings.device, program.fabric)
        device.load(program.image)
    except UnsupportedError:
        device = open_device("jax", program.fabric)
        device.load(program.image)
    found = temper(
        device, ladder, rounds=samples, sweeps=EXCHANGE * steps, warmup=-(-warmup // (EXCHANGE * steps)),
        replicas=settings.replicas, seed=settings.seed,
    )  # fmt: skip
    stride = rungs * EXCHANGE * steps
    return _chains(placed, found.states[0], stride, samples * stride)
