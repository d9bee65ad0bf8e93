"""Joint models of several assets beside each other: purged walk-forward, one and ten days, every peer and machine.

    python benchmarks/trading/portfolio.py FOLDER                     # three eras, a quarter of an hour
    python benchmarks/trading/portfolio.py FOLDER --symbols SPY TLT GLD --eras 2019-2022 2023-2025
    python benchmarks/trading/portfolio.py FOLDER --quick             # the last era, one day, fewer draws

FOLDER has a price file an asset. Bars are judged on the last era. Writes docs/results/trading_portfolio.json, with
--quick trading_portfolio_quick.json.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results import write_results

from thermofab.apps.console import bar
from thermofab.apps.trading.portfolio.evaluation import Era, Evaluation, Plan, evaluate, usual_weights
from thermofab.apps.trading.portfolio.joint import JointFitter
from thermofab.apps.trading.portfolio.model import KINDS, fitter_of
from thermofab.apps.trading.portfolio.panel import load_panel
from thermofab.apps.trading.portfolio.peers import DIRECT_PEERS, JOINT_PEERS
from thermofab.apps.trading.portfolio.scores import tail_days
from thermofab.apps.trading.portfolio.significance import Significance, significance
from thermofab.apps.trading.scores import christoffersen, diebold_mariano, fz0_losses, kupiec

STUDY = ("SPY", "QQQ", "TLT", "GLD", "VWO")
ERAS = ("2008-2011", "2012-2015", "2016-2018")
STATIC, DYNAMIC = "t copula", "DCC-t"
# Before this table, on the same years: binary and Gray bits with pair couplings, a categorical node an asset, projected
# tables with a residual, state bits, daily tables.
TRIED_BEFORE = 6
MOST_ASSETS = 6  # of a machine
SHARE = 0.05  # of days in a tail


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--symbols", nargs="+", default=None, help="by default the study's five, if they are there")
    parser.add_argument("--eras", nargs="*", default=list(ERAS), help="whole years, such as 2016-2018")
    parser.add_argument("--log-eras", nargs="+", default=[], help="further eras, of which log-scores alone are taken")
    parser.add_argument("--samples", type=int, default=1000, help="draws of a day's forecast")
    parser.add_argument("--paths", type=int, default=500, help="over ten days")
    parser.add_argument("--device", default="native")
    parser.add_argument("--window", type=int, default=None, help="days learnt from; by default all before")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), help="machines")
    parser.add_argument("--daily", default=None, help="a .npz file for every day's scores")
    parser.add_argument("--name", default="trading_portfolio", help="of the results")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    # Results say how they were made, and no machine's paths.
    hidden = {options.folder: "FOLDER", options.daily: "FILE.npz"}
    sys.argv[1:] = [hidden.get(word, word) for word in sys.argv[1:]]
    began = time.perf_counter()
    have = {path.name.split(".")[0] for path in Path(options.folder).glob("*")}
    symbols = options.symbols or (list(STUDY) if set(STUDY) <= have else None)
    panel = load_panel(options.folder, symbols)
    notes = list(panel.notes)
    kinds: list[JointFitter] = []
    if len(panel.symbols) <= MOST_ASSETS:
        kinds = [fitter_of(kind, options.device) for kind in options.kinds]
    else:
        notes.append(f"{len(panel.symbols)} assets: machines hold {MOST_ASSETS} at most and were left out.")
    asked = options.eras[-1:] if options.quick else [*options.log_eras, *options.eras]
    eras = [Era.of(text) for text in asked]
    samples = 300 if options.quick else options.samples
    plan = Plan(
        horizons=(1,) if options.quick else (1, 10), samples=samples, paths=options.paths, window=options.window
    )
    machines = [fitter.name for fitter in kinds]
    done: dict[str, Evaluation] = {}
    for era in reversed(eras):  # the last first: bars are judged on it, and results are written after every era
        with ExitStack() as stack:
            opened: list[Callable[[], None]] = []

            def progress(at: int, total: int, era: Era = era, stack: ExitStack = stack, opened: Any = opened) -> None:
                if not opened:
                    opened.append(stack.enter_context(bar(era.name, total, False)))
                opened[0]()

            only = Plan((1,), samples=0, purge=plan.gap, window=options.window)
            used = only if era.name in options.log_eras and not options.quick else plan
            found = evaluate(panel, era, (*JOINT_PEERS, *kinds), DIRECT_PEERS, plan=used, progress=progress)
        done = {era.name: found} | done
        parts = {name: summary([one], machines) for name, one in done.items()}
        if len(done) > 1:
            parts["all"] = summary(list(done.values()), machines)
        bars = judged(parts[eras[-1].name], machines)
        print(text(parts, eras[-1].name, bars), flush=True)
        if options.daily is not None:
            arrays: Any = daily(done)
            np.savez_compressed(options.daily, **arrays)
        write_results(
            f"{options.name}_quick" if options.quick else options.name,
            {
                "symbols": panel.symbols, "first": str(panel.dates[0]), "last": str(panel.dates[-1]), "notes": notes,
                "plan": asdict(plan) | {"purge": plan.gap}, "device": options.device, "machines": machines,
                "weights": {name: w.tolist() for name, w in usual_weights(panel.symbols).items()},
                "tried_before": TRIED_BEFORE, "minutes": round((time.perf_counter() - began) / 60, 1),
                "judged on": eras[-1].name, "bars": bars, "eras": parts,
            },
        )  # fmt: skip


def summary(found: Sequence[Evaluation], machines: Sequence[str]) -> dict[str, Any]:
    """One era's figures, or several eras' together."""
    plan, symbols = found[0].plan, found[0].symbols
    names = list(found[0].forecasts[plan.horizons[0]])
    logs = {name: _series(found, 1, name, "log_scores") for name in names}
    scored = [name for name in names if np.all(np.isfinite(logs[name]))]
    made: dict[str, Any] = {
        "days": len(logs[names[0]]),
        "fits": [[str(first), str(last)] for one in found for first, last in one.fits],
        "seconds": {name: round(sum(one.seconds[name] for one in found), 1) for name in names},
        "log score": {name: float(logs[name].mean()) for name in scored},
        "gains": {
            against: _gains({n: logs[n] for n in scored if n != against}, logs[against])
            for against in (STATIC, DYNAMIC)
        },
        "conditional": _conditional(found, logs, scored, symbols),
        "vector": {},
        "risk": {},
    }
    for h in plan.horizons if all(one.plan.samples for one in found) else ():
        rows = {}
        for name in names:
            values = {kind: _series(found, h, name, kind) for kind in ("energy", "variogram_half", "variogram_one")}
            lags = 5 if h == 1 else 1
            rows[name] = {kind: float(value.mean()) for kind, value in values.items()} | {
                f"{kind} p": diebold_mariano(value, _series(found, h, DYNAMIC, kind), lags)
                for kind, value in values.items()
            }
        made["vector"][str(h)] = rows
        seen = np.concatenate([one.targets[h].portfolios for one in found], axis=1)
        made["risk"][str(h)] = {
            portfolio: {
                name: [
                    _risk(seen[k], np.concatenate([one.forecasts[h][name].tails[k, level] for one in found], axis=1), a)
                    for level, a in enumerate(plan.levels)
                ]
                for name in names
            }
            for k, portfolio in enumerate(found[0].weights)
        }
    return made


def _series(found: Sequence[Evaluation], horizon: int, name: str, kind: str) -> np.ndarray:
    """Scores of all eras, one after another."""
    take = {
        "log_scores": lambda f: f.log_scores,
        "energy": lambda f: f.energy,
        "variogram_half": lambda f: f.variogram_half,
        "variogram_one": lambda f: f.variogram_one,
    }[kind]
    return np.concatenate([take(one.forecasts[horizon][name]) for one in found])


def _gains(scores: Mapping[str, np.ndarray], benchmark: np.ndarray) -> dict[str, Any]:
    made: Significance = significance(scores, benchmark, tried=len(scores) + TRIED_BEFORE)
    return asdict(made)


def _conditional(
    found: Sequence[Evaluation], logs: Mapping[str, np.ndarray], scored: Sequence[str], symbols: Sequence[str]
) -> dict[str, Any]:
    """Mean gains over the t copula on days that an asset, or the market's state, picks out."""
    u = np.concatenate([one.targets[1].uniforms for one in found])
    masks = {"volatile": np.concatenate([one.targets[1].volatile for one in found])}
    for j, symbol in enumerate(symbols):
        masks[f"{symbol} in its lower 5%"] = tail_days(u[:, j], SHARE)
        masks[f"{symbol} in its upper 5%"] = tail_days(u[:, j], SHARE, upper=True)
    made = {}
    for label, mask in masks.items():
        if mask.sum() < 10:
            made[label] = {"days": int(mask.sum()), "gains": {}}
            continue
        gains = {}
        for name in scored:
            if name != STATIC:
                own, other = logs[name][mask], logs[STATIC][mask]
                gains[name] = {"mean": float((own - other).mean()), "p": diebold_mariano(own, other)}
        made[label] = {"days": int(mask.sum()), "gains": gains}
    return made


