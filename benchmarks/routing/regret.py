"""Regret over 2,000 outcomes with drift: the recursive router beside LinUCB and Thompson sampling, and calibration.

python benchmarks/routing/regret.py [--seeds 3] → docs/results/routing_regret.json

Made prompts over the package's six example models. After 1,000 outcomes north/large becomes worse (.82 → .5) and
local/medium better (.6 → .8), unannounced. Reward is .7·quality - .3·cost as a share of the dearest model's; regret is
against the best model for each prompt, chances known. Only the chosen model's quality, 0 or 1, is seen.

LinUCB and Thompson sampling are linear a model over 64 hashed words and statistics and 15 kinds of work, with the same
discount as the router. Those "warm" were trained on 800 prompts before the first outcome.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import write_results

from thermofab.apps.console import bar
from thermofab.apps.routing.embedding import HashedText
from thermofab.apps.routing.evaluation import calibration_error
from thermofab.apps.routing.made import Made, made
from thermofab.apps.routing.providers import Catalogue, default_catalogue
from thermofab.apps.routing.readout import Readout
from thermofab.apps.routing.recursion import RecursionConfig
from thermofab.apps.routing.requests import ExecuteRequest, Preferences, TaskType
from thermofab.apps.routing.router import create_trm_router
from thermofab.apps.routing.state import costs

OUTCOMES, DRIFT, WARM, KEEP = 2000, 1000, 800, 0.99
WANTS = Preferences(quality_weight=0.7, cost_weight=0.3, latency_weight=0.0, exploration=0.02)
EMBEDDING = HashedText(64)


class Player(Protocol):
    def choose(self, request: ExecuteRequest, cost: np.ndarray) -> tuple[int, float]: ...

    def learn(self, quality: float) -> None: ...


class RouterPlayer:
    """The router; confidence is its own."""

    def __init__(self, catalogue: Catalogue, seed: int, warm: Made | None, enable_trm: bool = True, memory: int = 0):
        few = RecursionConfig(epochs=20)
        self.router = create_trm_router(
            enable_trm=enable_trm, random_seed=seed, catalogue=catalogue, recursion=few, keep=KEEP, memory=memory
        )
        if warm is not None:
            self.router.fit([replace(request, preferences=WANTS) for request in warm.requests], warm.quality)

    def choose(self, request: ExecuteRequest, cost: np.ndarray) -> tuple[int, float]:
        self.request, self.decision = request, self.router.route_request(request)
        return self.router.catalogue.index(self.decision.id), self.decision.confidence

    def learn(self, quality: float) -> None:
        self.router.learn_from_outcome(self.request, self.decision, quality, 1.0)


class Linear:
    """Discounted ridge regression per model; ``optimism`` standard errors added (LinUCB), or a draw (Thompson)."""

    def __init__(self, models: int, seed: int, optimism: float | None, warm: tuple[np.ndarray, np.ndarray] | None):
        width = EMBEDDING.size + len(TaskType) + 1
        self.fit = Readout(models, width, KEEP, ridge=1.0)
        self.optimism, self.random = optimism, np.random.default_rng(seed)
        self.covariance = np.tile(np.eye(width), (models, 1, 1))
        for x, quality in zip(*warm) if warm else ():
            for k, value in enumerate(quality):
                self._learn(k, x, value)

    def choose(self, request: ExecuteRequest, cost: np.ndarray) -> tuple[int, float]:
        self.x = context(request)
        if self.optimism is None:
            means = self.fit.correct(self.x[None])[0]
            spread = np.sqrt(np.einsum("i,kij,j->k", self.x, self.covariance, self.x))
            judged = means + 0.3 * spread * self.random.normal(size=len(means))
        else:
            means = self.fit.correct(self.x[None])[0]
            judged = means + self.optimism * np.sqrt(np.einsum("i,kij,j->k", self.x, self.covariance, self.x))
        self.model = int((0.7 * judged - 0.3 * cost).argmax())
        return self.model, float(np.clip(means[self.model], 0, 1))

    def learn(self, quality: float) -> None:
        self._learn(self.model, self.x, quality)

    def _learn(self, model: int, x: np.ndarray, quality: float) -> None:
        self.fit.learn(model, x, quality, 1.0)
        self.covariance[model] = np.linalg.inv(self.fit.precision[model])


class Fixed:
    """The one model that was best on average before the drift."""

    def __init__(self, model: int, confidence: float):
        self.model, self.confidence = model, confidence

    def choose(self, request: ExecuteRequest, cost: np.ndarray) -> tuple[int, float]:
        return self.model, self.confidence

    def learn(self, quality: float) -> None:
        pass


def context(request: ExecuteRequest) -> np.ndarray:
    kind = np.array([request.task_type is task for task in TaskType], float)
    return np.concatenate([[1.0], EMBEDDING.embed([request.prompt])[0], kind])


def drifted(catalogue: Catalogue) -> Catalogue:
    changed = {"north/large": 0.5, "local/medium": 0.8}
    return Catalogue(tuple(replace(m, quality=changed.get(m.id, m.quality)) for m in catalogue.models))


def play(player: Player, first: Made, second: Made, paid: np.ndarray) -> dict[str, Any]:
    """Cumulative regret at every tenth, ECE of confidence, milliseconds an outcome."""
    requests = [replace(r, preferences=WANTS) for r in (*first.requests, *second.requests)]
    chances, quality = np.concatenate([first.chances, second.chances]), np.concatenate([first.quality, second.quality])
    worth = 0.7 * chances - 0.3 * paid
    regret, confidence, right, begun = [], [], [], time.process_time()
    for row, request in enumerate(requests):
        model, sure = player.choose(request, paid[row])
        player.learn(float(quality[row, model]))
        regret.append(worth[row].max() - worth[row, model])
        confidence.append(sure)
        right.append(quality[row, model])
    total = np.cumsum(regret)
    return {
        "regret": [float(total[k - 1]) for k in range(OUTCOMES // 10, OUTCOMES + 1, OUTCOMES // 10)],
        "ece": calibration_error(np.array(confidence), np.array(right)),
        "milliseconds": 1e3 * (time.process_time() - begun) / OUTCOMES,
    }


def players(catalogue: Catalogue, seed: int, warm: Made, best: int) -> dict[str, Callable[[], Player]]:
    models = len(catalogue.models)
    rows = (np.array([context(request) for request in warm.requests]), warm.quality)
    return {
        "best single model": lambda: Fixed(best, float(warm.quality[:, best].mean())),
        "LinUCB": lambda: Linear(models, seed, 0.3, None),
        "Thompson sampling": lambda: Linear(models, seed, None, None),
        "TRM": lambda: RouterPlayer(catalogue, seed, None),
        "TRM, remembering 256": lambda: RouterPlayer(catalogue, seed, None, memory=256),
        "LinUCB, warm": lambda: Linear(models, seed, 0.3, rows),
        "Thompson sampling, warm": lambda: Linear(models, seed, None, rows),
        "single step, warm": lambda: RouterPlayer(catalogue, seed, warm, enable_trm=False),
        "TRM, warm": lambda: RouterPlayer(catalogue, seed, warm),
        "TRM, warm, remembering 256": lambda: RouterPlayer(catalogue, seed, warm, memory=256),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    catalogue = default_catalogue()
    found: dict[str, list[dict[str, Any]]] = {}
    with bar("learners", 10 * given.seeds, False) as done:
        for seed in range(given.seeds):
            first, second = made(catalogue, DRIFT, 10 + seed), made(drifted(catalogue), OUTCOMES - DRIFT, 20 + seed)
            warm = made(catalogue, WARM, 30 + seed)
            paid = np.array([costs(request, catalogue) for request in (*first.requests, *second.requests)])
            paid /= paid.max(axis=1, keepdims=True)
            best = int((0.7 * warm.chances.mean(axis=0) - 0.3 * paid.mean(axis=0)).argmax())
            for name, make in players(catalogue, seed, warm, best).items():
                found.setdefault(name, []).append(play(make(), first, second, paid))
                done()
    for name, runs in found.items():
        half, end, error, spent = (
            np.mean([one(run) for run in runs])
            for one in (
                lambda run: run["regret"][4], lambda run: run["regret"][-1], lambda run: run["ece"],
                lambda run: run["milliseconds"],
            )
        )  # fmt: skip
        print(f"{name:<27} regret {half:6.1f} before the drift, {end:6.1f} in all, ECE {error:.3f}, {spent:.2f} ms")
    said = {"seeds": given.seeds, "outcomes": OUTCOMES, "drift_at": DRIFT, "players": found}
    print(write_results("routing_regret", said))


if __name__ == "__main__":
    main()
