"""Evaluate: one candidate on one workload, from the graph to effective samples per second, joule and thousand LUTs."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thermofab.apps.explore.area import Area, area_of
from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.metrics import autocorrelation_time, distance_from, effective_per_chain
from thermofab.apps.explore.record import Measure, Record
from thermofab.apps.explore.settings import Settings
from thermofab.apps.explore.workloads import Workload, workload
from thermofab.hw.spec import FabricSpec, Program, Samples, Schedule, SpecError, ThermofabError
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.hw.spec.costs import COST_MODELS
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.errors import UnsupportedError

_VERSION = 1  # of what a record's numbers mean
_LONGER = 16  # sweeps between samples where chains of successive sweeps are worth too little
_FEW_EFFECTIVE = 50


def key_of(candidate: Candidate, on: Workload, settings: Settings) -> str:
    """What a record is kept under: everything that decides its numbers."""
    return digest_of("record", _VERSION, candidate.to_json(), on.name, on.digest, settings.to_json())


def evaluate(candidate: Candidate, on: str | Workload, settings: Settings | None = None) -> Record:
    """Judge a candidate.

    Args:
        candidate: the fabric.
        on: a workload, or its name.
        settings: how.

    Returns:
        A record; of a candidate that cannot run the workload, an infeasible one with the reason. Its numbers, the
        seconds apart, depend on the arguments alone.

    Raises:
        SpecError: there is no such workload.
    """
    settings = Settings() if settings is None else settings
    on = workload(on) if isinstance(on, str) else on
    begun, measures = time.perf_counter(), {}
    reason: str | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _judge(candidate, on, settings, measures)
    except _HopelessError as stop:
        reason = f"stopped early: {stop}"
    except ThermofabError as refusal:
        reason = " ".join(str(refusal).split())
    key = key_of(candidate, on, settings)
    return Record(candidate, on.name, key, reason is None, reason, measures, time.perf_counter() - begun)


def evaluate_json(candidate: Mapping[str, Any], on: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """:func:`evaluate` between JSON and JSON: what workers of a cluster run."""
    return evaluate(Candidate.from_json(candidate), on, Settings.from_json(settings)).to_json()


class _HopelessError(Exception):
    """A pilot says that the long run is not worth its time."""


def _judge(candidate: Candidate, on: Workload, settings: Settings, into: dict[str, Measure]) -> None:
    """Fill ``into`` step by step, cheap things first, so that a candidate given up keeps what was known."""
    from thermofab.compiler import compile

    spec = candidate.spec(on.model)
    into["fabric_sites"] = Measure(spec.n_sites, "sites", "counted")
    into["degree"] = Measure(spec.topology.max_degree, "neighbours", "counted", "the largest")
    area = _area(spec, settings, into)
    program = compile(
        on.model, spec, tolerance=1.0, seed=settings.seed, tries=candidate.tries, code=candidate.code,
        verify=None if on.truth is not None else False,
    )  # fmt: skip
    report = program.report
    into["sites"] = Measure(report.sites, "sites", "counted", "that carry the workload")
    into["longest_copy"] = Measure(report.longest_copy, "sites", "counted")
    into["reported_tv"] = Measure(report.end_to_end.tv, "", report.end_to_end.standing, report.end_to_end.how)
    clocks = built_clocks(program)
    into["clocks_per_sweep"] = Measure(clocks, "clocks", "modelled", "of the architecture as built")
    if settings.pilot:
        _pilot(program, settings)
    run = _Run.of(program, settings)
    effective = effective_per_chain(run.samples.node_states, program.model, run.samples.kept) / run.sweeps
    into["ess_per_sweep"] = Measure(effective, "samples", "measured", f"{settings.replicas} chains, one's share")
    tau = autocorrelation_time(run.samples.energies()) * run.schedule.steps_per_sample
    into["tau"] = Measure(
        tau if tau == tau else None, "sweeps", "measured", "integrated, of the energy; ½ is independent"
    )
    into["kept"] = Measure(float(run.samples.kept.mean()), "", "measured", "samples whose copies agree")
    _distance(program, on, run.samples, settings, into)
    _rates(effective, clocks, spec, area, into)


def _area(spec: FabricSpec, settings: Settings, into: dict[str, Measure]) -> Area | None:
    try:
        area = area_of(spec, synthesise=settings.synthesis)
    except SpecError as unknown:
        into["lut4"] = Measure(None, "LUT4", "unknown", str(unknown))
        return None
    for name, unit in (("lut4", "LUT4"), ("flip_flops", "FF"), ("block_ram", "18 kbit"), ("megahertz", "MHz")):
        standing = "modelled" if name == "megahertz" else area.standing
        into[name] = Measure(getattr(area, name), unit, standing, area.how(name))
    into["fits_ecp5_85"] = Measure(float(area.fits), "", area.standing, "LUT4 and block RAM against an ECP5-85F's")
    return area


def built_clocks(program: Program) -> int:
    """Clocks of a sweep as built."""
    if program.image.order is not None:
        return sweep_clocks(program.image)
    if program.fabric.topology.factors:
        return program.report.cycles_per_sweep
    from thermofab.hw.host.architectures import loading_of

    return int(loading_of(program.fabric).sweep_clocks)


def _sampled(program: Program, schedule: Schedule, settings: Settings) -> Samples:
    options: dict[str, Any] = {"replicas": settings.replicas, "seed": settings.seed, "discard": False}
    try:
        return program.sample(schedule, device=settings.device, **options)
    except UnsupportedError:
        return program.sample(schedule, device="jax", **options)


def _pilot(program: Program, settings: Settings) -> None:
    """Raises:
    _HopelessError: chains of a short run hardly move.
    """
    schedule = Schedule(settings.pilot, settings.pilot, 1)
    samples = _sampled(program, schedule, settings)
    rate = effective_per_chain(samples.node_states, program.model, samples.kept) / settings.pilot
    if rate < settings.hopeless:
        raise _HopelessError(f"{rate:.2g} effective samples per sweep in a pilot, below {settings.hopeless:g}.")


@dataclass(frozen=True)
class _Run:
    schedule: Schedule
    samples: Samples

    @property
    def sweeps(self) -> int:
        return (self.schedule.n_samples - 1) * self.schedule.steps_per_sample + 1

    @staticmethod
    def of(program: Program, settings: Settings) -> "_Run":
        """Successive sweeps; where these are worth too little, as many samples again, further apart."""
        schedule = Schedule(settings.warmup, settings.samples, 1)
        samples = _sampled(program, schedule, settings)
        if effective_per_chain(samples.node_states, program.model, samples.kept) < _FEW_EFFECTIVE:
            schedule = Schedule(_LONGER * settings.warmup, settings.samples, _LONGER)
            samples = _sampled(program, schedule, settings)
        return _Run(schedule, samples)


def _distance(program: Program, on: Workload, samples: Samples, settings: Settings, into: dict[str, Measure]) -> None:
    """``tv``, measured where there is something to measure it by, and its standard error."""
    if on.truth is not None:
        shape = on.truth.shape
        tv, error = distance_from(samples.node_states, samples.kept, on.truth.probabilities, shape)
        how = "a run against the enumerated distribution: the set of states chosen on half of the chains"
    elif settings.check:
        checked = program.check(seed=settings.seed, device=settings.device).report.checked
        assert checked is not None
        tv, error, how = checked.tv, checked.error, "a run against the model sampled by replica exchange"
    else:
        into["tv"] = Measure(into["reported_tv"].value, "", into["reported_tv"].standing, "as the report has it")
        return
    into["tv"] = Measure(max(tv, 0.0), "", "measured", how)
    into["tv_error"] = Measure(error, "", "measured", "standard error of tv")


def _rates(effective: float, clocks: int, spec: FabricSpec, area: Area | None, into: dict[str, Measure]) -> None:
    per_clock = effective / clocks
    into["ess_per_cycle"] = Measure(per_clock, "samples/clock", "modelled", "measured per sweep, over clocks as built")
    for model in COST_MODELS:
        joules = model.joules(spec.n_sites)
        name = f"ess_per_joule_{model.name.lower()}"
        into[name] = Measure(effective / joules, "samples/J", model.standing, f"{model.source}; updates of all sites")
    if area is None:
        return
    per_second = per_clock * area.megahertz * 1e6
    how = f"at {area.megahertz:.0f} MHz of an ECP5-85F, {area.how('megahertz')}"
    into["sweeps_per_second"] = Measure(area.megahertz * 1e6 / clocks, "sweeps/s", "modelled", how)
    into["ess_per_second"] = Measure(per_second, "samples/s", "modelled", how)
    into["ess_per_klut_second"] = Measure(per_second / (area.lut4 / 1000), "samples/s/kLUT", "modelled", how)
