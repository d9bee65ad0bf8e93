"""Programs of 15 to 18 spins, which compile predicts and does not enumerate, on graphs of two colours, solved exactly.

``missed``: an independent distance above 0.01 and more than twice the predicted one. ``refused``: by prediction, and
how near those programs would have been: they are compiled again with ``tolerance=1``, which changes no integer of
programs with one site per node. ``unknown``: the compiler says it does not know. ``beyond``: compiled with a tolerance
that the independent distance exceeds; a prediction promises nothing, so these are counted, not forbidden.
"""

import warnings
from collections import Counter
from typing import Any

import numpy as np
from common import PROFILES

import thermofab as fab
from tests.compiler.independent_solver import distance, node_distribution, user_distribution
from tests.compiler.random_programs import RandomProgram, larger_program, profile_of
from thermofab.hw.spec import RefusedError

TOLERANCES = (0.05, 0.01)


def compiled(program: RandomProgram, tolerance: float | None) -> Any:
    """The program, or the sentence of a refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return fab.compile(program.source(), program.spec(), tolerance=tolerance)
        except RefusedError as error:
            return str(error)


def independent(program: RandomProgram, made: Any) -> float:
    """The distance of what ``made`` samples from the program."""
    wanted = user_distribution(program.n, program.biases, program.terms)
    return distance(wanted, node_distribution(made, two_colours=True))


def larger(count: int) -> dict[str, Any]:
    """Programs 0…count-1."""
    outcomes: Counter[str] = Counter()
    found: list[tuple[float, float]] = []
    missed, beyond, refused, refusals = [], [], [], []
    for number in range(count):
        program = larger_program(number, PROFILES)
        made = compiled(program, None)
        if isinstance(made, str):
            outcomes["refused"] += 1
            anyhow = compiled(program, 1.0)
            if not isinstance(anyhow, str):
                refused.append(independent(program, anyhow))
                row = {"predicted": str(anyhow.report.end_to_end), "independent": refused[-1]}
                refusals.append({**program.described(), **row})
            continue
        reported = made.report.end_to_end
        tv = independent(program, made)
        place = f"t={profile_of(program)[0]}, {reported.standing}"
        outcomes[f"{place}, {'above' if tv > 0.01 else 'within'} 0.01"] += 1
        if reported.tv is None:
            continue
        found.append((tv, reported.tv / tv))
        if tv > 0.01 and reported.tv < tv / 2:
            missed.append({**program.described(), "predicted": str(reported), "independent": tv})
        for tolerance in TOLERANCES:
            within = made if reported.tv <= tolerance else None
            if within is not None:
                outcomes[f"tolerance {tolerance}, within"] += tv <= tolerance
                if tv > tolerance:
                    beyond.append({**program.described(), "predicted": str(reported), "independent": tv})
        if number % 50 == 49:
            print(f"{number + 1} programs", flush=True)
    ratio = np.array(found).reshape(-1, 2)
    far = ratio[ratio[:, 0] > 0.01, 1]
    near = np.array(refused)
    result = {
        "programs": count,
        "outcomes": dict(sorted(outcomes.items())),
        "above_0.01": len(far),
        "less_than_half": len(missed),
        "median_over_independent": float(np.median(ratio[:, 1])),
        "quantiles_above_0.01": dict(
            zip(("least", "5%", "median", "95%"), np.quantile(far, [0, 0.05, 0.5, 0.95]).tolist())
        )
        if len(far)
        else None,
        "refused": len(near),
        "refused_within_0.05": int(np.sum(near < 0.05)),
        "refused_within_0.01": int(np.sum(near < 0.01)),
        "beyond_tolerance": len(beyond),
        "worst_missed": sorted(missed, key=lambda row: -row["independent"])[:10],
        "worst_beyond": sorted(beyond, key=lambda row: -row["independent"])[:10],
        "refused_for_least": sorted(refusals, key=lambda row: row["independent"])[:5],
    }
    for name, value in result.items():
        if not isinstance(value, list):
            print(name, value)
    return result
