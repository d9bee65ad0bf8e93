"""Parallel tempering: replica exchange over β levels, on simulators and on fabrics behind registers.

R ladders of L rungs; rung k sweeps at its own β level of the image's tables. After every ``sweeps`` sweeps neighbouring
rungs of a ladder offer to exchange states, even pairs and odd pairs in turn, and do so with probability

    min(1, exp((κ_k - κ_{k+1}) (E_k - E_{k+1}))),      κ_k = β_k · step,

E in units of an integer weight. Generators stay with their rungs. Rung k is seeded by output k of the SplitMix64 stream
that starts at the program's seed; the uniform number of round r, pair k and ladder l is the stream's word hashed with
(r, k, l). So a run is fixed by its seed, and is the same on every device. Multi-β sampling without exchange is
``exchange=False``; annealing is ``Schedule.anneal``. Nothing recompiles for another ladder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np

from thermofab.hw.spec import FabricSpec, Schedule, SpecError, sigmoid_table
from thermofab.hw.spec.seeding import GOLDEN, MASK64, mix64, stream_word
from thermofab.sim.chains import Chains, Request
from thermofab.sim.driven import Placing, start_driven
from thermofab.sim.simulated import SimulatedDevice

# Index in the program seed's stream of the word that swap decisions hash; rungs take those before it.
SWAP_INDEX = 2**20


@dataclass(frozen=True)
class Ladder:
    """Rungs of a tempering run, coldest or hottest first, in order.

    Attributes:
        levels: β level (table) of every rung.
        scales: κ = β·step of every rung: energy in units of an integer weight times κ is the exponent of the
            distribution.
    """

    levels: tuple[int, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.scales) or len(self.levels) < 1:
            raise SpecError(
                f"a ladder needs one scale a level and at least one, got {len(self.levels)} and {len(self.scales)}."
            )
        if any(not np.isfinite(scale) or scale < 0 for scale in self.scales):
            raise SpecError(f"scales of a ladder must be finite and not negative, got {self.scales}.")

    @staticmethod
    def of(spec: FabricSpec, step: float, shift: int, betas: Sequence[float]) -> tuple["Ladder", np.ndarray]:
        """A ladder over the levels 0…L-1 and the tables that make them, int ``[levels, 2A]``, for ``Image.tables``.

        Raises:
            SpecError: the fabric holds fewer tables than there are β.
        """
        if len(betas) > spec.levels:
            raise SpecError(
                f"{len(betas)} rungs need as many tables, and this fabric holds {spec.levels}; raise FabricSpec.levels."
            )
        padded = [*betas, *[betas[-1]] * (spec.levels - len(betas))]
        tables = np.array([sigmoid_table(spec, step, shift, beta) for beta in padded])
        return Ladder(tuple(range(len(betas))), tuple(beta * step for beta in betas)), tables


@dataclass(frozen=True, eq=False)
class Tempered:
    """What a tempering run returned.

    Attributes:
        states: bool ``[rungs kept, R, rounds, N]``, after each round's exchange.
        energies: int64 ``[L, R, rounds]``, likewise, in units of an integer weight.
        accepted: float64 ``[L - 1]``, share of offers taken between neighbouring rungs.
        walkers: int64 ``[L, R, rounds]``, which rung's initial state the state of a rung descends from.
        site_updates: of all rungs.
    """

    states: np.ndarray
    energies: np.ndarray
    accepted: np.ndarray
    walkers: np.ndarray
    site_updates: int

    @property
    def round_trips(self) -> int:
        """Walkers that went from one end of the ladder to the other and back, over all ladders."""
        rungs, replicas, rounds = self.walkers.shape
        trips = 0
        for r in range(replicas):
            place = np.argsort(self.walkers[:, r], axis=0)  # rung of every walker, [L, rounds]
            for walker in range(rungs):
                ends = place[walker][(place[walker] == 0) | (place[walker] == rungs - 1)]
                trips += int(np.count_nonzero(np.diff(ends))) // 2
        return trips


def temper(
    device: SimulatedDevice | Placing,
    ladder: Ladder,
    *,
    rounds: int,
    sweeps: int,
    warmup: int = 0,
    replicas: int = 1,
    keep: Sequence[int] = (0,),
    exchange: bool = True,
    seed: int | None = None,
    init: np.ndarray | None = None,
    clamp: np.ndarray | None = None,
) -> Tempered:
    """Temper the image a device has loaded.

    Args:
        device: ``open_device("native" | "jax" | "rtl" | "serial:///dev/ttyUSB0" | …)`` with an image loaded.
        ladder: rungs.
        rounds: rounds that are kept, each of ``sweeps`` sweeps and one exchange.
        sweeps: sweeps between exchanges.
        warmup: rounds before them.
        replicas: independent ladders R.
        keep: rungs whose states are returned.
        exchange: whether to offer exchanges.
        seed, init, clamp: as in ``Device.run``; ``init`` is every rung's.

    Raises:
        SpecError: a count is out of range, or a level is not one of the fabric's.
    """
    for name, value, low in (("rounds", rounds, 1), ("sweeps", sweeps, 1), ("warmup", warmup, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
    if not (hasattr(device, "start") or hasattr(device, "run_from")):
        raise SpecError(
            "tempering needs a device whose chains can be held, a simulator's, or whose states and generators can be "
            "placed, as those of 'rtl' and 'serial://…' can."
        )
    count = len(ladder.levels)
    image = device.plan(Schedule(0, 1), seed=seed).image
    if max(ladder.levels) >= image.fabric.levels or min(ladder.levels) < 0:
        raise SpecError(
            f"the ladder uses β levels {ladder.levels}, but this fabric holds levels 0…{image.fabric.levels - 1}."
        )
    root = np.array([(image.seed + GOLDEN) & MASK64], dtype=np.uint64)
    start = getattr(device, "start", None) or partial(start_driven, cast(Placing, device))
    rungs: list[Chains] = [
        start(replicas=replicas, init=init, clamp=clamp, seed=int(stream_word(root, k)[0])) for k in range(count)
    ]
    states = np.empty((len(keep), replicas, rounds, image.fabric.n_sites), dtype=bool)
    energies, walkers = np.empty((2, count, replicas, rounds), dtype=np.int64)
    walker = np.repeat(np.arange(count)[:, None], replicas, axis=1)
    offered, taken = np.zeros(max(0, count - 1)), np.zeros(max(0, count - 1))
    for number in range(warmup + rounds):
        looked = [
            chains.sample(Request(1, sweeps, sweeps, level, True, energies=True))
            for chains, level in zip(rungs, ladder.levels)
        ]
        energy = np.array([chunk.energies[:, 0] for chunk in looked if chunk.energies is not None])
        order = np.repeat(np.arange(count)[:, None], replicas, axis=1)
        if exchange:
            for pair in range(number % 2, count - 1, 2):
                swap = _decide(root, number, pair, ladder, energy)
                order[pair : pair + 2, swap] = order[pair : pair + 2, swap][::-1]
                offered[pair] += replicas
                taken[pair] += swap.sum()
        now = np.array([chunk.states[:, 0] for chunk in looked if chunk.states is not None])
        moved = np.take_along_axis(now, order[:, :, None], axis=0)
        for k in np.flatnonzero((order != np.arange(count)[:, None]).any(axis=1)):
            rungs[k].set_states(moved[k])
        walker = np.take_along_axis(walker, order, axis=0)
        if number >= warmup:
            states[:, :, number - warmup] = moved[list(keep)]
            energies[:, :, number - warmup] = np.take_along_axis(energy, order, axis=0)
            walkers[:, :, number - warmup] = walker
    updates = (warmup + rounds) * sweeps * replicas * count * image.fabric.n_sites
    return Tempered(states, energies, taken / np.maximum(1, offered), walkers, updates)


def _decide(root: np.ndarray, number: int, pair: int, ladder: Ladder, energy: np.ndarray) -> np.ndarray:
    """Which ladders exchange the states of rungs ``pair`` and ``pair + 1`` in a round, bool ``[R]``."""
    golden = np.uint64(GOLDEN)
    hashed = mix64((stream_word(root, SWAP_INDEX) ^ np.uint64(number)) + golden)
    hashed = mix64((hashed ^ np.uint64(pair)) + golden)
    words = mix64((hashed ^ np.arange(energy.shape[1], dtype=np.uint64)) + golden)
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    gain = (ladder.scales[pair] - ladder.scales[pair + 1]) * (energy[pair] - energy[pair + 1])
    return np.log(uniform) < gain
