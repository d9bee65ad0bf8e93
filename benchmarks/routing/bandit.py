"""The refinement module as a bandit learner: what it learns from 600 outcomes, and which change was worth what.

python benchmarks/routing/bandit.py [--seeds 5] → docs/results/routing_bandit.json

Four choices, quality 1 for the best and 0 for the others, only the chosen one seen; choices are drawn from the
learner's own soft-max. Then the share of 500 new states where the largest component is the best choice.

linear     x ~ N(0, I) in 32 dimensions, best = argmax W x.
clusters   four well separated clouds in 8 dimensions, one choice best in each.
crossed    x uniform in [-1, 1]⁴, best = 2·[x0 x1 > 0] + [x2 x3 > 0]: no linear learner can do better than chance.

``soft-max`` is the linear policy-gradient learner, ``logistic`` a linear regression of the log-odds (SGD on the same
replay). ``before`` is the module as it was: LayerNorm on the answer, one gradient step an outcome on
-(2q - 1) ln p, halting trained through the whole net, every decision remembered; its variants play ``linear`` only.
All forms of the module take two outer steps of two inner ones.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import write_results
from torch import nn
from torch.nn import functional as F

from thermofab.apps.console import bar
from thermofab.models.trm.refinement import TRMRefinementModule, create_trm_module

OUTCOMES, CHOICES, TESTED = 600, 4, 500
DEPTH = {"max_inner_steps": 2, "max_outer_steps": 2}
Task = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


class Learner(Protocol):
    def answer(self, x: np.ndarray) -> np.ndarray: ...

    def learn(self, x: np.ndarray, choice: int, quality: float, propensity: float) -> None: ...


def linear(seed: int) -> Task:
    weights = np.random.default_rng(1000 + seed).normal(size=(CHOICES, 32))

    def draw(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
        x = random.normal(size=(rows, 32))
        return x, (x @ weights.T).argmax(axis=1)

    return draw


def clusters(seed: int) -> Task:
    centres = 2 * np.random.default_rng(2000 + seed).normal(size=(CHOICES, 8))

    def draw(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
        best = random.integers(0, CHOICES, rows)
        return centres[best] + 0.3 * random.normal(size=(rows, 8)), best

    return draw


def crossed(seed: int) -> Task:
    del seed

    def draw(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
        x = random.uniform(-1, 1, (rows, 4))
        return x, 2 * (x[:, 0] * x[:, 1] > 0) + (x[:, 2] * x[:, 3] > 0)

    return draw


class Softmax:
    """Linear policy gradient with a running baseline."""

    def __init__(self, width: int, seed: int):
        self.weights, self.baseline = np.zeros((CHOICES, width + 1)), 0.25

    def answer(self, x: np.ndarray) -> np.ndarray:
        return self.weights @ np.append(x, 1)

    def learn(self, x: np.ndarray, choice: int, quality: float, propensity: float) -> None:
        logits = self.answer(x)
        p = np.exp(logits - logits.max())
        p /= p.sum()
        self.weights += 0.2 * (quality - self.baseline) * np.outer(np.eye(CHOICES)[choice] - p, np.append(x, 1))
        self.baseline += 0.02 * (quality - self.baseline)


class Logistic:
    """Linear log-odds per choice, four passes of SGD over 32 replayed outcomes an outcome, as the module has."""

    def __init__(self, width: int, seed: int):
        self.weights, self.seen, self.random = np.zeros((CHOICES, width + 1)), [], np.random.default_rng(seed)

    def answer(self, x: np.ndarray) -> np.ndarray:
        return self.weights @ np.append(x, 1)

    def learn(self, x: np.ndarray, choice: int, quality: float, propensity: float) -> None:
        self.seen.append((np.append(x, 1), choice, quality))
        for _ in range(4):
            for k in [len(self.seen) - 1, *self.random.integers(0, len(self.seen), 31)]:
                row, asked, got = self.seen[k]
                error = got - 1 / (1 + np.exp(-self.weights[asked] @ row))
                self.weights[asked] += 0.01 * error * row


class Module:
    """The refinement module, as it is."""

    def __init__(self, width: int, seed: int, **config: Any):
        self.module = create_trm_module(latent_dim=width, answer_dim=CHOICES, random_seed=seed, **DEPTH, **config)

    def answer(self, x: np.ndarray) -> np.ndarray:
        return self.module.refine(x).answer

    def learn(self, x: np.ndarray, choice: int, quality: float, propensity: float) -> None:
        self.module.learn_from_outcome(x, choice, quality, propensity=propensity)


class Before(nn.Module):
    """The module as it was; ``rate``, ``remember`` and ``free`` (no LayerNorm on the answer) are what is varied."""

    def __init__(self, width: int, seed: int, rate: float = 1e-2, remember: bool = True, free: bool = False):
        super().__init__()
        base = create_trm_module(latent_dim=width, answer_dim=CHOICES, random_seed=seed, **DEPTH)
        self.base: TRMRefinementModule = base
        self.norm: nn.Module = nn.Identity() if free else nn.LayerNorm(CHOICES)
        self.remember, self.past = remember, []
        self.optimiser = torch.optim.Adam(self.parameters(), lr=rate)

    def run(self, x: torch.Tensor, stop: bool) -> tuple[torch.Tensor, torch.Tensor, list]:
        base, y = self.base, torch.zeros(CHOICES)
        x = F.layer_norm(x, x.shape)
        z, seen, candidate = x, [], y
        for _ in range(base.config.max_outer_steps):
            for _ in range(base.config.max_inner_steps):
                context = torch.zeros_like(z)
                if self.past:
                    past = torch.stack(self.past)
                    context = torch.softmax(base.key(past) @ base.query(z) / len(z) ** 0.5, 0) @ base.value(past)
                z = base.norm_state(z + base.reason(torch.cat([x, z, context, y])))
                candidate = self.norm(y + base.solve(torch.cat([y, z, x])))
                seen.append((base.halt(torch.cat([z, candidate]))[0], candidate))
                if stop and float(torch.sigmoid(seen[-1][0])) > base.config.halt_threshold:
                    return z, candidate, seen
            y = candidate
        return z, y, seen

    def answer(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            z, y, _ = self.run(torch.tensor(x, dtype=torch.float32), stop=True)
        if self.remember:
            self.past = [*self.past, z][-64:]
        return y.numpy()

    def learn(self, x: np.ndarray, choice: int, quality: float, propensity: float) -> None:
        _, y, seen = self.run(torch.tensor(x, dtype=torch.float32), stop=False)
        p, sign = torch.softmax(y, 0)[choice], 2 * quality - 1
        policy = -sign * torch.log(p) if sign >= 0 else -sign * p
        targets = torch.tensor([quality if int(at.argmax()) == choice else 1 - quality for _, at in seen])
        logits = torch.stack([logit for logit, _ in seen])
        halting = F.binary_cross_entropy_with_logits(logits, targets) + 0.02 * torch.sigmoid(-logits).sum()
        self.optimiser.zero_grad()
        (policy + halting).backward()
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.optimiser.step()


LEARNERS: dict[str, Callable[[int, int], Learner]] = {
    "soft-max": Softmax,
    "logistic": Logistic,
    "module": Module,
    "before": Before,
    "before, all three": lambda width, seed: Before(width, seed, 1e-3, False, True),
    "before, a tenth of the rate": lambda width, seed: Before(width, seed, rate=1e-3),
    "before, remembering nothing": lambda width, seed: Before(width, seed, remember=False),
    "before, free answer": lambda width, seed: Before(width, seed, free=True),
    "module without replay": lambda width, seed: Module(width, seed, replay=1, replay_batch=1, replay_steps=1),
}
ONE_TASK = ("before,", "module without")
"""Variants, by the start of their names, that play ``linear`` only."""
TASKS: dict[str, tuple[int, Callable[[int], Task]]] = {
    "linear": (32, linear),
    "clusters": (8, clusters),
    "crossed": (4, crossed),
}


def play(make: Callable[[int, int], Learner], task: str, seed: int, outcomes: int) -> dict[str, float]:
    """Share of best choices on new states, mean quality while learning, CPU milliseconds an outcome."""
    width, source = TASKS[task]
    draw, random = source(seed), np.random.default_rng(seed)
    learner = make(width, seed)
    states, best = draw(random, outcomes)
    begun, earned = time.process_time(), 0.0
    for x, right in zip(states, best):
        logits = learner.answer(x)
        p = np.exp(logits - logits.max())
        p /= p.sum()
        choice = int(random.choice(CHOICES, p=p))
        earned += choice == right
        learner.learn(x, choice, float(choice == right), float(p[choice]))
    spent = time.process_time() - begun
    tested, best = draw(random, TESTED)
    right = np.mean([learner.answer(x).argmax() == b for x, b in zip(tested, best)])
    return {"right": float(right), "earned": earned / outcomes, "milliseconds": 1e3 * spent / outcomes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--outcomes", type=int, default=OUTCOMES)
    parser.add_argument("--only", default=None, help="learners, by the start of their names")
    parser.add_argument("--tasks", default=",".join(TASKS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = {name: make for name, make in LEARNERS.items() if name.startswith(given.only or "")}
    whole: dict[str, Any] = {"seeds": given.seeds, "outcomes": given.outcomes, "learners": {}}
    tasks = given.tasks.split(",")
    with bar("learners", len(chosen) * len(tasks), False) as done:
        for name, make in chosen.items():
            whole["learners"][name] = {}
            for task in tasks:
                if name.startswith(ONE_TASK) and task != "linear":
                    done()
                    continue
                runs = [play(make, task, seed, given.outcomes) for seed in range(given.seeds)]
                whole["learners"][name][task] = {key: [run[key] for run in runs] for key in runs[0]}
                right = [run["right"] for run in runs]
                print(f"{name:<28} {task:<9} right {np.mean(right):.3f} ({min(right):.3f} to {max(right):.3f}), "
                      f"{np.mean([run['milliseconds'] for run in runs]):.1f} ms", flush=True)  # fmt: skip
                if given.only is None:
                    # After every task, so that a run that is cut short leaves what it has.
                    write_results("routing_bandit", whole)
                done()


if __name__ == "__main__":
    main()
