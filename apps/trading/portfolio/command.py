"""``thermofab trade risk --portfolio``: a portfolio's risk as JSON, paths, and a report."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thermofab.apps.console import bar, errors, output, steps
from thermofab.hw.spec import SpecError

BACKTEST_DAYS = 250


@dataclass(frozen=True)
class Asked:
    """The command's options; see ``thermofab trade risk --help``."""

    portfolio: Path
    prices: str
    repair: Sequence[str]
    volatility: str
    threshold: float
    trajectories: int
    horizons: Sequence[int]
    levels: Sequence[float]
    device: str
    seed: int
    as_of: str | None
    name: str | None
    drift: float | None
    kind: str
    money: float | None
    stress: Sequence[str]
    backtest_days: int
    paths: Path | None
    report: Path | None
    as_json: bool


def portfolio_risk_command(asked: Asked) -> None:
    """All that is asked for is checked before anything is fitted, and files are the last thing written."""
    from thermofab.apps.trading.portfolio.assess import assess, back_test, checked_backtest
    from thermofab.apps.trading.portfolio.export import check_report_file, ready_folder, write_portfolio_paths
    from thermofab.apps.trading.portfolio.holdings import load_held, price_files, wanted
    from thermofab.apps.trading.portfolio.model import PortfolioModel
    from thermofab.apps.trading.portfolio.report.page import page
    from thermofab.apps.trading.portfolio.stressed import condition_of, stressed_by
    from thermofab.apps.trading.portfolio.weights import read_weights
    from thermofab.apps.trading.risk import checked_threshold
    from thermofab.apps.trading.storage import check_paths_file

    if asked.report is not None:
        check_report_file(asked.report)
    if asked.paths is not None:
        check_paths_file(asked.paths)
    checked_threshold(asked.threshold)
    _checked(asked)
    weights = read_weights(asked.portfolio, asked.money, tuple(price_files(asked.prices)))
    known = tuple(price_files(asked.prices))
    conditions = [condition_of(text, known) for text in asked.stress]
    model = PortfolioModel(asked.device, asked.kind, asked.volatility)
    with steps(3 + len(conditions) + bool(asked.backtest_days), asked.as_json) as step:
        step(f"prices of {len(weights.symbols)} assets")
        symbols = wanted(weights, [one.symbol for one in conditions])
        panel = load_held(asked.prices, symbols, asked.repair, asked.as_of)
        checked_backtest(panel, asked.backtest_days)
        for file in (asked.paths, asked.report):
            if file is not None and ready_folder(file):
                errors.print(f"made the folder {file.parent}", markup=False)
        step(f"fit {len(panel):,} days of {', '.join(panel.symbols)}")
        model.fit(panel)
        step(f"{asked.trajectories:,} paths of {max(asked.horizons)} days on {asked.device}")
        paths = model.simulate(asked.trajectories, max(asked.horizons), asked.seed, asked.drift)
        stressed = []
        for condition in conditions:
            step(f"stress: {condition}")
            stressed.append(stressed_by(model, condition, weights, asked.trajectories, asked.seed))
        before = None
        if asked.backtest_days:
            step(f"fit the days before the newest {asked.backtest_days}")
            learnt = panel.rows(0, len(panel) - asked.backtest_days)
            before = PortfolioModel(asked.device, asked.kind, asked.volatility).fit(learnt)
    rolled = None
    if before is not None:
        with bar(
            f"back-test of {asked.backtest_days} days on {asked.device}", asked.backtest_days, asked.as_json
        ) as done:
            rolled = back_test(before, panel, weights, asked.levels, asked.seed, done)
    name = asked.name or asked.portfolio.stem
    facts = assess(
        name, model, paths, weights, asked.horizons, asked.levels, asked.threshold, asked.seed, rolled, stressed
    )  # fmt: skip
    with steps(1, asked.as_json) as step:
        step("report and paths")
        if asked.report is not None:
            asked.report.write_text(page(facts), encoding="utf-8")
        if asked.paths is not None:
            write_portfolio_paths(asked.paths, paths, weights)
    numbers = as_numbers(facts) | {
        "device": asked.device, "kind": asked.kind, "seed": asked.seed, "num_trajectories": asked.trajectories,
        "paths": None if asked.paths is None else str(asked.paths),
        "report": None if asked.report is None else str(asked.report),
    }  # fmt: skip
    if asked.as_json:
        output.print_json(json.dumps(numbers))
    else:
        _print(numbers)


