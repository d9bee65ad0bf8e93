"""The 2D Ising model: energy and heat capacity of every simulator against Kaufman's exact torus.

The long form, 64×64 and the RTL, is ``benchmarks/simulators/physics.py``.
"""

import numpy as np
import pytest

from tests.sim.kaufman import CRITICAL, energy
from thermofab.hw.spec import Image, Schedule, fabric, open_device, sigmoid_table
from thermofab.sim.observers import Energies

WEIGHT = 16
BETAS = (0.38, CRITICAL, 0.5)


def torus(side: int, betas=BETAS, seed: int = 1) -> Image:
    """Unit couplings; tables of 16-bit thresholds, exact at every field to half of 2^-16."""
    spec = fabric(f"g4-{side}x{side}-torus", levels=len(betas), threshold_bits=16, dither_bits=0)
    return Image(
        fabric=spec,
        weights=np.full(spec.topology.n_edges, WEIGHT),
        biases=np.zeros(spec.n_sites, dtype=int),
        tables=np.array([sigmoid_table(spec, beta / WEIGHT, 0) for beta in betas]),
        shift=0,
        clamps=np.full(spec.n_sites, -1),
        seed=seed,
    )


def measured(device, level: int, side: int, replicas: int, warmup: int, samples: int, steps: int):
    """``((mean, error), (variance, error))`` of E, errors from the spread of the replicas; from all up."""
    (found,) = device.observe(
        Schedule(warmup, samples, steps, level=level),
        [Energies()],
        replicas=replicas,
        init=np.ones(side * side, dtype=bool),
    ).results
    return statistics(found.mean / WEIGHT, found.variance / WEIGHT**2, energy(BETAS[level], side, side)[0])


def statistics(means, variances, exact):
    about = variances + (means - exact) ** 2  # about the exact mean, so that short runs are not biased
    root = np.sqrt(len(means))
    return (means.mean(), means.std(ddof=1) / root), (about.mean(), about.std(ddof=1) / root)


def test_kaufman_is_enumeration():
    for m, n, beta in ((3, 4, 0.3), (4, 4, CRITICAL), (4, 3, 0.6)):
        s = 2 * (np.arange(2 ** (m * n))[:, None] >> np.arange(m * n) & 1).reshape(-1, m, n) - 1
        e = -((s * np.roll(s, 1, 1)).sum((1, 2)) + (s * np.roll(s, 1, 2)).sum((1, 2)))
        p = np.exp(-beta * (e - e.min()))
        p /= p.sum()
        mean = (p * e).sum()
        assert np.allclose(energy(beta, m, n), (mean, (p * (e - mean) ** 2).sum()), rtol=1e-7)


@pytest.mark.parametrize("level", range(3), ids=["above", "at", "below"])
@pytest.mark.parametrize("name", ["native", "jax-xla"])
def test_energy_and_heat_capacity_of_a_torus(name, level):
    """Within 6 standard errors of 64 replicas (t distribution of 63 degrees of freedom: chance below 2e-7 each)."""
    side = 16 if name == "native" else 8
    image = torus(side)
    device = open_device(name, image.fabric)
    device.load(image)
    samples = 400 if name == "native" else 100
    mean, variance = measured(device, level, side, 64, 1000 if name == "native" else 200, samples, 10)
    for (found, error), exact in zip((mean, variance), energy(BETAS[level], side, side)):
        assert abs(found - exact) < 6 * error, (found, exact, error)
        assert error < 0.1 * abs(exact)
