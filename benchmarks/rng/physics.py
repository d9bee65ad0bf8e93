"""What a poor generator does to physics: energy and heat capacity of an Ising torus, and the distribution of ten
coupled spins.

The exact energy and heat capacity of the 8×8 torus come from its transfer matrix, a 256×256 product to the eighth.
"""

import numpy as np

from thermofab.compiler.distributions.stationary import stationary_distribution
from thermofab.hw.spec import Image, Schedule, fabric, open_device, sigmoid_table, topology

SIDE, BETA = 8, 0.42  # just above the critical temperature, where correlations reach across the torus
WEIGHT = 16


def exact_energy(beta: float = BETA, side: int = SIDE) -> tuple[float, float]:
    """``(mean, variance)`` of E = -Σ s s on a side × side torus."""
    spins = 1 - 2 * (np.arange(2**side)[:, None] >> np.arange(side) & 1)
    inside = np.sum(spins * np.roll(spins, 1, axis=1), axis=1)
    bonds = spins @ spins.T + 0.5 * (inside[:, None] + inside[None, :])  # -E of a row and the bonds to the next

    def log_z(b: float) -> float:
        transfer = np.exp(b * (bonds - bonds.max()))
        values = np.linalg.eigvalsh(transfer)
        return float(np.log(np.sum(values**side)) + b * side * bonds.max())

    h = 1e-4
    low, middle, high = log_z(beta - h), log_z(beta), log_z(beta + h)
    return -(high - low) / (2 * h), (high - 2 * middle + low) / h**2


def torus_image(rng: str, seed: int) -> Image:
    spec = fabric(f"g4-{SIDE}x{SIDE}-torus", rng=rng, levels=1, threshold_bits=16, dither_bits=0)
    n = spec.n_sites
    return Image(
        fabric=spec,
        weights=np.full(spec.topology.n_edges, WEIGHT),
        biases=np.zeros(n, dtype=int),
        tables=np.array([sigmoid_table(spec, BETA / WEIGHT, 0)]),
        shift=0,
        clamps=np.full(n, -1),
        seed=seed,
    )


def energy_test(rng: str, replicas: int, samples: int, seed: int) -> dict[str, float]:
    """Energy and its variance against the exact ones, in standard errors found by splitting the replicas."""
    device = open_device("native", (image := torus_image(rng, seed)).fabric)
    device.load(image)
    spins = 2 * device.run(Schedule(200, samples, 2), replicas=replicas).sites.astype(np.int8) - 1
    grid = spins.reshape(replicas, samples, SIDE, SIDE)
    energy = -(
        np.sum(grid * np.roll(grid, 1, 2), axis=(2, 3), dtype=np.int32)
        + np.sum(grid * np.roll(grid, 1, 3), axis=(2, 3), dtype=np.int32)
    ).astype(float)
    mean, variance = exact_energy()
    means, variances = energy.mean(axis=1), ((energy - mean) ** 2).mean(axis=1)
    root = np.sqrt(replicas)
    halves = means[::2].mean() - means[1::2].mean()
    return {
        "energy": means.mean() / mean - 1,
        "energy_sigma": (means.mean() - mean) / (means.std(ddof=1) / root),
        "capacity": variances.mean() / variance - 1,
        "capacity_sigma": (variances.mean() - variance) / (variances.std(ddof=1) / root),
        "halves_sigma": halves / (2 * means.std(ddof=1) / root),
    }


def distribution_test(rng: str, replicas: int, samples: int, seed: int) -> tuple[float, float]:
    """``(TV to the enumerated stationary distribution, the TV of sampling alone)`` for ten densely coupled spins."""
    draw = np.random.default_rng(seed)
    spec = fabric(topology("complete-10"), rng=rng, levels=1)
    image = Image(
        fabric=spec,
        weights=draw.integers(-20, 21, spec.topology.n_edges),
        biases=draw.integers(-20, 21, spec.n_sites),
        tables=np.array([sigmoid_table(spec, 0.02, 0)]),
        shift=0,
        clamps=np.full(spec.n_sites, -1),
        seed=seed,
    )
    device = open_device("native", spec)
    device.load(image)
    counts = np.zeros(2**spec.n_sites)
    for part in range(4):
        sites = device.run(Schedule(100, samples // 4, 4), replicas=replicas, seed=seed + part).sites
        counts += np.bincount((sites.reshape(-1, 10) @ (1 << np.arange(10)[::-1])), minlength=2**10)
    distribution = stationary_distribution(image).probabilities
    total = counts.sum()
    noise = np.sqrt(2 / np.pi) * np.sum(np.sqrt(distribution * (1 - distribution) / total)) / 2
    return 0.5 * float(np.abs(counts / total - distribution).sum()), float(noise)