def _checked(asked: Asked) -> None:
    """Numbers that would else be refused only after a fit."""
    from thermofab.apps.trading.portfolio.risk import checked_counts

    checked_counts(asked.trajectories, max(asked.horizons), asked.horizons, asked.levels)
    if asked.backtest_days < 0:
        raise SpecError(f"a back-test has 0 days or more, got {asked.backtest_days}.")
    if Path(asked.prices).is_file() or not Path(asked.prices).exists():
        raise SpecError(
            f"a portfolio's prices are a folder with a file a symbol, such as SPY.csv; got --prices {asked.prices}."
        )


def as_numbers(facts: Any) -> dict[str, Any]:
    """A report's facts as plain values."""
    source, weights = facts.source, facts.weights
    rolled = facts.rolling
    return {
        "portfolio": source.name, "as_of": source.as_of, "first": source.first, "days": source.days,
        "notes": list(source.notes), "money": weights.money, "cash": weights.cash,
        "weights": dict(zip(weights.symbols, weights.shares.tolist())),
        "model": dict(source.model),
        "volatility": dict(zip(facts.paths.symbols, facts.volatilities[0].tolist())),
        "threshold": facts.threshold, "tail_probability": facts.chance,
        "risk": [row.to_json(weights.money) for row in facts.rows],
        "stress": [one.to_json() for one in facts.stressed],
        "backtest": None if rolled is None else {
            "first": str(rolled.dates[0]), "last": str(rolled.dates[-1]), "days": len(rolled.dates),
            "levels": [asdict(one) for one in rolled.coverage()],
        },
    }  # fmt: skip


def _print(numbers: dict[str, Any]) -> None:
    said = (
        f"{numbers['portfolio']} as of {numbers['as_of']}, {numbers['days']:,} days from {numbers['first']}, "
        f"{numbers['num_trajectories']:,} paths on {numbers['device']}"
    )
    output.print(said, markup=False)
    for note in numbers["notes"]:
        output.print(f"  note: {note}", markup=False)
    head = f"\n{'days':>5}{'level':>8}{'VaR':>9}{'ES':>9}{'± ES':>8}{'VaR, money':>14}{'ES, money':>14}"
    output.print(head, markup=False)
    for row in numbers["risk"]:
        output.print(
            f"{row['horizon']:>5}{row['level']:>8.1%}{row['var']:>9.2%}{row['es']:>9.2%}"
            f"{row['es_high'] - row['es']:>8.2%}{row['var_money']:>14,.2f}{row['es_money']:>14,.2f}",
            markup=False,
        )
    last = numbers["risk"][-1]
    output.print(f"\nof ES at {last['level']:.1%} over {last['horizon']} days", markup=False)
    for one in last["contributions"]:
        output.print(
            f"  {one['symbol']:<8}{one['share']:>9.1%} held {one['es'] / last['es']:>9.1%} of ES", markup=False
        )
    for one in numbers["stress"]:
        data = f"data {one['data_profit']:+.2%}, {one['days']} days" if one["days"] else "no such day in the data"
        output.print(
            f"\n{one['condition']}: portfolio {one['profit']:+.2%} in the mean ({data}; {one['effective']:,.0f} "
            f"effective draws)",
            markup=False,
        )
    if numbers["backtest"] is not None:
        tested = numbers["backtest"]
        output.print(f"\nback-test, {tested['days']} days, {tested['first']} to {tested['last']}", markup=False)
        for one in tested["levels"]:
            output.print(
                f"  {one['level']:>6.1%} {one['breaches']:>4} beyond, {one['expected']:.1f} expected, Kupiec p "
                f"{one['kupiec']:.3f}",
                markup=False,
            )
    for name in ("report", "paths"):
        if numbers[name] is not None:
            output.print(f"\n{numbers[name]}" if name == "report" else numbers[name], markup=False)