def _risk(seen: np.ndarray, tails: np.ndarray, alpha: float) -> dict[str, float]:
    v, e = tails
    hits = seen < v
    return {
        "level": alpha,
        "breaches": float(hits.mean()),
        "kupiec": kupiec(hits, alpha),
        "christoffersen": christoffersen(hits, alpha),
        "fz0": float(fz0_losses(seen, v, e, alpha).mean()),
    }


def rejections(part: Mapping[str, Any], name: str, horizon: str = "1") -> int:
    """Portfolios and levels at which Kupiec's test rejects at 5%."""
    return sum(row["kupiec"] < 0.05 for by in part["risk"][horizon].values() for row in by[name])


def judged(part: Mapping[str, Any], machines: Sequence[str]) -> list[dict[str, Any]]:
    """Every bar: what is asked, what was found, whether it is met."""
    logs, made = part["log score"], []

    def say(bar_: str, found: str, met: bool) -> None:
        made.append({"bar": bar_, "found": found, "met": bool(met)})

    for name in machines:
        over, under = logs[name] - logs[STATIC], logs[name] - logs[DYNAMIC]
        gain = part["gains"][STATIC]["gains"][name]
        if "static" in name:
            say(f"{name}: log-score at least the t copula's - .005", f"{over:+.4f}", over >= -0.005)
        elif "state" in name:
            found = f"{over:+.4f}, p {gain['p']:.3f}, Holm {gain['holm']:.3f}, deflated {gain['deflated']:+.4f}"
            say(f"{name}: log-score at least the t copula's + .03, p < .05", found, over >= 0.03 and gain["p"] < 0.05)
        else:
            p = part["gains"][DYNAMIC]["gains"][name]["p"]
            say(f"{name}: log-score within .005 of DCC-t's", f"{under:+.4f}, p {p:.3f}", abs(under) <= 0.005)
    for h, rows in part["vector"].items():
        for name in machines:
            for kind, most, label in (
                ("energy", 0.005, "energy score within .5%"),
                ("variogram_half", 0.01, "variogram score of order ½ within 1%"),
                ("variogram_one", 0.01, "variogram score of order 1 within 1%"),
            ):
                ratio = rows[name][kind] / rows[DYNAMIC][kind] - 1
                say(
                    f"{name}, {h} d: {label} of DCC-t's",
                    f"{ratio:+.2%}, p {rows[name][f'{kind} p']:.3f}",
                    ratio <= most,
                )
    for h in part["risk"]:
        for name in machines:
            own, peer, other = (rejections(part, n, h) for n in (name, DYNAMIC, STATIC))
            cases = sum(len(by[name]) for by in part["risk"][h].values())
            found = f"{own} of {cases} rejected at 5%; DCC-t {peer}, t copula {other}"
            say(f"{name}, {h} d: Kupiec no worse than DCC-t's", found, own <= peer)
    return made


