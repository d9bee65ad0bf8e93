"""The portfolio's machine: how well tables are compiled, sampled and reprogrammed, and how fast; log-scores by kind.

    python benchmarks/trading/portfolio_machine.py FOLDER            # five minutes
    python benchmarks/trading/portfolio_machine.py FOLDER --symbols SPY TLT GLD --until 2015-12-31 --to 2018-12-31

FOLDER has a price file an asset. Models are fitted to the days up to ``--until`` and scored on those up to ``--to``,
once. THRML draws every asset's node whole, in fewer sweeps, and is asked for independent draws to the same tolerance:
as many, or a sixteenth where there are market bits. Medians of interleaved rounds, compiled beforehand. Writes
docs/results/trading_portfolio_machine.json.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax
from results import write_results
from scipy.stats import chi2, norm

from thermofab.apps.trading.portfolio.cells import BITS, STATES, cell_numbers
from thermofab.apps.trading.portfolio.clamped import ClampedModel
from thermofab.apps.trading.portfolio.daily import DailyModel
from thermofab.apps.trading.portfolio.filters import Filtered, filter_panel, fit_marginals
from thermofab.apps.trading.portfolio.machine import PortfolioMachine
from thermofab.apps.trading.portfolio.mixing import TOLERANCE, autocorrelations
from thermofab.apps.trading.portfolio.model import PortfolioModel, fitter_of
from thermofab.apps.trading.portfolio.panel import load_panel
from thermofab.apps.trading.portfolio.peers import DynamicT, StudentT
from thermofab.apps.trading.portfolio.projection import PairCells, mismatch, project, projected_tables
from thermofab.apps.trading.portfolio.static import StaticModel
from thermofab.apps.trading.portfolio.thrml_cells import thrml_sampler

DRAWS, ROUNDS, CHI_DRAWS, SETTINGS = 16_384, 3, 200_000, 12
THRML_SHARE = 16  # of the draws that THRML is asked for where there are market bits, a step of which takes long there
LAG = 10  # days of the gains' autocovariances


def gain(mine: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Mean difference in nats per day, its error with Newey and West's weights, and a one-sided p."""
    away = mine - theirs
    centred = away - away.mean()
    parts = [(1 - k / (LAG + 1)) * float((centred[k:] * centred[: len(centred) - k]).mean()) for k in range(LAG + 1)]
    error = float(np.sqrt((2 * sum(parts) - parts[0]) / len(away)))
    return {"mean": float(away.mean()), "error": error, "p": float(norm.sf(away.mean() / error))}


def compiled(machine: PortfolioMachine, market: np.ndarray | None) -> dict[str, float]:
    """Rounded integers beside the tables that were asked for."""
    wanted, held = machine.tables.log_probabilities(market), machine.log_probabilities(market)
    chance = np.exp(wanted)
    return {"kl": float((chance * (wanted - held)).sum()), "tv": float(0.5 * np.abs(chance - np.exp(held)).sum())}


def drawn(machine: PortfolioMachine, market: np.ndarray | None, seed: int) -> dict[str, float]:
    """χ² of cells, those with fewer than ten expected put together, against enumeration of the integers."""
    rows = None if market is None else np.tile(market, (CHI_DRAWS, 1))
    states, _ = machine.draw(CHI_DRAWS, seed, rows)
    expected = np.exp(machine.log_probabilities(market)).reshape(-1) * CHI_DRAWS
    seen = np.bincount(cell_numbers(states), minlength=len(expected))
    big = expected >= 10
    a, b = (np.append(one[big], one[~big].sum()) for one in (seen, expected))
    statistic = float(((a - b) ** 2 / b).sum())
    return {"chi2": statistic, "cells": int(big.sum()) + 1, "p": float(chi2.sf(statistic, big.sum()))}


