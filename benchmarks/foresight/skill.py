"""Foresight's skill: on a process whose probabilities are known, and on next-day regimes of real prices.

    python benchmarks/foresight/skill.py synthetic
    python benchmarks/foresight/skill.py regimes [--prices ../shared/data/prices]

Brier skill is 1 - Brier/Brier of climatology (each event's rate in training). Peers see the same 128-number state:
logistic regression with its penalty chosen on the last fifth of training, and the single-step engine. Intervals are
95 % of a block bootstrap over steps (blocks of 20), paired. The joint score is the log-likelihood of all events
together, in nats per step, against independent events of the same probabilities.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import write_results  # noqa: E402

from thermofab.apps.foresight import ForesightContext, create_trm_foresight_engine  # noqa: E402
from thermofab.apps.foresight.engine import ForesightEngine  # noqa: E402
from thermofab.apps.foresight.state import Scaling, states  # noqa: E402
from thermofab.apps.routing.evaluation import interval  # noqa: E402

BLOCK, REPEATS = 20, 1000
SHARED = 2.0  # deviation of what all events of a step share, in log-odds
REGIMES = ("SPY falls 1 %", "SPY moves 1 %", "VIX rises 5 %", "TLT rises", "SPY and TLT fall")


def synthetic(steps: int, seed: int) -> tuple[ForesightContext, np.ndarray]:
    """Five events; each depends on whether two others differed (no linear function says that), on a third, and on what
    all of them share. Returns the context and the known probabilities of every step, float ``[T, 5]``."""
    random = np.random.default_rng(seed)
    events = np.zeros((steps, 5), dtype=bool)
    known = np.zeros((steps, 5))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    for t in range(1, steps):
        last = events[t - 1]
        logit = 2.0 * (2.0 * (last ^ np.roll(last, 1)) - 1) + 0.8 * (2.0 * np.roll(last, 2) - 1) - 0.3
        shared = SHARED * random.normal()
        known[t] = weights @ (1 / (1 + np.exp(-(logit[None] + SHARED * nodes[:, None]))))
        events[t] = random.random(5) < 1 / (1 + np.exp(-(logit + shared)))
    return ForesightContext(("a", "b", "c", "d", "e"), events), known


def regimes(folder: Path) -> tuple[ForesightContext, int]:
    """Events and features of daily closes, and the first row of 2014."""
    import pandas as pd

    tables: dict[str, Any] = {
        name: pd.read_csv(folder / f"{name}.csv", index_col=0, parse_dates=True) for name in ("SPY", "TLT", "VIX")
    }
    closes = pd.DataFrame({name: _close(table) for name, table in tables.items()}).dropna()
    moves: Any = closes.apply(np.log).diff().dropna()
    spy, tlt, vix = moves["SPY"], moves["TLT"], moves["VIX"]
    events = np.stack(
        [spy < np.log(0.99), spy.abs() > 0.01, vix > np.log(1.05), tlt > 0, (spy < 0) & (tlt < 0)], axis=1
    )
    features = pd.DataFrame(
        {
            "SPY": spy, "TLT": tlt, "VIX": vix, "level of VIX": np.log(closes["VIX"].loc[moves.index]),
            "|SPY|": spy.abs(), "SPY 5 days": spy.rolling(5).sum(), "SPY 20 days": spy.rolling(20).sum(),
            "volatility 10 days": np.log(spy.rolling(10).std()), "volatility 60 days": np.log(spy.rolling(60).std()),
            "correlation 60 days": spy.rolling(60).corr(tlt),
        }
    )  # fmt: skip
    kept = features.notna().all(axis=1).to_numpy()
    when = moves.index[kept]
    context = ForesightContext(REGIMES, events[kept], features[kept].to_numpy(), tuple(features.columns))
    return context, int((when < pd.Timestamp(2014, 1, 1)).sum())


def _close(table):
    names = {str(name).lower(): name for name in table.columns}
    return table[names.get("adj close") or names["close"]]


def logistic(train: np.ndarray, targets: np.ndarray, test: np.ndarray) -> np.ndarray:
    cut = int(0.8 * len(train))
    columns = []
    for target in targets.T:
        losses = []
        for penalty in (0.001, 0.01, 0.1, 1.0):
            trial = LogisticRegression(C=penalty, max_iter=2000).fit(train[:cut], target[:cut])
            p = np.clip(trial.predict_proba(train[cut:])[:, 1], 1e-6, 1 - 1e-6)
            losses.append((-(target[cut:] * np.log(p) + (1 - target[cut:]) * np.log(1 - p)).mean(), penalty))
        chosen = LogisticRegression(C=min(losses)[1], max_iter=2000).fit(train, target)
        columns.append(chosen.predict_proba(test)[:, 1])
    return np.stack(columns, axis=1)


def part(context: ForesightContext, steps: int) -> ForesightContext:
    return ForesightContext(
        context.events, context.history[:steps], context.observed[:steps], context.feature_names, context.horizon
    )


def joint_scores(engine: ForesightEngine, probabilities: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """Log-likelihood of every step under the joint distribution less that under independence, float ``[N]``."""
    p = np.clip(probabilities, 1e-3, 1 - 1e-3)
    number = outcomes @ (1 << np.arange(outcomes.shape[1]))
    together = np.log(engine.joint.exact(np.log(p / (1 - p))))[np.arange(len(p)), number]
    return together - np.log(np.where(outcomes, p, 1 - p)).sum(axis=1)


def measured(context: ForesightContext, cut: int, known: np.ndarray | None) -> dict:
    targets = context.targets()
    test = np.arange(cut, len(targets))
    engines = {
        "foresight (TRM)": create_trm_foresight_engine(max_inner_steps=3, max_outer_steps=2),
        "single step": create_trm_foresight_engine(enable_trm=False),
    }
    forecasts: dict[str, np.ndarray] = {"climatology": np.tile(targets[: cut - 1].mean(axis=0), (len(test), 1))}
    fitted_to = part(context, cut)
    for name, engine in engines.items():
        forecasts[name] = engine.fit(fitted_to).probabilities(context)[test]
        print(f"fitted {name}", file=sys.stderr)
    every = states(context, Scaling.of(fitted_to))
    forecasts["logistic regression"] = logistic(every[: cut - 1], targets[: cut - 1], every[test])
    if known is not None:
        forecasts["the truth"] = known[1:][test]
    errors = {name: ((p - targets[test]) ** 2) for name, p in forecasts.items()}
    random = np.random.default_rng(0)
    blocks = -(-len(test) // BLOCK)
    starts = random.integers(0, len(test) - BLOCK, (REPEATS, blocks))
    rows = (starts[:, :, None] + np.arange(BLOCK)).reshape(REPEATS, -1)
    base = errors["climatology"].mean(axis=1)

    def skill(name: str) -> dict:
        mine = errors[name].mean(axis=1)
        many = 1 - mine[rows].mean(axis=1) / base[rows].mean(axis=1)
        return {
            "brier": float(mine.mean()),
            "skill": float(1 - mine.mean() / base.mean()),
            "interval": interval(many),
            "by_event": (1 - errors[name].mean(axis=0) / errors["climatology"].mean(axis=0)).tolist(),
        }

    main, peer = errors["foresight (TRM)"].mean(axis=1), errors["logistic regression"].mean(axis=1)
    lead = (peer[rows].mean(axis=1) - main[rows].mean(axis=1)) / base[rows].mean(axis=1)
    engine = engines["foresight (TRM)"]
    gain = joint_scores(engine, forecasts["foresight (TRM)"], targets[test])
    steps = engine.recursion.refine(every[test]).steps
    return {
        "events": list(context.events),
        "steps": {"train": cut, "test": len(test)},
        "forecasts": {name: skill(name) for name in forecasts},
        "lead_over_logistic": {
            "skill": float((peer.mean() - main.mean()) / base.mean()), "interval": interval(lead),
        },
        "joint": {"nats": float(gain.mean()), "interval": interval(gain[rows].mean(axis=1))},
        "refinement_steps": {"mean": float(steps.mean()), "most": engine.recursion.config.steps},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", choices=("synthetic", "regimes"))
    parser.add_argument("--prices", type=Path, default=Path("../shared/data/prices"))
    arguments = parser.parse_args()
    if arguments.study == "synthetic":
        context, known = synthetic(5000, seed=7)
        result = measured(context, 3000, known)
    else:
        context, cut = regimes(arguments.prices)
        result = measured(context, cut, None)
    for name, row in result["forecasts"].items():
        print(f"{name:<22} skill {row['skill']:+.4f}  {row['interval'][0]:+.4f}…{row['interval'][1]:+.4f}")
    print("lead over logistic", result["lead_over_logistic"], "joint", result["joint"])
    print(write_results(f"foresight_{arguments.study}", result))


if __name__ == "__main__":
    main()
