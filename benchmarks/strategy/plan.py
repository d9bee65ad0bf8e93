"""The joint plan: which fabric, how near to enumeration, what it takes over a serial line to simulated RTL.

python benchmarks/strategy/plan.py

Writes docs/results/strategy_plan.json. The same plan of one symbol and three days (8³ combinations, Dirichlet(2)
probabilities, cost 1.5 nats) is compiled onto a grid of p-dit cells, onto dense fabrics, and onto fabrics made to the
program. Total variation is that of the compiled program and, beside it, of 65,536 samples' marginals from exact ones.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.apps.strategy.plan import PlanSampler
from thermofab.apps.strategy.plan_problem import PlanProblem, PlanTerms
from thermofab.compiler import verify
from thermofab.hw.spec import Schedule, ThermofabError, fabric
from thermofab.sim.rtl.board import simulated_board

TERMS = PlanTerms(cost=1.5, limit=1.0, penalty=4.0)
SCHEDULE = Schedule(500, 16, 20)
FABRICS: dict[str, dict[str, Any]] = {
    "pdit8-1x3": {},
    "pdit8-1x3, fine": {"profile": "fine"},
    "complete-128, dense": {"architecture": "dense"},
    "complete-128, dense, fine": {"architecture": "dense", "profile": "fine"},
    "g12-32x32, relay, fine": {"architecture": "relay", "profile": "fine"},
}
SHAPES = ((1, 3), (1, 8), (2, 3), (2, 6), (3, 3))


def problem(symbols: int, days: int, seed: int = 0) -> PlanProblem:
    p = np.random.default_rng(seed).dirichlet(np.full(8, 2.0), (symbols, days))
    return PlanProblem(tuple("ABC"[:symbols]), p, TERMS, np.tile([0.2, 0.5], (symbols, 1)))


def measured(sampler: PlanSampler, asked: PlanProblem) -> dict[str, Any]:
    """Compiled, given other weights, sampled; seconds are wall time."""
    at = time.perf_counter()
    program = sampler.program(asked)
    compiled = time.perf_counter() - at
    plan = sampler.sample(asked, seed=1)
    at = time.perf_counter()
    sampler.sample(asked, seed=2)
    again = time.perf_counter() - at
    # Up to twelve sites the integers' stationary distribution is solved for and compared with the plan's.
    report = (verify(program) if program.report.sites <= 12 else program).report
    distance = report.end_to_end
    return {
        "sites": report.sites,
        "cycles_a_sweep": report.cycles_per_sweep,
        "compiled_tv": round(distance.tv, 5) if distance.tv is not None else None,
        "known": distance.standing,
        "marginal_tv": round(plan.marginal_tv, 5) if plan.marginal_tv is not None else None,
        "chosen_is_best": bool(plan.exact is not None and np.array_equal(plan.chosen, plan.exact.best)),
        "compile_seconds": round(compiled, 2),
        "plan_milliseconds": round(1000 * again, 1),
    }


def main() -> None:
    fabrics: dict[str, Any] = {}
    for name, options in FABRICS.items():
        spec = fabric(name.split(",")[0], **options)
        try:
            fabrics[name] = measured(PlanSampler(spec=spec, replicas=4096, schedule=SCHEDULE), problem(1, 3))
        except ThermofabError as error:
            fabrics[name] = {"refused": str(error)}
        print(name, fabrics[name], flush=True)
    shapes = {}
    for symbols, days in SHAPES:
        sampler = PlanSampler(symbols, days, replicas=4096, schedule=SCHEDULE)
        shapes[f"{symbols} × {days}"] = measured(sampler, problem(symbols, days))
        print(symbols, days, shapes[f"{symbols} × {days}"], flush=True)
    print(write_results("strategy_plan", {"samples": 65_536, "fabrics": fabrics, "shapes": shapes, "rtl": rtl()}))


def rtl() -> dict[str, Any]:
    """One decision over a serial line to the compiled RTL, against jax."""
    asked, few = problem(1, 3), Schedule(50, 8, 8)
    expected = PlanSampler(replicas=32, schedule=few).sample(asked, seed=3)
    with simulated_board(fabric("pdit8-1x3"), divisor=2) as path:
        sampler = PlanSampler(device=f"serial://{path}", replicas=32, schedule=few)
        at = time.perf_counter()
        found = sampler.sample(asked, seed=3)
        seconds = time.perf_counter() - at
    return {
        "states_compared": int(found.samples.size) * 3,
        "plans_that_differ": int((found.samples != expected.samples).any(axis=(1, 2)).sum()),
        "seconds": round(seconds, 2),
    }


if __name__ == "__main__":
    main()
