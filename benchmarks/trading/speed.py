"""One-day draws per second: the market model on every device, beside the same model in THRML; energy of a scenario.

    python benchmarks/trading/speed.py         # two minutes

THRML draws the categorical node whole, in one block update, so it takes one sweep a draw where the fabric takes as many
of its bits as were measured to be needed; both are asked for as many independent draws, each given its own conditions.
Medians of interleaved rounds, compiled beforehand. ``rtl`` is the compiled RTL, one chain after another. Energies are
from the ledger's cost models. Writes docs/results/trading_speed.json.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax
import jax.numpy as jnp
from results import write_results
from timing import machine

from thermofab.apps.trading.encoding import CONDITIONS, STATES
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.series import SeriesModel
from thermofab.apps.trading.thrml_draws import thrml_sampler
from thermofab.hw.spec.costs import COST_MODELS

DRAWS, RTL_DRAWS, ROUNDS = 65_536, 256, 15


def main() -> None:
    model = SeriesModel(device="native").fit(load_prices())
    rng = np.random.default_rng(0)
    rows = rng.random((DRAWS, len(CONDITIONS))) < 0.5
    devices = {name: SeriesModel(device=name, fitted=model.fitted) for name in ("native", "jax", "jax-xla", "rtl")}
    theirs = thrml_sampler(model.learnt.conditional)
    counts = {name: RTL_DRAWS if name == "rtl" else DRAWS for name in devices}
    runs: dict[str, tuple[Callable[[], object], int]] = {
        name: (lambda m=m, n=counts[name]: m.draw(rows[:n], 1), counts[name]) for name, m in devices.items()
    }
    runs["thrml"] = (lambda: jax.block_until_ready(theirs(jax.random.key(1), jnp.asarray(rows))), DRAWS)
    for call, _ in runs.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (call, _) in runs.items():
            started = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - started)
    rates = {name: runs[name][1] / float(np.median(taken[name])) for name in runs}
    write_results(
        "trading_speed",
        {"sweeps": model.sweeps_a_draw,
         "devices": {name: {"draws_per_second": rate, "over_thrml": rate / rates["thrml"], "draws": runs[name][1]}
                     for name, rate in rates.items()}},
    )  # fmt: skip
    print(machine() + "\n")
    print(f"{'':<10}{'draws per second':>16}{'vs THRML':>10}")
    for name, rate in rates.items():
        print(f"{name:<10}{rate:>16.3g}{rate / rates['thrml']:>9.2f}x")
    conditions = rows[:4096]
    distribution = np.exp(model.learnt.conditional.log_probabilities(conditions)).mean(axis=0)
    for name, drawn in (("native", model.draw(conditions, 2)[0][:, 0]),
                        ("thrml", np.asarray(theirs(jax.random.key(2), jnp.asarray(conditions))))):  # fmt: skip
        seen = np.bincount(drawn, minlength=STATES) / len(drawn)
        print(f"{name}: TV of 4,096 draws to the mean distribution {0.5 * np.abs(seen - distribution).sum():.3f}")
    program, horizon = model.program, 10
    updates = horizon * model.sweeps_a_draw * program.fabric.n_sites
    cycles = horizon * model.sweeps_a_draw * program.report.cycles_per_sweep
    print(f"\na scenario of {horizon} days: {updates} site updates, {cycles} cycles")
    for cost in COST_MODELS:
        joules = horizon * model.sweeps_a_draw * cost.joules(program.fabric.n_sites)
        print(f"  {joules:.2g} J on {cost.name} ({cost.standing})")


if __name__ == "__main__":
    main()
