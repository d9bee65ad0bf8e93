"""Energy functions written in Python: as a model of pairs where they are one, or sampled on the host."""

from collections.abc import Callable

import numpy as np

from thermofab.hw.spec import IsingModel, SpecError


def energy_model(energy: Callable[[np.ndarray], float], nodes: int, *, check: int = 200, seed: int = 0) -> IsingModel:
    """An energy function of ±1 states as a model of pairs, if it is one: P ∝ exp(-E).

    Args:
        energy: from float ``[nodes]`` to a number.
        nodes: how many spins.
        check: random states at which the pairs must give the energy to one part in 10⁶.
        seed: of these.

    Raises:
        SpecError: the function has terms of three spins and more, or is not finite; sample it on the host with
            :func:`sample_on_host`, or write it as a DiscreteModel.
    """
    up = np.ones(nodes)

    def at(*down: int) -> float:
        state = up.copy()
        state[list(down)] = -1
        value = float(energy(state))
        if not np.isfinite(value):
            raise SpecError(f"the energy of a state is {value}; energies must be finite.")
        return value

    whole, one = at(), np.array([at(k) for k in range(nodes)])
    pairs = [(i, j) for i in range(nodes) for j in range(i + 1, nodes)]
    # E(i and j down) - E(i down) - E(j down) + E(none) = 4 × the coefficient of s_i s_j.
    couple = {(i, j): (at(i, j) - one[i] - one[j] + whole) / 4 for i, j in pairs}
    field = np.array([(whole - one[k]) / 2 - sum(c for pair, c in couple.items() if k in pair) for k in range(nodes)])
    constant = whole - field.sum() - sum(couple.values())
    for state in np.random.default_rng(seed).choice([-1.0, 1.0], (check, nodes)):
        made = constant + field @ state + sum(c * state[i] * state[j] for (i, j), c in couple.items())
        if abs(made - float(energy(state))) > 1e-6 * max(1.0, abs(made)):
            raise SpecError(
                "this energy function is not a sum of terms of one and two spins, so no fabric of pairs holds it; "
                "write it as a DiscreteModel with its higher terms, or sample it on the host with sample_on_host."
            )
    kept = [(pair, c) for pair, c in couple.items() if c]
    return IsingModel(
        tuple(range(nodes)), -field, np.array([pair for pair, _ in kept], dtype=int).reshape(-1, 2),
        np.array([-c for _, c in kept]),
    )  # fmt: skip


def sample_on_host(
    energy: Callable[[np.ndarray], float], nodes: int, samples: int, *, sweeps: int = 20, seed: int = 0
) -> np.ndarray:
    """±1 states int8 ``[samples, nodes]`` of any energy function by Gibbs sampling in Python, on the host and on no
    fabric: P ∝ exp(-E), one chain, ``sweeps`` sweeps apart.
    """
    rng = np.random.default_rng(seed)
    state, taken = rng.choice([-1.0, 1.0], nodes), []
    for _ in range(samples):
        for _ in range(sweeps):
            for k in range(nodes):
                state[k] = 1
                gap = float(energy(state))
                state[k] = -1
                gap -= float(energy(state))
                state[k] = 1 if rng.random() < 1 / (1 + np.exp(np.clip(gap, -700, 700))) else -1
        taken.append(state.copy())
    return np.array(taken, dtype=np.int8)
