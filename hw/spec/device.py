"""The Device protocol, and the checking every device does before it runs.

A device is constructed with a :class:`FabricSpec`, loads an :class:`Image`, and runs a :class:`Schedule`; all devices
return the same bits for the same arguments. To add one: a class with these three methods and an entry point
(docs/extending.md); ``tests/conformance`` then runs on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, TypedDict, Unpack, runtime_checkable

import numpy as np

from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.hw.spec.contract import named
from thermofab.hw.spec.errors import DeviceError, SpecError, UnsupportedError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE, Image, check_fabric_digest
from thermofab.hw.spec.order import IDLE, Order
from thermofab.hw.spec.registry import generator
from thermofab.hw.spec.samples import Counts, Ledger, Samples
from thermofab.hw.spec.schedule import Schedule
from thermofab.hw.spec.seeding import Streams, checked_seed, initial_states


@dataclass(frozen=True)
class DeviceInfo:
    """What a device says of itself; ``bit_exact`` devices agree with ``sim.reference`` in every bit.

    ``contracts`` are the versions of the arithmetic contract that it implements: images of others are refused. Version
    2 is needed for fabrics with a programmed order.
    """

    name: str
    fabric: FabricSpec
    bit_exact: bool
    description: str
    contracts: tuple[int, ...] = (1,)


class RunArguments(TypedDict, total=False):
    """Arguments of a run beside its schedule, for those who hand them on; see :meth:`Device.run`."""

    replicas: int | range
    init: np.ndarray | None
    clamp: np.ndarray | None
    seed: int | Sequence[int] | None


@runtime_checkable
class Device(Protocol):
    """Whatever runs an image."""

    def info(self) -> DeviceInfo: ...

    def load(self, image: Image) -> None: ...

    def run(
        self,
        schedule: Schedule,
        *,
        replicas: int | range = 1,
        init: np.ndarray | None = None,
        clamp: np.ndarray | None = None,
        seed: int | Sequence[int] | None = None,
    ) -> Samples:
        """Run the loaded image.

        Args:
            schedule: sweeps, samples, β levels.
            replicas: independent chains, numbered 0…R-1; replica r has the same bits whatever R is. A range runs the
                chains of these numbers alone: range(2, 5) has what R = 5 has in its last three.
            init: bool ``[N]`` or ``[R, N]``; by default drawn from the seed.
            clamp: int8 ``[N]`` or ``[R, N]``, -1 free, 0 or 1 clamped, instead of the image's; which sites are
                clamped must not depend on the replica.
            seed: program seed instead of the image's; or one per replica, whose bits then are those of replica 0 of
                a run with that seed. The samples' image has the first.

        Returns:
            samples with ``sites`` bool ``[R, S, N]``.
        """
        ...


@runtime_checkable
class CountingDevice(Device, Protocol):
    """A device that counts samples as they come, and keeps none of them."""

    def accumulate(self, schedule: Schedule, **arguments: Unpack[RunArguments]) -> Counts:
        """Run as :meth:`Device.run` does, and return what was counted of the samples."""
        ...


@dataclass(frozen=True, eq=False)
class RunPlan:
    """A checked run: everything a device needs besides the image's weights, biases and tables.

    Streams and starting states are hashed when first asked for: a device that hashes faster never asks.

    Attributes:
        clamped: bool ``[N]``; relays are if their root is.
        values: bool ``[R, N]``, those of clamped sites.
        streams: of all sites; they seed the generators and draw starting states.
        roots: int ``[N]``, of every site the one whose starting state it has; ``None`` where each has its own.
        start: bool ``[R, N]``, states to start from, clamped values in place; ``None`` where they are drawn.
    """

    image: Image
    schedule: Schedule
    replicas: int
    clamped: np.ndarray
    values: np.ndarray
    streams: Streams
    roots: np.ndarray | None = None
    start: np.ndarray | None = None

    @property
    def keys(self) -> np.ndarray:
        """uint64 ``[R, N]``, SplitMix64 streams that seed the generators."""
        return self.streams.keys

    @cached_property
    def init(self) -> np.ndarray:
        """bool ``[R, N]``, clamped values in place; relays have their root's."""
        return self.started(initial_states(self.keys)) if self.start is None else self.start

    def started(self, states: np.ndarray) -> np.ndarray:
        """Drawn states bool ``[R, N]`` with relays' and clamped values in place."""
        states = states if self.roots is None else states[:, self.roots]
        return np.where(self.clamped, self.values, states) if self.clamped.any() else states


