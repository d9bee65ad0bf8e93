"""Programs known to be hard: what compile says of each, and what its integers sample, solved independently."""

import warnings
from collections.abc import Callable
from typing import Any

import networkx
import numpy as np
from common import PROFILES

import thermofab as fab
from tests.compiler.independent_solver import (
    distance,
    node_distribution,
    path_moments,
    probability_of_one,
    two_colour_moments,
    user_distribution,
)
from thermofab.hw.spec import CompileError, IsingModel

ACCEPTED_SIGMAS = (0.3, 0.6, 1.0, 1.5)
COMPLETE, ACCEPTED = 100, 200  # programs


def asked(source: Any, fabric: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """The program, ``None`` if refused, and what the compiler says."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            program = fab.compile(source, fabric, **options)
        except CompileError as error:
            return None, {"refused": str(error)}
    report = program.report
    told = report.end_to_end if hasattr(report, "end_to_end") else f"end_to_end_tv {report.quantisation.tv}"
    row = {"reported": str(told), "predicted_kl": report.quantisation.predicted_kl}
    return program, row | {"warned": [f"{one.category.__name__}: {one.message}" for one in said][:2]}


def path(biases: np.ndarray, couplings: np.ndarray) -> IsingModel:
    """A path of spins."""
    n = len(biases)
    return IsingModel(tuple(range(n)), biases, np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), couplings)


def two_nodes() -> dict[str, Any]:
    """J = 6, b = 0.3, on a king's lattice: a table of 12-bit thresholds cannot hold both wells."""
    biases, rows = np.full(2, 0.3), []
    wanted = user_distribution(2, biases, [((0, 1), 6.0)])
    for profile, widths in PROFILES.items():
        for options in ({}, {"tolerance": 0.01}):
            spec = fab.fabric("king-5x5", **widths)
            program, row = asked(path(biases, np.array([6.0])), spec, **options)
            if program is not None:
                got = node_distribution(program)
                row |= {"tv": distance(wanted, got), "mean_spin": _mean(got), "exact_mean_spin": _mean(wanted)}
            rows.append({"profile": profile, **options, **row})
    # Without the enumeration of small programs: what is predicted.
    for profile, widths in PROFILES.items():
        model = path(biases, np.array([6.0]))
        rows.append(
            {"profile": profile, "verify": False, **asked(model, fab.fabric("king-5x5", **widths), verify=False)[1]}
        )
    return {"rows": rows}


def _mean(distribution: np.ndarray) -> float:
    return float(distribution[2] + distribution[3] - distribution[0] - distribution[1])


def strong_path() -> dict[str, Any]:
    """A path of 20 spins, J = 0.5 and biases 0.1, with one J = 4 in the middle."""
    biases, couplings, rows = np.full(20, 0.1), np.full(19, 0.5), []
    couplings[9] = 4.0
    exact = path_moments(biases, couplings)
    for profile in ("default", "fine"):
        for bits in (8, 12):
            spec = fab.fabric(networkx.path_graph(20), weight_bits=bits, **PROFILES[profile])
            program, row = asked(path(biases, couplings), spec)
            if program is not None:
                row |= _compared(two_colour_moments(program), exact)
            rows.append({"profile": profile, "weight_bits": bits, **row})
    return {"rows": rows}


def _compared(got: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    largest = float(np.max(np.abs(got - exact)))
    return {"mean": float(got.mean()), "exact_mean": float(exact.mean()), "largest_difference_of_a_mean": largest}


def torus() -> dict[str, Any]:
    """32 x 32 spins of J = 2: far below the critical temperature, two wells that no run crosses between."""
    rows = []
    for profile in ("default", "fine"):
        spec = fab.fabric("g4-32x32-torus", **PROFILES[profile])
        edges = spec.topology.edges
        model = IsingModel(tuple(range(1024)), np.zeros(1024), edges, np.full(len(edges), 2.0))
        program, row = asked(model, spec)
        if program is not None and hasattr(program.report, "table"):
            row |= {"table": str(program.report.table)}
        rows.append({"profile": profile, **row})
    return {"rows": rows}


def large_bias() -> dict[str, Any]:
    """A bias of 1e5 on one of 20 spins of a path; numpy's warnings are errors."""
    rng = np.random.default_rng(5)
    biases, couplings = 0.3 * rng.normal(size=20), 0.7 * rng.normal(size=19)
    biases[7] = 1e5
    exact, rows = path_moments(biases, couplings), []
    for profile in ("default", "fine"):
        spec = fab.fabric(networkx.path_graph(20), **PROFILES[profile])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                fab.compile(path(biases, couplings), spec)
            numpy_warns = ""
        except (RuntimeWarning, CompileError) as error:
            numpy_warns = f"{type(error).__name__}: {error}"[:60]
        program, row = asked(path(biases, couplings), spec)
        if program is None:  # the same integers
            program, anyhow = asked(path(biases, couplings), spec, tolerance=1.0)
            row |= anyhow
        if program is not None:
            row |= _compared(np.delete(two_colour_moments(program), 7), np.delete(exact, 7))
        rows.append({"profile": profile, "raised": numpy_warns, **row})
    return {"rows": rows}


def free_spins() -> dict[str, Any]:
    """100 spins of bias 0.7 that nothing couples: 64 replicas of 2,000 samples, all independent."""
    rows, exact = [], float(np.tanh(0.7))
    for profile in ("default", "fine"):
        spec = fab.fabric("g4-10x10", **PROFILES[profile])
        model = IsingModel(tuple(range(100)), np.full(100, 0.7), np.zeros((0, 2)), np.zeros(0))
        program, row = asked(model, spec)
        if program is not None:
            samples = program.sample(fab.Schedule(10, 2000, 1), replicas=64, seed=11, device="native")
            mean = 2 * float(samples.node_states.mean()) - 1
            error = np.sqrt((1 - exact**2) / samples.node_states.size)
            fields = program.image.biases[[copies[0] for copies in program.copies]].astype(np.int64)
            row |= {"mean": mean, "exact": exact, "sigmas": round(float((mean - exact) / error), 2)}
            row |= {"mean_of_the_table": float(np.mean(2 * probability_of_one(program.image, fields) - 1))}
        rows.append({"profile": profile, **row})
    return {"rows": rows}


def complete_graphs() -> dict[str, Any]:
    """K6 on its own graph, J ~ N(0, σ), biases N(0, 0.3)."""
    rows = []
    for sigma in (1.5, 2.0):
        for profile in ("default", "fine", "16+8"):
            found = [_random_distance(networkx.complete_graph(6), sigma, profile, [6, k]) for k in range(COMPLETE)]
            rows.append({"sigma": sigma, "profile": profile, **_shares(found)})
    return {"rows": rows}


def acceptance() -> dict[str, Any]:
    """One site per node, σ ≤ 1.5, 8-bit weights, the fine profile: 95% are to be within 0.01."""
    found = []
    for k in range(ACCEPTED):
        rng = np.random.default_rng([95, k])
        n = 6 if k % 2 else int(rng.integers(6, 10))
        graph = networkx.complete_graph(6) if k % 2 else networkx.gnm_random_graph(n, int(1.5 * n), seed=k)
        found.append(_random_distance(graph, ACCEPTED_SIGMAS[k // 2 % 4], "fine", [95, k, 1]))
    row = _shares(found)
    return {"rows": [row | {"passed": row["within_0.01"] >= 0.95}]}


def _random_distance(graph: networkx.Graph, sigma: float, profile: str, seed: list[int]) -> float | None:
    """The independent distance of a random program on its own graph; ``None`` if refused."""
    rng, n = np.random.default_rng(seed), len(graph)
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    couplings, biases = sigma * rng.normal(size=len(edges)), 0.3 * rng.normal(size=n)
    model = IsingModel(tuple(range(n)), biases, edges, couplings)
    program, _ = asked(model, fab.fabric(graph, **PROFILES[profile]))
    if program is None:
        return None
    wanted = user_distribution(n, biases, list(zip(edges.tolist(), couplings.tolist())))
    return distance(wanted, node_distribution(program))


def _shares(found: list[float | None]) -> dict[str, Any]:
    tvs = np.array([tv for tv in found if tv is not None])
    return {
        "programs": len(found),
        "refused": 1 - len(tvs) / len(found),
        "above_0.05": float(np.sum(tvs > 0.05)) / len(found),
        "within_0.01": float(np.sum(tvs <= 0.01)) / len(found),
        "median": float(np.median(tvs)) if len(tvs) else None,
        "largest": float(tvs.max(initial=0.0)),
    }


CASES: tuple[Callable[[], dict[str, Any]], ...] = (
    two_nodes,
    strong_path,
    torus,
    large_bias,
    free_spins,
    complete_graphs,
    acceptance,
)


def cases() -> dict[str, Any]:
    """Every case by name."""
    result = {}
    for case in CASES:
        try:
            result[case.__name__] = case()
        except Exception as error:  # another release may not survive a case: that is a figure too
            result[case.__name__] = {"rows": [{"failed": f"{type(error).__name__}: {error}"}]}
        print(case.__name__)
        for row in result[case.__name__]["rows"]:
            print("  " + ", ".join(f"{name} {_short(value)}" for name, value in row.items() if value not in ([], "")))
    return result


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)[:120]