def mixing(machine: PortfolioMachine, market: np.ndarray | None) -> float:
    """The longest autocorrelation time, in sweeps, of every asset's state and of its lower tail."""
    d, distribution = machine.assets, np.exp(machine.log_probabilities(market))
    seen = []
    for k in range(d):
        state = np.arange(STATES, dtype=float).reshape((1,) * k + (STATES,) + (1,) * (d - 1 - k))
        seen += [
            np.broadcast_to(state, distribution.shape),
            np.broadcast_to((state < 2).astype(float), distribution.shape),
        ]
    return float(autocorrelations(np.stack(seen), distribution, machine.order).max())


def thrml_sweeps(distribution: np.ndarray) -> int:
    """Sweeps of whole nodes from uniform states until the distribution is within the machine's tolerance."""
    now = np.full(distribution.shape, 1 / distribution.size)
    for count in range(1, 1000):
        for axis in range(distribution.ndim):
            now = now.sum(axis=axis, keepdims=True) * distribution / distribution.sum(axis=axis, keepdims=True)
        if 0.5 * np.abs(now - distribution).sum() < TOLERANCE:
            return count
    return 1000


def rates(machine: PortfolioMachine, market: np.ndarray | None, theirs: int) -> dict[str, float]:
    """Draws a second, medians; THRML's in ``theirs`` sweeps."""
    rows = np.zeros((DRAWS, 0), bool) if market is None else np.tile(market, (DRAWS, 1))
    calls: dict[str, Callable[[], Any]] = {}
    for name in ("native", "jax"):
        one = PortfolioMachine(machine.tables, name, machine.sweeps_a_draw)
        calls[name] = lambda one=one: one.draw(DRAWS, 1, rows)
    sampler = thrml_sampler(machine.tables, theirs)
    theirs_of = jax.numpy.asarray(rows if market is None else rows[: DRAWS // THRML_SHARE])
    calls["thrml"] = lambda: jax.block_until_ready(sampler(jax.random.key(1), theirs_of))
    for call in calls.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - begun)
    counts = {name: len(theirs_of) if name == "thrml" else DRAWS for name in calls}
    return {name: counts[name] / float(np.median(times)) for name, times in taken.items()}


def shape(machine: PortfolioMachine) -> dict[str, Any]:
    """What the fabric is made of."""
    return {
        "sites": machine.fabric.n_sites, "factors": len(machine.fabric.topology.factors),
        "market_bits": machine.tables.bits, "weight_bits": machine.fabric.weight_bits,
        "cycles_per_sweep": machine.program.report.cycles_per_sweep, "sweeps_per_draw": machine.sweeps_a_draw,
        "largest_log_odds": float(np.ptp(machine.tables.pair, axis=(1, 2)).max()),
    }  # fmt: skip


def lost_to_factors(model: ClampedModel, days: Filtered) -> float:
    """Mean KL, over the days learnt from, of the fabric's tables from full pair tables made for every setting of the
    market bits alone, which would take a factor of seven sites: nats per day."""
    correlations = model.dynamic.correlations(days.u)[:-1]
    cells = PairCells(model.dynamic.degrees).of(correlations)
    settings, number = np.unique(model.bits(correlations), axis=0, return_inverse=True)
    lost, before = 0.0, None
    for k, setting in enumerate(settings):
        own = number.reshape(-1) == k
        before = project(cells[own].mean(axis=0), before)
        full, held = before.log_probabilities(), model.machine.log_probabilities(setting)
        lost += own.mean() * float((np.exp(full) * (full - held)).sum())
    return lost


def reprogramming(model: DailyModel, seen: Filtered, first: int) -> dict[str, float]:
    """Median milliseconds of a day's projection, started from the day before, and of putting it on the fabric."""
    before, projecting, program = None, [], []
    for correlation in model.dynamic.correlations(seen.u)[first : first + 60]:
        begun = time.perf_counter()
        before = model.projected(correlation, before)
        middle = time.perf_counter()
        model.programmed(before)
        projecting.append(middle - begun)
        program.append(time.perf_counter() - middle)
    return {"projection_ms": 1e3 * float(np.median(projecting)), "reprogramming_ms": 1e3 * float(np.median(program))}


def stress(model: PortfolioModel, symbol: str, level: float) -> dict[str, Any]:
    """A stress of one asset."""
    found = model.stress({symbol: ("below", level)}, 20_000, seed=1)
    rows = [
        {
            "symbol": mine.symbol, "mean": mine.mean, "crash": mine.crash,
            "crash_copula": theirs.crash, "crash_past": None if found.past is None else found.past[k].crash,
        }
        for k, (mine, theirs) in enumerate(zip(found.responses, found.copula))
    ]  # fmt: skip
    return {
        "level": level, "probability": found.probability, "draws": found.draws, "effective": found.effective,
        "days": found.days, "assets": rows,
    }  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--symbols", nargs="+", default=["SPY", "QQQ", "TLT", "GLD", "VWO"])
    asked.add_argument("--until", default="2015-12-31")
    asked.add_argument("--to", default="2018-12-31")
    given = asked.parse_args()
    panel = load_panel(given.folder, given.symbols).until(given.to)
    learnt = panel.until(given.until)
    marginals = fit_marginals(learnt)
    seen, first = filter_panel(panel, marginals), len(learnt)
    days = seen.until(first)
    static_t = StudentT().fit(days).log_densities(seen.z, seen.u, first)
    dynamic_t = DynamicT().fit(days).log_densities(seen.z, seen.u, first)
    content: dict[str, Any] = {
        "symbols": given.symbols, "learnt": [str(learnt.dates[0]), given.until, first],
        "scored": [given.until, given.to, len(panel) - first], "tolerance": TOLERANCE,
        "dcc_over_t": gain(dynamic_t, static_t), "kinds": {},
    }  # fmt: skip
    for kind in ("static", "state", "daily"):
        begun = time.perf_counter()
        model: Any = fitter_of(kind, "native").fit(days)
        fitting = time.perf_counter() - begun
        print(kind, f"fitted in {fitting:.0f} s", flush=True)
        machine: PortfolioMachine = model.machine
        scores = model.log_densities(seen.z, seen.u, first)
        market = None
        settings: list[np.ndarray | None] = [None]
        if isinstance(model, ClampedModel):
            known = model.bits(model.dynamic.correlations(seen.u)[:-1])
            rows = np.unique(known, axis=0)
            rows = rows[np.linspace(0, len(rows) - 1, SETTINGS).astype(int)]
            market, settings = known[-1], list(rows)
            content["lost_to_factors"] = lost_to_factors(model, days)
        quality = [compiled(machine, one) for one in settings]
        theirs = max(thrml_sweeps(np.exp(machine.log_probabilities(one))) for one in settings[:6])
        counts = [drawn(machine, one, 10 + k) for k, one in enumerate(settings[:3])]
        content["kinds"][kind] = {
            "fit_seconds": fitting, **shape(machine),
            "kl": max(one["kl"] for one in quality), "tv": max(one["tv"] for one in quality),
            "chi2": counts, "autocorrelation_sweeps": max(mixing(machine, one) for one in settings[:4]),
            "draws_per_second": rates(machine, market, theirs), "thrml_sweeps": theirs,
            "over_t": gain(scores, static_t), "over_dcc": gain(scores, dynamic_t),
        }  # fmt: skip
        if isinstance(model, DailyModel):
            content["kinds"][kind] |= reprogramming(model, seen, first)
        if isinstance(model, StaticModel):
            copula = model.copula
            start = projected_tables(copula)
            content["projection_mismatch"] = mismatch(start, PairCells(copula.degrees).of(copula.correlation))
        print(kind, content["kinds"][kind], flush=True)
    whole = PortfolioModel("native", "static").fit(panel)
    content["stress"] = [stress(whole, given.symbols[0], level) for level in (0.05, 0.01, 0.002)]
    assert BITS * len(given.symbols) == content["kinds"]["static"]["sites"]
    # The folder is where the reader keeps prices: its name is no part of the result.
    sys.argv[1:] = [given.folder.name if part == str(given.folder) else part for part in sys.argv[1:]]
    print(write_results("trading_portfolio_machine", content))


if __name__ == "__main__":
    main()
