"""Evaluate: one candidate on one workload, from the graph to effective samples per second, joule and thousand LUTs."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thermofab.apps.explore.area import Area, area_of
from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.chains import Chains, Placed, chains_of, pilot_of
from thermofab.apps.explore.metrics import (
    autocorrelation_curve,
    autocorrelation_time,
    distance_from,
    prefixes,
    r_hat_of,
)
from thermofab.apps.explore.record import Curve, Measure, Record
from thermofab.apps.explore.settings import Settings
from thermofab.apps.explore.workloads import Workload, workload
from thermofab.hw.spec import FabricSpec, Program, SpecError, ThermofabError
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.hw.spec.costs import COST_MODELS
from thermofab.hw.spec.digest import digest_of

_VERSION = 2  # of what a record's numbers mean


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
    begun, found = time.perf_counter(), _Found()
    reason: str | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _judge(candidate, on, settings, found)
    except _HopelessError as stop:
        reason = f"stopped early: {stop}"
    except ThermofabError as refusal:
        reason = " ".join(str(refusal).split())
    key = key_of(candidate, on, settings)
    spent = time.perf_counter() - begun
    return Record(candidate, on.name, key, reason is None, reason, found.measures, found.curves, found.copies, spent)


def evaluate_json(candidate: Mapping[str, Any], on: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """:func:`evaluate` between JSON and JSON: what workers of a cluster run."""
    return evaluate(Candidate.from_json(candidate), on, Settings.from_json(settings)).to_json()


@dataclass(eq=False)
class _Found:
    """A record in the making."""

    measures: dict[str, Measure] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    copies: tuple[tuple[int, ...], ...] = ()


class _HopelessError(Exception):
    """A pilot says that the long run is not worth its time."""


def _judge(candidate: Candidate, on: Workload, settings: Settings, into: _Found) -> None:
    """Fill ``into`` step by step, cheap things first, so that a candidate given up keeps what was known."""
    spec, measures = candidate.spec(on.model), into.measures
    measures["fabric_sites"] = Measure(spec.n_sites, "sites", "counted")
    measures["degree"] = Measure(spec.topology.max_degree, "neighbours", "counted", "the largest")
    area = _area(spec, settings, measures)
    placed = Placed.of(candidate, on.model, settings, None if on.truth is not None else False)
    program, report = placed.whole, placed.whole.report
    measures["sites"] = Measure(report.sites, "sites", "counted", "that carry the workload")
    measures["longest_copy"] = Measure(report.longest_copy, "sites", "counted")
    measures["reported_tv"] = Measure(report.end_to_end.tv, "", report.end_to_end.standing, report.end_to_end.how)
    clocks = built_clocks(program)
    measures["clocks_per_sweep"] = Measure(clocks, "clocks", "modelled", "of the architecture as built")
    if settings.pilot:
        _pilot(placed, candidate, settings)
    chains = chains_of(placed, candidate, settings)
    how = f"{len(chains.states)} chains" + (f", {chains.copies} on the fabric at once" if chains.copies > 1 else "")
    measures["ess_per_sweep"] = Measure(chains.per_sweep, "samples", "measured", how)
    tau = autocorrelation_time(on.model.energies(chains.states)) * chains.stride
    measures["tau"] = Measure(
        tau if tau == tau else None, "sweeps", "measured", "integrated, of the energy; ½ is independent"
    )
    measures["kept"] = Measure(float(chains.kept.mean()), "", "measured", "samples whose copies agree")
    _distance(program, on, chains, settings, measures)
    _rates(chains.per_sweep, clocks, spec, area, measures)
    into.copies = tuple(tuple(map(int, sites)) for sites in placed.parts[0].copies)
    into.curves = _curves(on, chains)


def _curves(on: Workload, chains: Chains) -> dict[str, Curve]:
    """See :class:`~thermofab.apps.explore.record.Record`."""
    model, states, kept, stride = chains.model, chains.states, chains.kept, chains.stride
    counts = list(prefixes(states.shape[1]))
    found = {
        "autocorrelation": autocorrelation_curve(model, states, stride),
        "r_hat": tuple((float(k * stride), r_hat_of(model, states[:, :k], kept[:, :k]) - 1) for k in counts),
    }
    if on.truth is not None:
        truth = on.truth
        distances = [distance_from(states[:, :k], kept[:, :k], truth.probabilities, truth.shape)[0] for k in counts]
        found["tv"] = tuple((float(k * stride), distance) for k, distance in zip(counts, distances))
    return {name: tuple(point for point in curve if np.isfinite(point[1])) for name, curve in found.items()}


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


def _pilot(placed: Placed, candidate: Candidate, settings: Settings) -> None:
    """Raises:
    _HopelessError: chains of a short run hardly move.
    """
    rate = pilot_of(placed, candidate, settings).per_sweep
    if rate < settings.hopeless:
        raise _HopelessError(f"{rate:.2g} effective samples per sweep in a pilot, below {settings.hopeless:g}.")


def _distance(program: Program, on: Workload, chains: Chains, settings: Settings, into: dict[str, Measure]) -> None:
    """``tv``, measured where there is something to measure it by, and its standard error."""
    if on.truth is not None:
        shape = on.truth.shape
        tv, error = distance_from(chains.states, chains.kept, on.truth.probabilities, shape)
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
