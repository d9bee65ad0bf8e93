"""Expert selection by a sampled energy against soft-max top-k gating, on a mixture whose experts are correlated.

    python benchmarks/models/hybrid_experts.py            # three seeds, ~2 CPU-minutes
    python benchmarks/models/hybrid_experts.py --quick

8 experts, of which 2 act on every row; which pairs act together follows P(pair) ∝ exp(P_ij), P_ij = +3 for four known
pairs (0,1), (2,3), (4,5), (6,7) and 0 for the others. x = Σ_{i in the pair} μ_i + noise of deviation ``NOISE``, in 12
dimensions, and y = Σ_{i in the pair} v_i with fixed random v_i in 6. The experts predict constants; only x and y are
seen in training, never the set. Reported on fresh rows: squared error of y, in units of its variance (0 is perfect),
and how often the selected pair is the true one. *bound* is the Bayes classifier's share, which knows μ, P and the
noise.
"""

import argparse
import time
from itertools import combinations

import numpy as np
import torch
from torch import nn

import thermofab as fab
from thermofab.models.hybrid import DeviceFields, EnergyGate, TopGate, expected_cost, expert_layout

EXPERTS, INPUTS, OUTPUTS, NOISE, BATCH = 8, 12, 6, 0.9, 256
PAIRS = list(combinations(range(EXPERTS), 2))
KNOWN = {(0, 1), (2, 3), (4, 5), (6, 7)}


class Task:
    """The mixture; rows are a function of the seed and the number."""

    def __init__(self, seed: int):
        rng = np.random.default_rng(seed)
        self.centres = rng.normal(size=(EXPERTS, INPUTS))
        self.values = rng.normal(size=(EXPERTS, OUTPUTS))
        weights = np.exp([3.0 * (pair in KNOWN) for pair in PAIRS])
        self.distribution = weights / weights.sum()
        self.seed = seed

    def rows(self, count: int, number: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        """x, y, and the true pair's number."""
        rng = np.random.default_rng([self.seed, number])
        pair = rng.choice(len(PAIRS), size=count, p=self.distribution)
        members = np.array(PAIRS)[pair]
        x = self.centres[members].sum(axis=1) + NOISE * rng.normal(size=(count, INPUTS))
        y = self.values[members].sum(axis=1)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32), pair

    def bayes(self, x: np.ndarray) -> np.ndarray:
        """The likeliest pair of every row."""
        means = self.centres[np.array(PAIRS)].sum(axis=1)
        return (np.log(self.distribution) - ((x[:, None] - means) ** 2).sum(-1) / (2 * NOISE**2)).argmax(axis=1)


def run(task: Task, kind: str, steps: int, seed: int) -> tuple[float, float, float]:
    """Train one gate with its experts; relative error, share of true pairs, correlation of learnt and true pair
    terms."""
    values = nn.Parameter(torch.tensor(task.values, dtype=torch.float32))
    # experts are known; gating is what is learnt values.requires_grad_(False)
    gate: nn.Module
    if kind == "soft-max top-2":
        gate = TopGate(INPUTS, EXPERTS, k=2, seed=seed)
    else:
        layout = expert_layout(EXPERTS)
        program = fab.compile(layout.ising(), fab.fabric(layout.graph()), keep_zero=True)
        gate = EnergyGate(INPUTS, DeviceFields(program, layout, "native"), k=2, cardinality=1.5, seed=seed)
        gate.pairs.requires_grad_(kind == "sampled energy")
    optimiser = torch.optim.Adam([p for p in gate.parameters() if p.requires_grad], lr=0.03)

    def cost(n: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((n @ values - y[:, None]) ** 2).mean(-1)

    for number in range(steps):
        x, y, _ = task.rows(BATCH, number)
        if isinstance(gate, TopGate):
            loss = ((2 * gate(x) @ values - y) ** 2).mean()
        else:
            fields, couplings, spins = gate(x)
            loss = expected_cost(fields, couplings, gate.edges, spins, cost((1 + spins.float()) / 2, y))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, y, pair = task.rows(4000, 10**6)
    if isinstance(gate, TopGate):
        with torch.no_grad():
            chosen, predicted = (gate(x) > 0).numpy(), 2 * gate(x) @ values
        learnt = float("nan")
    else:
        chosen = gate.most_frequent(x)
        with torch.no_grad():
            predicted = ((1 + gate(x)[2].float().mean(dim=1)) / 2) @ values
            found = gate.pairs.numpy()
        true = [float(p in KNOWN) for p in PAIRS]
        learnt = float(np.corrcoef(found, true)[0, 1]) if found.any() else float("nan")
    wanted = np.zeros((len(PAIRS), EXPERTS), dtype=bool)
    for k, (i, j) in enumerate(PAIRS):
        wanted[k, [i, j]] = True
    error = float(((predicted - y) ** 2).mean() / y.var(dim=0, unbiased=False).mean())
    return error, float((chosen == wanted[pair]).all(axis=1).mean()), learnt


def main() -> None:
    parser = argparse.ArgumentParser(description="expert selection by a sampled energy")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    steps = 60 if options.quick else 1000
    print("| seed | gate | error / variance | true pair | correlation of pair terms | bound | CPU-s |")
    print("|--:|---|--:|--:|--:|--:|--:|")
    for seed in range(1 if options.quick else options.seeds):
        task = Task(seed)
        x, _, pair = task.rows(4000, 10**6)
        bound = (task.bayes(x.numpy()) == pair).mean()
        for kind in ("soft-max top-2", "sampled energy, no pairs", "sampled energy"):
            start = time.process_time()
            error, share, learnt = run(task, kind, steps, seed)
            spent = time.process_time() - start
            print(
                f"| {seed} | {kind} | {error:.3f} | {share:.3f} | {learnt:.2f} | {bound:.3f} | {spent:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
