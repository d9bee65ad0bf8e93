"""Interleaved timing: every contender once a round, so that a noisy machine disturbs all alike."""

import time
from collections.abc import Callable, Mapping

import numpy as np


def interleaved(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every call, by contender; one call each beforehand pays for compilation."""
    return interleaved_both(contenders, rounds)[0]


def interleaved_both(
    contenders: Mapping[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of every call on the wall, and processor seconds of all threads."""
    for run in contenders.values():
        run()
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    used: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            started, cpu = time.perf_counter(), time.process_time()
            run()
            wall[name].append(time.perf_counter() - started)
            used[name].append(time.process_time() - cpu)
    return wall, used


def median_rate(work: float, seconds: list[float]) -> float:
    return work / float(np.median(seconds))


def spread(seconds: list[float]) -> float:
    """Half the interquartile range over the median."""
    low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return float((high - low) / (2 * middle))


def machine() -> str:
    """One line on the machine this ran on."""
    import os
    import platform

    import jax

    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            model = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, JAX {jax.__version__} on " + str(
        jax.default_backend()
    )
