"""Ladders whose rungs are placed by what exchanges are measured to take.

With r_k the share of offers refused between rungs k and k + 1, Λ(β) = Σ r is all but independent of where rungs stand,
and even r is best (Syed, Bouchard-Côté, Deligiannidis & Doucet, "Non-reversible parallel tempering", JRSS B 84, 2022).
So a pilot's rates say where rungs belong: at equal steps of Λ; and how many are needed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec import Device, Image, SpecError
from thermofab.sim.tempering.ladder import Ladder
from thermofab.sim.tempering.run import temper


@dataclass(frozen=True, eq=False)
class Adapted:
    """A ladder and how it came to be.

    Attributes:
        ladder: the rungs, coldest first.
        betas: β of every rung.
        image: the image with their tables at levels 0, 1, …
        accepted: float64 ``[L - 1]``, share of offers taken in the last pilot, whose rungs are the ladder's but for its
            own correction.
        barrier: Λ, offers refused from end to end.
        pilots: β of the rungs of every pilot.
    """

    ladder: Ladder
    betas: tuple[float, ...]
    image: Image
    accepted: np.ndarray
    barrier: float
    pilots: tuple[tuple[float, ...], ...]


def adapted_ladder(
    device: Device,
    image: Image,
    step: float,
    *,
    coldest: float,
    hottest: float,
    rungs: int | None = None,
    accepted: float = 0.5,
    replicas: int = 32,
    rounds: int = 200,
    pilots: int = 4,
    seed: int = 0,
    clamp: Any = None,
) -> Adapted:
    """Rungs from ``coldest`` to ``hottest`` between which all exchanges are taken equally often.

    Args:
        device: a simulator of the image's fabric; the image returned is loaded at the end.
        image: its levels' tables are replaced.
        step: energy that one unit of an integer weight stands for, as in :meth:`Ladder.of`.
        coldest, hottest: β of the ends, ``coldest`` > ``hottest`` > 0.
        rungs: how many, 2 … ``fabric.levels``; by default as many as ``accepted`` calls for, and at most that.
        accepted: share of offers to take where ``rungs`` is left out, between 0 and 1.
        replicas, rounds, pilots: ladders, rounds of a pilot (half of them to warm up), and how many pilots.
        seed, clamp: of the pilots.

    Raises:
        SpecError: a number is out of range.
    """
    most = image.fabric.levels
    if not 0 < hottest < coldest < np.inf:
        raise SpecError(f"β of the ends must satisfy 0 < hottest < coldest, got {hottest!r} and {coldest!r}.")
    if rungs is not None and (isinstance(rungs, bool) or not isinstance(rungs, int) or not 2 <= rungs <= most):
        raise SpecError(f"rungs must be an integer of 2…{most}, the levels of this fabric, got {rungs!r}.")
    if not 0 < accepted < 1:
        raise SpecError(f"accepted must lie between 0 and 1, got {accepted!r}.")
    for name, value, low in (("replicas", replicas, 1), ("rounds", rounds, 8), ("pilots", pilots, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
    betas = np.geomspace(coldest, hottest, rungs or min(most, 16))
    tried, rates, barrier = [], np.zeros(0), 0.0
    for pilot in range(pilots):
        ladder, loaded = _loaded(device, image, step, betas)
        done = temper(
            device, ladder, rounds=rounds - rounds // 2, sweeps=1, warmup=rounds // 2, replicas=replicas, keep=(),
            seed=(image.seed + seed + pilot) % 2**64, clamp=clamp,
        )  # fmt: skip
        tried.append(tuple(betas.tolist()))
        rates = done.accepted
        refused = np.clip(1.0 - rates, 1e-3, 1.0)
        barrier = float(refused.sum())
        count = rungs or int(np.clip(np.ceil(barrier / (1.0 - accepted)) + 1, 2, most))
        # Λ is piecewise linear in β between the pilot's rungs.
        reached = np.concatenate([[0.0], np.cumsum(refused)])
        betas = np.interp(np.linspace(0.0, reached[-1], count), reached, betas)
        betas[0], betas[-1] = coldest, hottest
    ladder, loaded = _loaded(device, image, step, betas)
    return Adapted(ladder, tuple(betas.tolist()), loaded, rates, barrier, tuple(tried))


def _loaded(device: Device, image: Image, step: float, betas: np.ndarray) -> tuple[Ladder, Image]:
    ladder, tables = Ladder.of(image.fabric, step, image.shift, betas.tolist())
    loaded = image.replace(tables=tables)
    device.load(loaded)
    return ladder, loaded
