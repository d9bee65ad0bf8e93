"""An RBM of 64+16 nodes on 8×8 digits in torch: the negative phase from a fabric, and from plain torch Gibbs sampling.

    python benchmarks/models/torch_rbm.py [--epochs 60] [--seeds 3]
    python benchmarks/models/torch_rbm.py --page             # the table of docs/pytorch.md from the JSON

Both are thermofab.torch's machine, objective and loop (persistent contrastive divergence, plain descent), with the same
starting weights (visible biases from the data's means), batches, rate, chains and sweeps per update; only the sampler
differs. ln P in nats is exact: the 2^16 hidden states are enumerated. The fabric has 8-bit weights; "integers" is the
machine of what they stand for.
docs/results/torch_rbm.json.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import ROOT, write_results

from thermofab.models.boltzmann import Connections, Enumerated, free_energy
from thermofab.models.boltzmann.machine import BoltzmannMachine
from thermofab.models.data import digits
from thermofab.torch import FabricSampler, RestrictedBoltzmannMachine, SpinSampler, fit

NAME = "torch_rbm"
HIDDEN, BATCH, CHAINS, BURN_IN, RATE = 16, 64, 256, 100, 0.01


class TorchGibbs:
    """Block Gibbs sampling of an RBM in floats: hidden spins given visible ones, then the other way, a sweep."""

    def __init__(self, machine: RestrictedBoltzmannMachine, seed: int) -> None:
        self.machine, self._random = machine, torch.Generator().manual_seed(seed)
        self._states: Tensor | None = None

    @torch.no_grad()
    def sample(self, x: Tensor | None = None, *, start: Tensor | None = None) -> Tensor:
        """Persistent chains alone."""
        assert x is None and start is None
        fresh = self._states is None
        states = torch.randint(0, 2, (CHAINS, self.machine.n_nodes), generator=self._random) * 2.0 - 1
        states = states if self._states is None else self._states
        for _ in range(1 + BURN_IN * fresh):
            for layer in (self.machine.hidden_idx, self.machine.visible_idx):
                up = torch.sigmoid(-2 * self.machine.fields(states)[:, layer])
                states[:, layer] = 2 * torch.bernoulli(up, generator=self._random) - 1
        self._states = states
        return states.clone()

    def complete(self, v: Tensor) -> Tensor:
        """Not needed: hidden nodes have closed means."""
        raise NotImplementedError


def exact_log_likelihood(machine: BoltzmannMachine, bits: np.ndarray) -> float:
    """Mean ln P(v) in nats: ln Z by enumerating the hidden nodes, of which there are fewer."""
    c = machine.connections
    turned = Connections(c.nodes, c.edges, c.hidden)
    whole = BoltzmannMachine.of(turned, machine.biases, machine.couplings)
    return -float(free_energy(machine, bits).mean()) - Enumerated.of(whole).log_z


def run(name: str, seed: int, epochs: int, every: int) -> dict:
    """One training: ln P of both sets before training and after every ``every`` epochs; CPU milliseconds per update."""
    found, torch_seed = digits(), torch.manual_seed(seed)
    data = torch.tensor(2.0 * found.train - 1, dtype=torch.float32)
    machine = RestrictedBoltzmannMachine(64, HIDDEN, data=data)
    loader = DataLoader(TensorDataset(data), BATCH, shuffle=True, drop_last=True, generator=torch_seed)
    fabric = FabricSampler(machine, replicas=CHAINS, burn_in=BURN_IN, seed=seed) if name == "fabric" else None
    sampler: SpinSampler = fabric or TorchGibbs(machine, seed)
    optimiser = torch.optim.SGD(machine.parameters(), lr=RATE)
    curve, spent = [], 0.0
    for epoch in range(0, epochs + 1, every):
        if epoch:
            begun = time.process_time()
            fit(machine, loader, sampler, epochs=every, optimiser=optimiser)
            spent += time.process_time() - begun
        now = machine.to_boltzmann()
        point = {"epoch": epoch, "train": exact_log_likelihood(now, found.train)}
        point["test"] = exact_log_likelihood(now, found.test)
        if fabric is not None:
            point["integers"] = exact_log_likelihood(fabric.held().to_boltzmann(), found.test)
        curve.append(point)
    return {
        "sampler": name,
        "seed": seed,
        "cpu_ms_per_update": round(1e3 * spent / (epochs * len(loader)), 2),
        "curve": curve,
    }


def page() -> str:
    """The table of docs/pytorch.md: means over seeds, and the largest distance of a seed from its mean; CPU time."""
    runs = json.loads((ROOT / "docs" / "results" / f"{NAME}.json").read_text())["runs"]

    def of(name: str, key: str, place: int) -> str:
        values = [one["curve"][place][key] for one in runs if one["sampler"] == name]
        mean = sum(values) / len(values)
        return f"{mean:.2f} ± {max(abs(value - mean) for value in values):.2f}"

    lines = [
        "| epoch | fabric, train | torch, train | fabric, held out | torch, held out | fabric's integers, held out |"
    ]
    lines.append("|--:|--:|--:|--:|--:|--:|")
    for place, point in enumerate(runs[0]["curve"]):
        cells = [of(name, key, place) for key in ("train", "test") for name in ("fabric", "torch")]
        lines.append(f"| {point['epoch']} | {' | '.join([*cells, of('fabric', 'integers', place)])} |")
    spent = {name: [one["cpu_ms_per_update"] for one in runs if one["sampler"] == name] for name in ("fabric", "torch")}
    each = [f"{name} {min(values):.1f} to {max(values):.1f}" for name, values in spent.items()]
    lines += ["", f"CPU milliseconds per update, on shared cores: {', '.join(each)}."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if options.page:
        print(page())
        return
    torch.set_num_threads(1)
    runs = []
    for seed in range(options.seeds):
        for name in ("fabric", "torch"):
            runs.append(run(name, seed, options.epochs, options.every))
            last = runs[-1]["curve"][-1]
            print(
                name,
                seed,
                {key: round(value, 3) for key, value in last.items()},
                runs[-1]["cpu_ms_per_update"],
                flush=True,
            )
    settings = {"hidden": HIDDEN, "batch": BATCH, "chains": CHAINS, "burn_in": BURN_IN, "rate": RATE, "sweeps": 1}
    print(write_results(NAME, {"settings": settings, "runs": runs}))


if __name__ == "__main__":
    main()
