"""Deviations of a fabric, one at a time: the program and the device to run it on.

What an image can hold is put into the image, which every device runs: a field's offset is a bias, a dead site a clamp,
a bent sigmoid a table. Gains and imperfect random bits need the noisy kernel (:mod:`thermofab.sim.functional.noise`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec import FREE, Device, Program, SpecError, open_device
from thermofab.sim.functional.noise import NoiseModel

Build = Callable[[int], Program]  # weight bits → the application's program
Deviate = Callable[[Build, float, int], tuple[Program, Any]]
FULL_BITS = 8


@dataclass(frozen=True)
class Kind:
    """A way to deviate.

    Attributes:
        name, unit, said: for tables.
        amounts: from gentle to harsh; what comes before the first is no deviation.
        deviate: from an application, an amount and a fabrication's seed to a program and a device.
        drawn: whether fabrications differ; one is enough where they do not.
    """

    name: str
    unit: str
    said: str
    amounts: tuple[float, ...]
    deviate: Deviate
    drawn: bool = True


def offset(build: Build, amount: float, seed: int) -> tuple[Program, Any]:
    """Offsets of :class:`NoiseModel`, as biases: the same bits as the noisy kernel's while no bias is at its end."""
    program = build(FULL_BITS)
    _, drawn = NoiseModel(offset=amount, seed=seed).gains_and_offsets(program.fabric.n_sites)
    top = 2 ** (program.fabric.bias_bits - 1) - 1
    return program.replace(image=program.image.replace(biases=np.clip(program.image.biases + drawn, -top, top))), "jax"


def dead(build: Build, amount: float, seed: int) -> tuple[Program, Any]:
    """A number of the program's own sites stuck at a random value each."""
    program = build(FULL_BITS)
    clamps = dead_clamps(program, round(amount), seed)
    stuck = Stuck(open_device("jax", program.fabric), clamps)
    return program.replace(image=program.image.replace(clamps=clamps)), stuck


def dead_clamps(program: Program, count: int, seed: int) -> np.ndarray:
    """The image's clamps with ``count`` of the program's own sites stuck at a random value each.

    Raises:
        SpecError: it has fewer sites.
    """
    rng = np.random.default_rng(seed)
    used = np.array([site for sites in program.copies for site in sites])
    if count > len(used):
        raise SpecError(f"a program of {len(used)} sites cannot have {count} dead ones.")
    clamps = program.image.clamps.copy()
    clamps[rng.choice(used, count, replace=False)] = rng.integers(0, 2, count)
    return clamps


class Stuck:
    """A device whose dead sites are clamped in every run; programs give clamps of their own, which free them.

    Args:
        device: what runs.
        clamps: int8 ``[N]``: 0 or 1 where a site is dead, else ``FREE``.
    """

    def __init__(self, device: Device, clamps: np.ndarray) -> None:
        self._device, self._dead = device, clamps

    def load(self, image: Any) -> None:
        self._device.load(image)

    def run(self, schedule: Any, *, clamp: np.ndarray, **options: Any) -> Any:
        return self._device.run(schedule, clamp=np.where(self._dead == FREE, clamp, self._dead), **options)


def bent(make: Callable[[float], NoiseModel]) -> Deviate:
    """Tables under the shape or skew of the noise model made of the amount."""

    def deviate(build: Build, amount: float, seed: int) -> tuple[Program, Any]:
        program = build(FULL_BITS)
        tables = make(amount).tables(program.fabric, program.image.tables)
        return program.replace(image=program.image.replace(tables=tables)), "jax"

    return deviate


def drift(build: Build, amount: float, seed: int) -> tuple[Program, Any]:
    """All tables' logits times 1 + amount or 1 - amount (by the seed): the fabric is colder or hotter than it was."""
    program = build(FULL_BITS)
    return program.replace(image=program.image.replace(tables=drifted(program, amount, seed))), "jax"


def drifted(program: Program, amount: float, seed: int) -> np.ndarray:
    """The image's tables under :func:`drift`."""
    top = 2**program.fabric.threshold_bits
    tables = program.image.tables
    logit = np.log(tables / (top - tables)) * (1 + amount * (1 if seed % 2 else -1))
    return np.clip(np.round(top / (1 + np.exp(-logit))), 1, top - 1).astype(np.int32)


def noisy(make: Callable[[float, int], NoiseModel]) -> Deviate:
    """On the noisy kernel with the model made of the amount and the fabrication's seed."""

    def deviate(build: Build, amount: float, seed: int) -> tuple[Program, Any]:
        program = build(FULL_BITS)
        return program, open_device("jax-xla", program.fabric, noise=make(amount, seed))

    return deviate


def bits(build: Build, amount: float, seed: int) -> tuple[Program, Any]:
    """Weights of fewer bits."""
    return build(round(amount)), "jax"


_GAIN = noisy(lambda amount, seed: NoiseModel(gain=amount, seed=seed))
_BIAS = noisy(lambda amount, seed: NoiseModel(bias=amount, seed=seed))
_RELAXATION = noisy(lambda amount, seed: NoiseModel(relaxation=amount, seed=seed))
_SHAPE, _SKEW = bent(lambda amount: NoiseModel(shape=amount)), bent(lambda amount: NoiseModel(skew=amount))

KINDS = (
    Kind("offset", "weight units", "a field's fixed offset, standard deviation", (1, 2, 4, 8, 16, 32), offset),
    Kind("gain", "relative", "a field's fixed gain, standard deviation", (0.02, 0.05, 0.1, 0.2, 0.4), _GAIN),
    Kind("dead", "sites", "sites stuck at a random value", (1, 2, 4), dead),
    Kind("drift", "relative", "all tables hotter or colder", (0.01, 0.02, 0.05, 0.1, 0.2, 0.4), drift),
    Kind("shape", "", "cubic error of the sigmoid", (0.05, 0.1, 0.2, 0.5, 1.0), _SHAPE, drawn=False),
    Kind("skew", "", "even error of the sigmoid", (0.02, 0.05, 0.1, 0.2, 0.5), _SKEW, drawn=False),
    Kind("bias", "", "of every random bit: P(1) = (1 + bias)/2", (0.01, 0.02, 0.05, 0.1), _BIAS, drawn=False),
    Kind("relaxation", "updates", "of the random source", (0.2, 0.4, 0.8, 1.6), _RELAXATION, drawn=False),
    Kind("weight bits", "bits", "width of weights", (7, 6, 5, 4, 3, 2), bits, drawn=False),
)
