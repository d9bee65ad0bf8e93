"""``thermofab trade``: fit, scenarios, risk, backtest, strategies."""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from thermofab.apps.console import bar, errors, output, steps
from thermofab.hw.spec.errors import ToolMissingError

app = typer.Typer(no_args_is_help=True, help="Scenarios, tail risk and strategy energies. No order is ever sent.")

DEFAULT_PRICES = "^GSPC"
PRICES_OPTION = typer.Option(
    "--prices", help="^GSPC (ships with arch), the default, or a .csv or .parquet with Date and Adj Close or Close."
)
PricesSource = Annotated[str, PRICES_OPTION]
Repair = Annotated[
    list[str] | None, typer.Option(help="Repairs allowed: sort, drop-duplicates, drop-missing, split-adjust.")
]
DeviceName = Annotated[str, typer.Option("--device", help="jax, native, rtl, reference, serial:///dev/…")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
Out = Annotated[Path, typer.Option("--out", help="Folder for pictures.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
ModelFile = Annotated[
    Path | None, typer.Option("--model", help="A model written by 'trade fit'; else prices are fitted.")
]
Refit = Annotated[
    int | None,
    typer.Option(help="With --model and --prices: fit again after so many days newer than the model's.", min=1),
]
Filter = Annotated[str, typer.Option("--volatility", help="gjr, garch or ewma.")]
Horizon = Annotated[int, typer.Option(help="Trading days.", min=1)]
AsOf = Annotated[str | None, typer.Option(help="The last day known, such as 2008-09-15; by default the last there is.")]
Symbol = Annotated[str | None, typer.Option(help="Its name in the report; by default the file's.")]
Drift = Annotated[
    float | None, typer.Option(help="Expected simple return per year; by default the mean of the days learnt from.")
]


@app.callback()
def check_packages() -> None:
    """Scenarios, tail risk and strategy energies. No order is ever sent."""
    missing = [name for name in ("arch", "optax", "pandas", "scipy") if find_spec(name) is None]
    if missing:
        raise ToolMissingError(
            f"thermofab trade needs {', '.join(missing)}: pip install 'thermofab[trading,models]' brings what it uses."
        )


def _said(numbers: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(json.dumps(numbers))
        return
    for name, value in numbers.items():
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        output.print(f"{name:<20} {shown}", markup=False)


def _model(
    model: Path | None,
    prices: str | None,
    repair: list[str] | None,
    device: str,
    volatility: str,
    as_of: str | None = None,
    refit: int | None = None,
) -> Any:
    """The model of a file, brought up to date where prices are given, or one learnt from prices; and the prices."""
    from thermofab.apps.trading.persistence import PersistenceWarning
    from thermofab.apps.trading.prices import load_prices
    from thermofab.apps.trading.series import SeriesModel
    from thermofab.apps.trading.storage import load_model
    from thermofab.apps.trading.updating import up_to_date
    from thermofab.hw.spec import SpecError

    if model is not None and prices is None:
        for name, value in (("--as-of", as_of), ("--refit", refit)):
            if value is not None:
                raise SpecError(f"{model} was learnt up to a day of its own; {name} goes with --prices.")
        return load_model(model, device=device), None
    if model is None and refit is not None:
        raise SpecError("--refit goes with --model, a model learnt before; without one, prices are learnt from anew.")
    series = load_prices(prices or DEFAULT_PRICES, repair=repair or ())
    series = series if as_of is None else series.until(as_of)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", PersistenceWarning)
        if model is None:
            market = SeriesModel(device=device, volatility=volatility).fit(series)
        else:
            update = up_to_date(load_model(model, device=device), series, refit)
            market, done = update.model, "fitted again" if update.refitted else "its filter goes on"
            errors.print(f"note: {update.newer} days newer than {model}; {done}.", markup=False)
    for one in raised:
        errors.print(f"note: {one.message}", markup=False)
    return market, series


def _about(market: Any, series: Any, symbol: str | None) -> dict[str, Any]:
    """What every report begins with: whose days, which, and what was repaired."""
    source = market.fitted.source
    return {
        "symbol": symbol or source.symbol, "as_of": source.as_of, "first": source.first, "last": source.last,
        "days": source.days,
        "repairs": list(series.repairs) if series is not None else [],
    }  # fmt: skip


def _refuse(given: dict[str, bool], why: str) -> None:
    """Refuse options that do not go with the others."""
    from thermofab.hw.spec import SpecError

    name = next((name for name, here in given.items() if here), None)
    if name is not None:
        raise SpecError(f"{name} is {why}.")


@app.command()
def fit(
    out: Annotated[Path, typer.Option("--out", help="Where to write the model (.json).")],
    prices: PricesSource = DEFAULT_PRICES,
    repair: Repair = None,
    volatility: Filter = "gjr",
    as_of: AsOf = None,
    start: Annotated[
        Path | None, typer.Option(help="A model learnt before, from nearly the same days: the search begins there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn the distribution of a day's return given what is known before it."""
    from thermofab.apps.trading.storage import save_model

    with steps(1, as_json) as step:
        step(f"fit {prices}")
        model, series = _model(start, prices, repair, "jax", volatility, as_of, None if start is None else 1)
    save_model(out, model, series.symbol)
    fitted = model.fitted
    _said(
        {
            "symbol": series.symbol, "days": len(series), "first": str(series.dates[0]), "last": str(series.dates[-1]),
            "repairs": list(series.repairs), "volatility": fitted.volatility.kind,
            "yearly_volatility": float((252 * fitted.last.variance[0]) ** 0.5),
            "persistence": fitted.persistence.sampled, "news": fitted.persistence.news, "model": str(out),
        },
        as_json,
    )  # fmt: skip


@app.command()
def scenarios(
    model: ModelFile = None,
    prices: Annotated[str | None, PRICES_OPTION] = None,
    repair: Repair = None,
    volatility: Filter = "gjr",
    refit: Refit = None,
    price: Annotated[float, typer.Option(help="Today's price.", min=1e-9)] = 100.0,
    trajectories: Annotated[int, typer.Option(help="Paths to draw.", min=1)] = 2000,
    horizon: Horizon = 10,
    device: DeviceName = "jax",
    seed: Seed = 0,
    as_of: AsOf = None,
    symbol: Symbol = None,
    drift: Drift = None,
    paths_file: Annotated[
        Path | None, typer.Option("--paths", help="Write every path there: .csv, .csv.gz or .parquet.")
    ] = None,
    out: Out = Path("out/trading"),
    as_json: Json = False,
) -> None:
    """Simulate paths; a fan chart, and the next day beside the data's days of like volatility."""
    import numpy as np

    from thermofab.apps.trading.plots import fan_chart, histogram
    from thermofab.apps.trading.storage import check_paths_file, write_paths

    if paths_file is not None:
        check_paths_file(paths_file)
    with steps(3, as_json) as step:
        step("model")
        market, series = _model(model, prices, repair, device, volatility, as_of, refit)
        step(f"{trajectories} paths of {horizon} days on {device}")
        paths = market.simulate_market_trajectories(None, trajectories, horizon, seed, drift)
        step("pictures")
        values = paths.prices(price)
        about = _about(market, series, symbol)
        title = f"{about['symbol']}: {horizon} days from {about['as_of']}, {trajectories:,} paths"
        drawn = [fan_chart(values, price, out / "fan.png", title, about["as_of"])]
        if series is not None:
            filtered, now = market.fitted.volatility, paths.volatilities[:, 0]
            scales = np.sqrt(filtered.variances(series.returns)[:-1])
            days = (series.returns - filtered.mean) / scales
            # Whatever the drift, the draws are set about the mean of the data's days.
            drawn_days = paths.returns[:, 0] / now
            centred = drawn_days - (filtered.mean / now if drift is None else drawn_days.mean() - days.mean())
            who = f"{about['symbol']} after {about['as_of']}"
            drawn.append(histogram(centred, days, scales, float(now[0]), out / "returns.png", who))
        if paths_file is not None:
            write_paths(paths_file, paths, price)
    last = values[:, -1]
    ledger = paths.ledger
    numbers = about | {
        "device": device, "num_trajectories": trajectories, "horizon": horizon, "mean_future_price": float(last.mean()),
        "std_future_price": float(last.std()), "min_future_price": float(last.min()),
        "max_future_price": float(last.max()), "prob_profit": float((last > price).mean()),
        "site_updates": int(ledger.site_updates), "pictures": [str(path) for path in drawn],
        "paths": None if paths_file is None else str(paths_file),
    }  # fmt: skip
    _said(numbers, as_json)


@app.command()
def risk(
    model: ModelFile = None,
    prices: Annotated[str | None, PRICES_OPTION] = None,
    repair: Repair = None,
    volatility: Filter = "gjr",
    refit: Refit = None,
    threshold: Annotated[float, typer.Option(help="A simple return, such as -0.1.")] = -0.1,
    trajectories: Annotated[int, typer.Option(help="Paths to draw.", min=1)] = 10_000,
    horizon: Annotated[
        list[int] | None, typer.Option(help="Trading days; several are allowed. By default 1 and 10.", min=1)
    ] = None,
    level: Annotated[
        list[float] | None, typer.Option(help="Of VaR and ES; several are allowed. By default 0.01, 0.025 and 0.05.")
    ] = None,
    position: Annotated[float, typer.Option(help="A long position, in any money.", min=1e-9)] = 1.0,
    device: DeviceName = "jax",
    seed: Seed = 0,
    as_of: AsOf = None,
    symbol: Symbol = None,
    drift: Drift = None,
    portfolio: Annotated[
        Path | None,
        typer.Option(help="weights.csv with columns symbol and weight (or money); --prices is then a folder."),
    ] = None,
    money: Annotated[float | None, typer.Option(help="What a portfolio's weights are of.", min=1e-9)] = None,
    kind: Annotated[str | None, typer.Option(help="A portfolio's machine: static, state or daily.")] = None,
    stress: Annotated[
        list[str] | None, typer.Option(help="Of a portfolio, SPY<5% or SPY>95%; several are allowed.")
    ] = None,
    backtest_days: Annotated[
        int | None, typer.Option(help="Newest days that a portfolio is tested on, 250 by default; 0 for none.", min=0)
    ] = None,
    paths_file: Annotated[
        Path | None, typer.Option("--paths", help="Write a portfolio's paths there: .csv, .csv.gz or .parquet.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a portfolio's report there: .html.")] = None,
    as_json: Json = False,
) -> None:
    """Value at risk and expected shortfall by horizon and level; tail probability over the longest horizon.

    Of one asset, or with --portfolio of many: what each contributes, a back-test, paths, and a report.
    """
    import numpy as np

    from thermofab.apps.trading.risk import HORIZONS, LEVELS, checked_threshold, tail_metrics, var_table

    horizons, levels = horizon or HORIZONS, level or LEVELS
    if portfolio is not None:
        from thermofab.apps.trading.portfolio.command import BACKTEST_DAYS, Asked, portfolio_risk_command

        _refuse(
            {"--model": model is not None, "--refit": refit is not None, "--position": position != 1},
            "of one asset; leave it or --portfolio out",
        )
        portfolio_risk_command(
            Asked(
                portfolio, prices or DEFAULT_PRICES, repair or (), volatility, threshold, trajectories, horizons,
                levels, device, seed, as_of, symbol, drift, kind or "static", money, stress or (),
                BACKTEST_DAYS if backtest_days is None else backtest_days, paths_file, report, as_json,
            )
        )  # fmt: skip
        return
    given = {"--money": money, "--kind": kind, "--stress": stress, "--backtest-days": backtest_days,
             "--paths": paths_file, "--report": report}  # fmt: skip
    _refuse({name: value is not None for name, value in given.items()}, "of a portfolio; give --portfolio weights.csv")
    checked_threshold(threshold)
    with steps(2, as_json) as step:
        step("model")
        market, series = _model(model, prices, repair, device, volatility, as_of, refit)
        step(f"{trajectories} paths of {max(horizons)} days on {device}")
        paths = market.simulate_market_trajectories(None, trajectories, max(horizons), seed, drift)
        rows = var_table(paths.returns, horizons, levels, position)
        found = tail_metrics(np.expm1(paths.returns.sum(axis=1)), threshold)
    numbers = _about(market, series, symbol) | {
        "position": position, "num_trajectories": trajectories, "threshold": threshold, "horizon": max(horizons),
        **found,
    }  # fmt: skip
    if as_json:
        _said(numbers | {"risk": rows}, True)
        return
    _said(numbers, False)
    output.print(f"\n{'days':>5}{'level':>8}{'VaR':>9}{'ES':>9}{'VaR, money':>14}{'ES, money':>14}", markup=False)
    for row in rows:
        output.print(
            f"{row['horizon']:>5}{row['level']:>8.1%}{row['var']:>9.2%}{row['es']:>9.2%}{row['var_money']:>14,.2f}"
            f"{row['es_money']:>14,.2f}",
            markup=False,
        )  # fmt: skip


@app.command("backtest")
def backtest_command(
    prices: PricesSource = DEFAULT_PRICES,
    repair: Repair = None,
    volatility: Filter = "gjr",
    horizon: Horizon = 1,
    window: Annotated[int, typer.Option(help="Days fitted to.", min=500)] = 1000,
    refit: Annotated[int, typer.Option(help="Days between fits.", min=1)] = 100,
    samples: Annotated[int, typer.Option(help="Of the fabric, a forecast.", min=500)] = 5000,
    device: DeviceName = "jax",
    seed: Seed = 0,
    out: Out = Path("out/trading"),
    as_json: Json = False,
) -> None:
    """Rolling forecasts at 1% and 2.5%, beside historical simulation, EWMA, GARCH and filtered ones."""
    from dataclasses import asdict

    from thermofab.apps.trading.backtest import backtest
    from thermofab.apps.trading.plots import breaches
    from thermofab.apps.trading.prices import load_prices

    series = load_prices(prices, repair=repair or ())
    total = max(1, -(-(len(series.returns) - window) // refit))
    with bar(f"refits on {device}", total, as_json) as done:
        result = backtest(
            series, horizon=horizon, window=window, refit=refit, samples=samples, device=device, volatility=volatility,
            seed=seed, progress=lambda *_: done(),
        )  # fmt: skip
    picture = breaches(result, out / "breaches.png", series.symbol)
    if as_json:
        rows = {
            name: {f"{alpha:g}": asdict(result.scores(name, k)) for k, alpha in enumerate(result.alphas)}
            for name in result.forecasts
        }
        output.print_json(
            json.dumps({"symbol": series.symbol, "horizon": horizon, "methods": rows, "picture": str(picture)})
        )
        return
    output.print(f"{series.symbol}, {result.dates[0]} to {result.dates[-1]}, {horizon} days ahead\n", markup=False)
    output.print(result.table() + f"\n\n{picture}", markup=False)


@app.command()
def strategies(
    records: Annotated[
        Path | None, typer.Option(help="Strategy records, a JSON list; else examples are generated.")
    ] = None,
    evaluate: Annotated[Path | None, typer.Option(help="A record to judge, JSON.")] = None,
    rank: Annotated[Path | None, typer.Option(help="Records to rank by energy, a JSON list.")] = None,
    typical_only: Annotated[bool, typer.Option("--typical-only", help="Leave rare ones out of the ranking.")] = False,
    samples: Annotated[int, typer.Option(help="New records to draw.", min=0)] = 5,
    device: DeviceName = "jax",
    seed: Seed = 0,
    out: Out = Path("out/trading"),
    as_json: Json = False,
) -> None:
    """Learn strategy records; judge one, rank and filter others by energy, draw new ones."""
    import numpy as np

    from thermofab.apps.trading.plots import energies
    from thermofab.apps.trading.records import example_records, shuffled
    from thermofab.apps.trading.strategies import EnergyBasedStrategyModel
    from thermofab.hw.spec import SpecError

    def read(path: Path) -> Any:
        if not path.exists():
            raise SpecError(f"there is no file {path}.")
        return json.loads(path.read_text())

    def read_list(path: Path) -> list[Any]:
        found = read(path)
        if not isinstance(found, list):
            raise SpecError(f"{path} holds a {type(found).__name__}; strategy records are a JSON list of objects.")
        return found

    if typical_only and rank is None:
        raise SpecError("--typical-only goes with --rank.")
    known = example_records(800, seed) if records is None else read_list(records)
    ranked = None if rank is None else read_list(rank)
    with steps(2, as_json) as step:
        step(f"train on {len(known)} records on {device}")
        model = EnergyBasedStrategyModel(device=device, seed=seed)
        numbers: dict[str, Any] = model.train(known)
        step("energies")
        rare = [model.evaluate(record)["energy"] for record in shuffled(known[4::5], seed)]
        assert model.held_out is not None
        title = f"Free energy of {len(known):,} strategy records"
        picture = energies(model.held_out, np.array(rare), out / "energies.png", title)
    numbers["mean_free_energy_shuffled"] = float(np.mean(rare))
    numbers["picture"] = str(picture)
    if evaluate is not None:
        numbers["evaluation"] = model.evaluate(read(evaluate))
    if ranked is not None:
        numbers["ranking"] = model.rank(ranked, typical_only=typical_only)
    if samples:
        numbers["samples"] = model.sample_strategies(samples)
    _said(numbers, as_json)
