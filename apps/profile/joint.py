"""All deviations at once: what is tolerated one at a time, multiplied by a common factor."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from thermofab.apps.profile.deviations import FULL_BITS, Build, Kind, Stuck, dead_clamps, drifted
from thermofab.hw.spec import Program, SpecError, open_device
from thermofab.sim.functional.noise import NoiseModel

NOISE = ("offset", "gain", "shape", "skew", "bias", "relaxation")
IN_IMAGE = ("dead", "drift", "weight bits")
FACTORS = (0.125, 0.25, 0.35, 0.5, 0.7, 0.85, 1.0)


def together(amounts: Mapping[str, float]) -> Kind:
    """The deviation of all kinds of ``amounts`` at once; its amount is the factor they are multiplied by.

    Bits of weight are 8 less so much of what is left out of 8, rounded up to whole ones; dead sites are rounded down.

    Raises:
        SpecError: a kind that there is not.
    """
    unknown = set(amounts) - {*NOISE, *IN_IMAGE}
    if unknown:
        raise SpecError(f"there is no deviation {min(unknown)!r}; there are {', '.join((*NOISE, *IN_IMAGE))}.")

    def deviate(build: Build, factor: float, seed: int) -> tuple[Program, Any]:
        # To a thousandth of a bit, or 0.7 of 3 bits would leave a remainder.
        fewer = factor * (FULL_BITS - amounts.get("weight bits", FULL_BITS))
        program = build(ceil(FULL_BITS - fewer - 1e-3))
        offset, gain, shape, skew, bias, relaxation = (factor * amounts.get(name, 0.0) for name in NOISE)
        noise = NoiseModel(offset, gain, shape, skew, bias, relaxation, seed=seed)
        clamps = dead_clamps(program, int(factor * amounts.get("dead", 0)), seed)
        tables = drifted(program, factor * amounts.get("drift", 0.0), seed)
        device = Stuck(open_device("jax-xla", program.fabric, noise=noise), clamps)
        return program.replace(image=program.image.replace(clamps=clamps, tables=tables)), device

    return Kind("together", "of each", "all at once, each a factor of what is borne by itself", FACTORS, deviate)
