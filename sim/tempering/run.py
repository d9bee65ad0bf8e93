"""Parallel tempering: replica exchange over β levels, on simulators and on fabrics behind registers.

R ladders of L rungs; rung k sweeps at its own β level of the image's tables. After every ``sweeps`` sweeps neighbouring
rungs of a ladder offer to exchange states, even pairs and odd pairs in turn (non-reversible exchange: Okabe et al.
2001, Syed et al. 2022), and do so with probability

    min(1, exp((κ_k - κ_{k+1}) (E_k - E_{k+1}))),      κ_k = β_k · step,

E in units of an integer weight. Generators stay with their rungs. Rung k is seeded by output k of the SplitMix64 stream
that starts at the program's seed; the uniform number of round r, pair k and ladder l is the stream's word hashed with
(r, k, l). So a run is fixed by its seed, and is the same on every device; where it is made, in the kernel or here from
chains that are held, changes no bit. Multi-β sampling without exchange is ``exchange=False``; annealing is
``Schedule.anneal``. Nothing recompiles for another ladder.

With ``group`` the replicas of each rung exchange clusters before every round: :mod:`thermofab.sim.tempering.clusters`.
"""

from collections.abc import Sequence

import numpy as np

from thermofab.hw.spec import Device, SpecError
from thermofab.sim.tempering.ladder import Ladder
from thermofab.sim.tempering.opened import open_ladders
from thermofab.sim.tempering.result import Tempered


def temper(
    device: Device,
    ladder: Ladder,
    *,
    rounds: int,
    sweeps: int,
    warmup: int = 0,
    replicas: int = 1,
    keep: Sequence[int] = (0,),
    exchange: bool = True,
    group: int | None = None,
    cluster_rungs: int | None = None,
    seed: int | None = None,
    init: np.ndarray | None = None,
    clamp: np.ndarray | None = None,
) -> Tempered:
    """Temper the image a device has loaded.

    Args:
        device: ``open_device("native" | "jax" | "rtl" | "serial:///dev/ttyUSB0" | …)`` with an image loaded. The
            native kernel runs whole rounds by itself, 64 ladders to a register.
        ladder: rungs.
        rounds: rounds that are kept, each of ``sweeps`` sweeps and one exchange.
        sweeps: sweeps between exchanges.
        warmup: rounds before them.
        replicas: ladders R; independent of one another without ``group``.
        keep: rungs whose states are returned.
        exchange: whether to offer exchanges.
        group: 2, 4, … 64 successive ladders whose replicas exchange clusters in every rung before every round; R is a
            multiple of it. ``None`` for no cluster moves.
        cluster_rungs: how many rungs, from the first, make cluster moves; all by default.
        seed, init, clamp: as in ``Device.run``; ``init`` is every rung's.

    Raises:
        SpecError: a count is out of range, or a level is not one of the fabric's.
        UnsupportedError: cluster moves on an image with factors.
    """
    for name, value, low in (("rounds", rounds, 1), ("sweeps", sweeps, 1), ("warmup", warmup, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
    outside = [rung for rung in keep if not 0 <= rung < len(ladder.levels)]
    if outside:
        raise SpecError(f"keep names rung {outside[0]}, and the ladder has rungs 0…{len(ladder.levels) - 1}.")
    ladders = open_ladders(
        device, ladder, replicas=replicas, exchange=exchange, group=group, cluster_rungs=cluster_rungs, seed=seed,
        init=init, clamp=clamp,
    )  # fmt: skip
    return ladders.run(rounds, sweeps, warmup, tuple(keep))
