"""``thermofab trade``: fit, scenarios, risk, backtest, strategies."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from thermofab.apps.console import bar, output, steps
from thermofab.hw.spec.errors import ToolMissingError

app = typer.Typer(no_args_is_help=True, help="Scenarios, tail risk and strategy energies. No order is ever sent.")

PricesSource = Annotated[
    str,
    typer.Option("--prices", help="^GSPC (ships with arch), or a .csv or .parquet with Date and Adj Close or Close."),
]
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
Filter = Annotated[str, typer.Option("--volatility", help="gjr, garch or ewma.")]
Horizon = Annotated[int, typer.Option(help="Trading days.", min=1)]


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


def _model(model: Path | None, prices: str, repair: list[str] | None, device: str, volatility: str) -> Any:
    from thermofab.apps.trading.market import ProbabilisticTradingModel
    from thermofab.apps.trading.prices import load_prices
    from thermofab.apps.trading.storage import load_model

    if model is not None:
        return load_model(model, device=device), None
    series = load_prices(prices, repair=repair or ())
    return ProbabilisticTradingModel(device=device, volatility=volatility).fit(series), series


@app.command()
def fit(
    out: Annotated[Path, typer.Option("--out", help="Where to write the model (.json).")],
    prices: PricesSource = "^GSPC",
    repair: Repair = None,
    volatility: Filter = "gjr",
    as_json: Json = False,
) -> None:
    """Learn the distribution of a day's return given what is known before it."""
    from thermofab.apps.trading.storage import save_model

    with steps(1, as_json) as step:
        step(f"fit {prices}")
        model, series = _model(None, prices, repair, "jax", volatility)
    save_model(out, model, series.symbol)
    fitted = model.fitted
    _said(
        {
            "symbol": series.symbol, "days": len(series), "first": str(series.dates[0]), "last": str(series.dates[-1]),
            "repairs": list(series.repairs), "volatility": fitted.volatility.kind,
            "yearly_volatility": float((252 * fitted.last.variance[0]) ** 0.5), "model": str(out),
        },
        as_json,
    )  # fmt: skip


@app.command()
def scenarios(
    model: ModelFile = None,
    prices: PricesSource = "^GSPC",
    repair: Repair = None,
    volatility: Filter = "gjr",
    price: Annotated[float, typer.Option(help="Today's price.", min=1e-9)] = 100.0,
    trajectories: Annotated[int, typer.Option(min=1)] = 2000,
    horizon: Horizon = 10,
    device: DeviceName = "jax",
    seed: Seed = 0,
    out: Out = Path("out/trading"),
    as_json: Json = False,
) -> None:
    """Simulate paths; a fan chart, and a histogram of the days against the data."""
    from thermofab.apps.trading.plots import fan_chart, histogram

    with steps(3, as_json) as step:
        step("model")
        market, series = _model(model, prices, repair, device, volatility)
        step(f"{trajectories} paths of {horizon} days on {device}")
        paths = market.simulate_market_trajectories(None, trajectories, horizon, seed)
        step("pictures")
        values = paths.prices(price)
        drawn = [fan_chart(values, price, out / "fan.png")]
        if series is not None:
            drawn.append(histogram(paths.returns.ravel(), series.returns, out / "returns.png"))
    last = values[:, -1]
    ledger = paths.ledger
    numbers = {
        "device": device, "num_trajectories": trajectories, "horizon": horizon, "mean_future_price": float(last.mean()),
        "std_future_price": float(last.std()), "min_future_price": float(last.min()),
        "max_future_price": float(last.max()), "prob_profit": float((last > price).mean()),
        "site_updates": int(ledger.site_updates), "pictures": [str(path) for path in drawn],
    }  # fmt: skip
    _said(numbers, as_json)


@app.command()
def risk(
    model: ModelFile = None,
    prices: PricesSource = "^GSPC",
    repair: Repair = None,
    volatility: Filter = "gjr",
    threshold: Annotated[float, typer.Option(help="A simple return, such as -0.1.")] = -0.1,
    trajectories: Annotated[int, typer.Option(min=1)] = 10_000,
    horizon: Horizon = 10,
    device: DeviceName = "jax",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Tail probability, value at risk and expected shortfall at 95%."""
    with steps(2, as_json) as step:
        step("model")
        market, _ = _model(model, prices, repair, device, volatility)
        step(f"{trajectories} paths of {horizon} days on {device}")
        found = market.estimate_tail_risk(None, threshold, horizon, trajectories, seed)
    _said({"threshold": threshold, "horizon": horizon, **found}, as_json)


@app.command("backtest")
def backtest_command(
    prices: PricesSource = "^GSPC",
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
    picture = breaches(result, out / "breaches.png")
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
    samples: Annotated[int, typer.Option(help="New records to draw.", min=0)] = 5,
    device: DeviceName = "jax",
    seed: Seed = 0,
    out: Out = Path("out/trading"),
    as_json: Json = False,
) -> None:
    """Learn strategy records; judge one, draw new ones."""
    import numpy as np

    from thermofab.apps.trading.plots import energies
    from thermofab.apps.trading.records import example_records, shuffled
    from thermofab.apps.trading.strategies import EnergyBasedStrategyModel
    from thermofab.hw.spec import SpecError

    def read(path: Path) -> Any:
        if not path.exists():
            raise SpecError(f"there is no file {path}.")
        return json.loads(path.read_text())

    known = example_records(800, seed) if records is None else read(records)
    if not isinstance(known, list):
        raise SpecError(f"{records} holds a {type(known).__name__}; strategy records are a JSON list of objects.")
    with steps(2, as_json) as step:
        step(f"train on {len(known)} records on {device}")
        model = EnergyBasedStrategyModel(device=device, seed=seed)
        numbers: dict[str, Any] = model.train(known)
        step("energies")
        rare = [model.evaluate(record)["energy"] for record in shuffled(known[4::5], seed)]
        assert model.held_out is not None
        picture = energies(model.held_out, np.array(rare), out / "energies.png")
    numbers["mean_free_energy_shuffled"] = float(np.mean(rare))
    numbers["picture"] = str(picture)
    if evaluate is not None:
        numbers["evaluation"] = model.evaluate(read(evaluate))
    if samples:
        numbers["samples"] = model.sample_strategies(samples)
    _said(numbers, as_json)