def ledger_of(
    plan: RunPlan, seconds: float, measured_cycles: int | None = None, *, sites_read: int | None = None
) -> Ledger:
    """What a run cost; without a cycle counter, by :func:`~thermofab.hw.spec.clocks.sweep_clocks`.

    ``sites_read`` is the number of states read out, by default those of all samples; 0 where a fabric counts them, and
    its counters are read instead.
    """
    sweeps, topology = plan.schedule.n_sweeps * plan.replicas, plan.image.fabric.topology
    loaded = topology.n_sites * plan.replicas
    everything = loaded * plan.schedule.n_samples
    read = everything if sites_read is None else sites_read
    return Ledger(
        site_updates=sweeps * topology.n_sites,
        sweeps=sweeps,
        cycles=sweeps * sweep_clocks(plan.image) if measured_cycles is None else measured_cycles,
        cycles_are="modelled" if measured_cycles is None else "measured",
        seconds=seconds,
        sites_read=read,
        sites_written=loaded,
        bus_bytes=4 * _bus_words(plan, read, counters=read == 0),
    )


def _bus_words(plan: RunPlan, sites_read: int, counters: bool) -> int:
    """32-bit words of a run: entries of the image, states and generators a replica, and what is read out.

    Entries have a word each; states are packed 32 to a word, a sample of a replica beginning a new one.
    """
    image = plan.image
    spec, top = image.fabric, image.fabric.topology
    packed = -(-spec.n_sites // 32)
    loaded = top.n_edges + spec.n_sites + image.tables.size
    started = plan.replicas * (2 * packed + spec.n_sites * generator(spec.rng).state_words)
    if counters:
        return loaded + started + plan.replicas * (spec.n_sites + top.n_edges)
    return loaded + started + -(-sites_read // spec.n_sites) * packed


def check_image(image: Any, fabric: FabricSpec, info: DeviceInfo | None = None) -> Image:
    """The image to load; a Program gives its image.

    Args:
        image: what :meth:`Device.load` was given.
        fabric: the device's.
        info: the device's; without it, version 1 of the contract is what the device implements.

    Raises:
        SpecError: the image was made for another fabric.
        DeviceError: it is no image.
        UnsupportedError: it is of a contract version that the device does not implement.
    """
    image = getattr(image, "image", image)
    if not isinstance(image, Image):
        raise DeviceError(f"a device loads an Image or a Program, got {type(image).__name__}.")
    name, implemented = ("the device", (1,)) if info is None else (f"device '{info.name}'", info.contracts)
    if image.contract not in implemented:
        raise UnsupportedError(
            f"{name} implements contract {named(implemented)}, and the image is of version {image.contract}; take a "
            "device that implements it, or compile the program again."
        )
    check_fabric_digest(image.fabric.digest, fabric)
    return image


def numbers_of(replicas: int | range) -> np.ndarray:
    """The numbers of the chains to run, int64.

    Raises:
        SpecError: neither an integer of at least 1 nor a range of numbers from 0 on.
    """
    if isinstance(replicas, range):
        if not replicas or min(replicas) < 0:
            raise SpecError(f"a range of replicas has numbers from 0 on, one at least, got {replicas!r}.")
        return np.asarray(replicas)
    if isinstance(replicas, bool) or not isinstance(replicas, (int, np.integer)) or replicas < 1:
        raise SpecError(f"replicas must be an integer of at least 1, got {replicas!r}.")
    return np.arange(replicas)


def plan_run(
    image: Image | None,
    schedule: Any,
    replicas: int | range = 1,
    init: np.ndarray | None = None,
    clamp: np.ndarray | None = None,
    seed: int | Sequence[int] | None = None,
) -> RunPlan:
    """Check the arguments of :meth:`Device.run` and fill in what was left out."""
    if image is None:
        raise DeviceError("nothing is loaded; call load(image) before run(...).")
    schedule = Schedule.of(schedule)
    spec = image.fabric
    if schedule.max_level >= spec.levels:
        raise SpecError(
            f"the schedule uses β level {schedule.max_level}, but this fabric holds levels 0…{spec.levels - 1}; "
            "raise FabricSpec.levels."
        )
    numbers = numbers_of(replicas)
    seed, streams = _seeded(image.seed if seed is None else seed, numbers, spec.n_sites)
    clamped, values = _clamped(image, image.clamps if clamp is None else clamp, len(numbers))
    roots = None if image.order is None else image.order.roots
    if init is not None:
        init = _per_replica("init", init, len(numbers), spec.n_sites)
        if init.dtype != np.bool_ and np.any((init != 0) & (init != 1)):
            raise SpecError("init must be bool, or 0 and 1.")
        init = init.astype(bool)
    drawn = RunPlan(
        image=image if seed == image.seed else image.with_seed(seed),
        schedule=schedule,
        replicas=len(numbers),
        clamped=clamped,
        values=values,
        streams=streams,
        roots=roots,
    )
    return drawn if init is None else replace(drawn, start=drawn.started(init))


def _clamped(image: Image, clamp: np.ndarray, replicas: int) -> tuple[np.ndarray, np.ndarray]:
    """Which sites are clamped, bool ``[N]``, and to what, bool ``[R, N]``."""
    clamps = _per_replica("clamp", clamp, replicas, image.fabric.n_sites)
    if clamps.dtype.kind not in "iu" and np.any(clamps != np.round(clamps)):
        raise SpecError("clamp must hold -1 (free), 0 or 1.")
    low, high = clamps.min(initial=FREE), clamps.max(initial=FREE)
    if low < -1 or high > 1:
        raise SpecError(f"clamp must hold -1 (free), 0 or 1, got {clamps[(clamps < -1) | (clamps > 1)][0]}.")
    if high == FREE:  # none is: nothing else to look at
        return np.zeros(image.fabric.n_sites, dtype=bool), np.broadcast_to(np.False_, clamps.shape)
    if image.order is not None:
        clamps = _of_roots(clamps, image.order)
    clamped = clamps[0] != FREE
    if np.any((clamps != FREE) != clamped):
        raise SpecError("which sites are clamped must be the same for every replica; only the values may differ.")
    return clamped, clamps == 1


def _seeded(seed: int | Sequence[int], numbers: np.ndarray, n_sites: int) -> tuple[int, Streams]:
    """The seed that the image keeps, and the streams of all sites."""
    if not isinstance(seed, (Sequence, np.ndarray)) or isinstance(seed, str):
        value = checked_seed(seed)
        return value, Streams.of(value, numbers, n_sites)
    seeds = [checked_seed(value) for value in seed]
    if len(seeds) != len(numbers):
        raise SpecError(f"{len(numbers)} replicas need one seed for all or one each, got {len(seeds)}.")
    if np.any(numbers != np.arange(len(numbers))):
        raise SpecError("seeds per replica leave no use for a range of replica numbers; give the number of replicas.")
    return seeds[0], Streams.of(np.array(seeds, dtype=np.uint64), np.zeros_like(numbers), n_sites)


def _of_roots(clamps: np.ndarray, order: Order) -> np.ndarray:
    """Clamps ``[R, N]`` with those of roots at all sites of their trees; refused where a relay's is another one."""
    given = clamps[:, order.roots]
    wrong = (clamps != FREE) & (clamps != given) | ((clamps != FREE) & (order.colours == IDLE))
    if np.any(wrong):
        site = int(np.argwhere(wrong)[0, 1])
        said = "is idle" if order.colours[site] == IDLE else f"is a relay of site {order.roots[site]}"
        raise SpecError(f"clamp names site {site}, which {said}; clamp the root of a tree.")
    return given


def _per_replica(name: str, values: np.ndarray, replicas: int, n_sites: int) -> np.ndarray:
    values = np.asarray(values)
    if values.shape not in ((n_sites,), (replicas, n_sites)):
        raise SpecError(f"{name} must have shape ({n_sites},) or ({replicas}, {n_sites}), got {values.shape}.")
    return np.broadcast_to(values, (replicas, n_sites))
