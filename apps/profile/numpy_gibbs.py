"""Gibbs sampling by colour in NumPy, all chains at once."""

import numpy as np

from thermofab.apps.profile.method import Runner, Setting
from thermofab.apps.profile.problem import Problem


def prepare(problem: Problem, setting: Setting) -> Runner:
    """Spins by fields, categories by Gumbel noise on their logits; float32, PCG64."""
    return _spins(problem, setting) if problem.spins else _categories(problem, setting)


def _spins(problem: Problem, setting: Setting) -> Runner:
    pairs, (bias, weights) = problem.pairs, problem.fields
    parts = [
        (c, pairs.neighbours[c], 2 * bias[c, None].astype(np.float32), 2 * weights[c, :, None].astype(np.float32))
        for c in pairs.colours
    ]
    n = len(bias)

    def run(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        s = rng.choice(np.array([-1, 1], np.float32), (n, setting.chains))

        def sweep() -> None:
            for c, near, b, w in parts:
                field = b + (w * s[near]).sum(axis=1)
                up = rng.random(field.shape, dtype=np.float32) * (1 + np.exp(-field)) < 1
                s[c] = 2 * up - np.float32(1)

        return _taken(lambda: s > 0, sweep, setting, n)

    return run


def _categories(problem: Problem, setting: Setting) -> Runner:
    pairs, n = problem.pairs, len(problem.sizes)
    unary, tables = pairs.unary.astype(np.float32), pairs.tables.astype(np.float32)
    slots = np.arange(tables.shape[1])[None, :, None]

    def run(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        x = (rng.random((n, setting.chains)) * np.array(problem.sizes)[:, None]).astype(np.int64)

        def sweep() -> None:
            for c in pairs.colours:
                logits = tables[c[:, None, None], slots, :, x[pairs.neighbours[c]]].sum(axis=1) + unary[c][:, None]
                uniform = rng.random(logits.shape, dtype=np.float32)
                x[c] = np.argmax(logits - np.log(-np.log(uniform + np.float32(1e-30))), axis=-1)

        return _taken(lambda: x, sweep, setting, n)

    return run


def _taken(look, sweep, setting: Setting, n: int) -> np.ndarray:
    states = np.empty((setting.samples, n, setting.chains), np.uint8)
    for _ in range(setting.warmup):
        sweep()
    for k in range(setting.samples):
        for _ in range(setting.steps if k else 0):
            sweep()
        states[k] = look()
    return states.transpose(2, 0, 1)