def text(parts: Mapping[str, Any], last: str, bars: Sequence[Mapping[str, Any]]) -> str:
    """Figures for a console."""
    lines = []
    for era, part in parts.items():
        lines.append(f"\n{era}: {part['days']} days")
        lines.append(
            f"{'model':<28}{'log':>9}{'- t':>9}{'p':>7}{'- DCC':>9}{'p':>7}{'energy':>9}{'vario ½':>9}{'rejected':>9}"
        )
        for name in part["seconds"]:
            line = f"{name:<28}" + (f"{part['log score'][name]:>9.4f}" if name in part["log score"] else f"{'':>9}")
            for against in (STATIC, DYNAMIC):
                gain = part["gains"][against]["gains"].get(name)
                line += f"{gain['mean']:>+9.4f}{gain['p']:>7.3f}" if gain else f"{'':>16}"
            if part["vector"]:
                row = part["vector"]["1"][name]
                line += f"{row['energy']:>9.5f}{row['variogram_half']:>9.5f}{rejections(part, name):>9}"
            lines.append(line)
    lines.append(f"\nbars, {last}")
    lines += [f"{'met   ' if row['met'] else 'MISSED'} {row['bar']}: {row['found']}" for row in bars]
    return "\n".join(lines)


def daily(done: Mapping[str, Evaluation]) -> dict[str, np.ndarray]:
    """Every day's scores by era, horizon, model and kind."""
    made = {}
    for era, found in done.items():
        for h, by in found.forecasts.items():
            made[f"{era}/{h}/dates"] = found.targets[h].dates.astype(str)
            for name, one in by.items():
                scores = np.stack([one.log_scores, one.energy, one.variogram_half, one.variogram_one])
                made[f"{era}/{h}/{name}"] = scores
    return made


if __name__ == "__main__":
    main()
