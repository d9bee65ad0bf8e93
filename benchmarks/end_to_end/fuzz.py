"""Random programs of up to 13 sites in use: what compile reports, beside an independent solution of what is sampled.

``reported``: the largest difference of an enumerated distance from the independent one, relative; more than 1% and 1e-6
is a violation. ``predicted``: the same programs with ``verify=False``, what a larger program would get: how often the
independent distance is above 0.01 and more than twice the predicted one, the ratio of the two, and how often the
default refuses by its prediction what is within 0.05. ``tolerances``: programs compiled with a tolerance that their
independent distance exceeds. ``shares``: of programs compiled without a tolerance that fit, those compiled, and those
with a distance of at most 0.01; of all widths of weights, and of 8 bits and more.
"""

import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from common import PROFILES

import thermofab as fab
from tests.compiler.independent_solver import LARGEST, distance, node_distribution, sites_in_use, user_distribution
from tests.compiler.random_programs import SIGMAS, RandomProgram, profile_of, random_program
from thermofab.hw.spec import CompileError, RefusedError

CLOSE = 0.01
TOLERANCES = (0.05, 0.01)
_PROFILE = {(12, 4): "default", (24, 8): "fine", (16, 8): "16+8"}


@dataclass
class Tally:
    """What was found so far.

    Attributes:
        outcomes: programs by kind and what became of them.
        shares: (σ, profile) to the distances of programs without a tolerance, ``None`` where refused, and whether
            weights have 8 bits or more.
        largest: absolute difference of a reported distance, by kind.
        violations, missed, beyond: programs that break a promise, with what makes them again.
        ratios: predicted over independent distance, of those above 1e-4, and of those above 0.01.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    shares: dict[tuple[float, str], list[tuple[float | None, bool]]] = field(default_factory=lambda: defaultdict(list))
    largest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    violations: list[dict[str, Any]] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)
    beyond: list[dict[str, Any]] = field(default_factory=list)
    ratios: list[tuple[float, float]] = field(default_factory=list)
    checked: int = 0
    above: int = 0
    unknown: int = 0
    refused_by_prediction: list[tuple[str, float]] = field(default_factory=list)
    within: Counter[str] = field(default_factory=Counter)


def compiled(program: RandomProgram, **options: Any) -> Any:
    """The program compiled; ``None`` if it does not fit within its options.

    Raises:
        RefusedError: it fits with an error that its options do not allow.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fab.compile(program.source(), program.spec(), **{**program.options, **options})
    except RefusedError:
        raise
    except CompileError:
        return None


def independent(program: RandomProgram, made: Any) -> float:
    """The distance of what ``made`` samples from the program; more sites than are solved give NaN."""
    if len(sites_in_use(made)) > LARGEST:
        return float("nan")
    wanted = user_distribution(program.n, program.biases, program.terms)
    return distance(wanted, node_distribution(made))


def asked_of_default(tally: Tally, program: RandomProgram) -> None:
    """Compile as a user does."""
    place = program.sigma, _PROFILE[profile_of(program)]
    try:
        made = compiled(program)
    except RefusedError:
        made, said = None, "refused"
    else:
        said = "does not fit" if made is None else "compiled"
    tv = None if made is None else independent(program, made)
    if tv is not None and np.isnan(tv):
        tally.outcomes[f"{program.kind}, more than {LARGEST} sites"] += 1
        return
    tally.outcomes[f"{program.kind}, {said}"] += 1
    if said != "does not fit" and "tolerance" not in program.options:
        tally.shares[place].append((tv, program.widths["weight_bits"] >= 8))
    if made is None or tv is None or not hasattr(made.report, "end_to_end"):
        return
    reported = made.report.end_to_end
    if reported.standing == "enumerated":
        tally.checked += 1
        difference = abs(reported.tv - tv)
        tally.largest[program.kind] = max(tally.largest[program.kind], difference)
        if difference > max(1e-6, 0.01 * tv):
            tally.violations.append({**program.described(), "reported": reported.tv, "independent": tv})
    else:
        tally.outcomes[f"{program.kind}, {reported.standing}"] += 1


def asked_for_prediction(tally: Tally, program: RandomProgram) -> None:
    """Compile without verification."""
    place = _PROFILE[profile_of(program)]
    refused = False
    try:
        made = compiled(program, verify=False)
    except RefusedError:
        refused = True
        try:
            made = compiled(program, verify=False, tolerance=1.0)
        except RefusedError:
            tally.unknown += 1
            return
    if made is None:
        return
    tv = independent(program, made)
    if np.isnan(tv):
        return
    reported = made.report.end_to_end
    if refused and "tolerance" not in program.options and not made.checks:
        tally.refused_by_prediction.append((f"{program.kind}, {place}", tv))
    if reported.tv is None:
        tally.unknown += 1
        return
    tally.above += tv > CLOSE
    tally.ratios += [(tv, reported.tv / tv)] if tv > 1e-4 else []
    if tv > CLOSE and reported.tv < tv / 2:
        tally.missed.append({**program.described(), "predicted": str(reported), "independent": tv})


def asked_with_tolerance(tally: Tally, program: RandomProgram, tolerance: float) -> None:
    """Compile with a tolerance."""
    try:
        made = compiled(program, tolerance=tolerance)
    except RefusedError:
        tally.within[f"{tolerance} refused"] += 1
        return
    tv = float("nan") if made is None else independent(program, made)
    if np.isnan(tv):
        return
    tally.within[f"{tolerance} compiled"] += 1
    if tv > tolerance + 1e-6:
        tally.beyond.append({**program.described(), "tolerance": tolerance, "independent": tv})


def shares_of(tally: Tally, wide: bool) -> list[dict[str, Any]]:
    """A row of every σ and profile; with ``wide`` of programs of 8-bit weights and wider."""
    rows = []
    for profile in PROFILES:
        for sigma in SIGMAS:
            found = [tv for tv, is_wide in tally.shares.get((sigma, profile), []) if is_wide or not wide]
            tvs = np.array([tv for tv in found if tv is not None])
            count = max(len(found), 1)
            rows.append(
                {
                    "sigma": sigma,
                    "profile": profile,
                    "programs": len(found),
                    "compiled": round(len(tvs) / count, 3),
                    "within_0.01": round(float(np.sum(tvs <= CLOSE)) / count, 3),
                    "above_0.05": round(float(np.sum(tvs > 0.05)) / count, 3),
                    "largest": float(tvs.max(initial=0.0)),
                }
            )
    return rows


def fuzz(count: int, before: bool) -> dict[str, Any]:
    """Programs 0…count-1; ``before``: of a release that reports no end-to-end distance, the shares only."""
    tally = Tally()
    for number in range(count):
        program = random_program(number, PROFILES)
        asked_of_default(tally, program)
        if not before:
            asked_for_prediction(tally, program)
            if "tolerance" not in program.options:
                for tolerance in TOLERANCES:
                    asked_with_tolerance(tally, program, tolerance)
        if number % 100 == 99:
            print(f"{number + 1} programs", flush=True)
    result: dict[str, Any] = {"programs": count, "outcomes": dict(sorted(tally.outcomes.items()))}
    result["shares"] = shares_of(tally, False)
    result["shares, 8 bits and more"] = shares_of(tally, True)
    if not before:
        ratio = np.array(tally.ratios).reshape(-1, 2)
        far = ratio[ratio[:, 0] > CLOSE, 1]
        refused = np.array([tv for _, tv in tally.refused_by_prediction])
        result["reported"] = {
            "enumerated": tally.checked,
            "largest_difference": dict(tally.largest),
            "violations": tally.violations,
        }
        result["predicted"] = {
            "programs": len(ratio),
            "above_0.01": int(tally.above),
            "less_than_half": len(tally.missed),
            "unknown": tally.unknown,
            "worst": sorted(tally.missed, key=lambda row: -row["independent"])[:10],
            "median_over_independent": float(np.median(ratio[:, 1])),
            "median_over_independent_above_0.01": float(np.median(far)) if len(far) else None,
            "lowest_quantiles_above_0.01": np.quantile(far, [0, 0.01, 0.05, 0.5, 0.95]).tolist() if len(far) else None,
            "refused": len(refused),
            "refused_within_0.05": int(np.sum(refused < 0.05)),
            "refused_within_0.01": int(np.sum(refused < 0.01)),
            "refused_within_0.05_by_kind": dict(
                sorted(Counter(kind for kind, tv in tally.refused_by_prediction if tv < 0.05).items())
            ),
        }
        result["tolerances"] = {**dict(sorted(tally.within.items())), "beyond": tally.beyond}
    printed(result)
    return result


def printed(result: dict[str, Any]) -> None:
    """The figures as tables."""
    for name, number in result["outcomes"].items():
        print(f"{name:<40}{number:>6}")
    for part in ("shares", "shares, 8 bits and more"):
        print(part)
        print(f"{'profile':<9}{'σ':>5}{'programs':>10}{'compiled':>10}{'≤ 0.01':>9}{'> 0.05':>9}{'largest':>10}")
        for row in result[part]:
            print(f"{row['profile']:<9}{row['sigma']:>5}{row['programs']:>10}{row['compiled']:>10.1%}"
                  f"{row['within_0.01']:>9.1%}{row['above_0.05']:>9.1%}{row['largest']:>10.3g}")  # fmt: skip
    for part in ("reported", "predicted", "tolerances"):
        if part in result:
            print(part, {k: (len(v) if isinstance(v, list) and k != "lowest_quantiles_above_0.01" else v)
                         for k, v in result[part].items()})  # fmt: skip
