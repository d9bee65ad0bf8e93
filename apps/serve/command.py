"""``thermofab serve``: predictions as a live page."""

import math
import os
import tempfile
from concurrent.futures import Executor, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermofab.apps.console import errors
from thermofab.hw.spec.errors import SpecError, ToolMissingError

if TYPE_CHECKING:
    from thermofab.apps.serve.predictors import Predictor
    from thermofab.apps.serve.sources import Source

_FOR_RISK = ("starlette", "uvicorn", "websockets", "jsonschema", "prometheus_client", "arch", "pandas", "optax")
_NEEDED = ("starlette", "uvicorn", "websockets", "jsonschema", "prometheus_client", "torch", "safetensors", "river")


def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Stream a small model over what ships with arch.")] = False,
    model: Annotated[Path | None, typer.Option(help="A model of 'thermofab strategy train'.")] = None,
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8000,
    token: Annotated[
        str | None, typer.Option(help="What clients must show.", envvar="THERMOFAB_TOKEN", show_envvar=True)
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; others than loopback need a token.")] = "127.0.0.1",
    journal: Annotated[Path | None, typer.Option(help="File of all messages; a temporary one if left out.")] = None,
    prices: Annotated[
        list[str] | None,
        typer.Option(help="^GSPC (ships with arch), a price file, or mock; several are streamed side by side."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Price files grow (or are folders): stream new rows.")
    ] = False,
    speed: Annotated[float, typer.Option(help="Days per second of a replay.")] = 1.0,
    backlog: Annotated[int, typer.Option(help="Days that a replay begins with at once.", min=0)] = 300,
    device: Annotated[str, typer.Option(help="Where plans and risk are sampled; none for no plan.")] = "jax",
    risk: Annotated[
        Path | None, typer.Option(help="weights.csv of a portfolio, or of one asset: stream its value at risk.")
    ] = None,
    risk_prices: Annotated[Path | None, typer.Option(help="Folder with a price file per symbol, for --risk.")] = None,
    risk_until: Annotated[
        str | None, typer.Option(help="Last day that --risk learns from; else 500 days before the end of a replay.")
    ] = None,
    risk_refit: Annotated[
        int | None, typer.Option(help="Days between fits of --risk; one fit if left out.", min=1)
    ] = None,
    risk_kind: Annotated[str, typer.Option(help="Machine of --risk: static, state or daily.")] = "static",
    allow_host: Annotated[list[str] | None, typer.Option(help="Another host name of this server.")] = None,
    allow_origin: Annotated[list[str] | None, typer.Option(help="An origin whose pages may connect and embed.")] = None,
) -> None:
    """Stream predictions to WebSocket clients and show them on a page, until stopped by Ctrl-C."""
    if demo and model is not None:
        raise SpecError("--demo has a model of its own; leave it or --model out.")
    strategy = demo or model is not None
    if not strategy and risk is None:
        raise SpecError(
            "there is nothing to serve; --demo streams a small model over the prices that ship with arch, --model FILE "
            "one of yours, --risk FILE the risk of a portfolio."
        )
    if (risk is None) != (risk_prices is None):
        raise SpecError("--risk FILE names what is held, --risk-prices FOLDER its prices; give both or neither.")
    missing = [name for name in (_NEEDED if strategy else _FOR_RISK) if find_spec(name) is None]
    if missing:
        extra = "strategy" if strategy else "serve,trading,models"
        raise ToolMissingError(f"thermofab serve needs {', '.join(missing)}: pip install 'thermofab[{extra}]'.")
    from thermofab.apps.serve.access import Access
    from thermofab.apps.serve.app import create_app
    from thermofab.apps.serve.journal import Journal
    from thermofab.apps.serve.limits import Limits
    from thermofab.apps.serve.prediction import PREDICTION
    from thermofab.apps.serve.server import serve as run

    limits = Limits()
    access = Access(token, tuple(allow_host or ()), tuple(allow_origin or ())).for_host(host)
    with (
        tempfile.TemporaryDirectory() as temporary,
        ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="predict") as pool,
    ):
        predictors: list[Predictor] = []
        kinds = [PREDICTION]
        if strategy:
            predictors += _strategies(model, prices or ["^GSPC"], follow, speed, backlog, device, pool)
        if risk is not None and risk_prices is not None:
            from thermofab.apps.trading.portfolio.live.build import risk_predictor
            from thermofab.apps.trading.portfolio.live.message import RISK

            kinds.append(RISK)
            predictors.append(
                risk_predictor(
                    risk, risk_prices, pool, follow=follow, until=risk_until, refit=risk_refit,
                    device="jax" if device == "none" else device, kind=risk_kind, speed=speed, backlog=backlog,
                )
            )  # fmt: skip
        topics = [predictor.symbol for predictor in predictors]
        if len(set(topics)) < len(topics):
            raise SpecError(f"every source and portfolio needs a name of its own; got {', '.join(topics)}.")
        kept = Journal(journal or Path(temporary) / "journal.sqlite", limits.keep)
        shown = f"[{host}]" if ":" in host else host
        suffix = "" if token is None else "/#token=…  (the token you gave, after #token=)"
        errors.print(f"http://{shown}:{port}{suffix}  (Ctrl-C stops)", markup=False)
        app = create_app(predictors, kept, access=access, limits=limits, kinds=kinds)
        run(app, host=host, port=port, limits=limits)


def _strategies(
    model: Path | None, names: list[str], follow: bool, speed: float, backlog: int, device: str, pool: Executor
) -> "list[Predictor]":
    """A predictor a source, with one planner for all."""
    from thermofab.apps.serve.predictors import SourcePredictor
    from thermofab.apps.strategy.drift import DriftMonitor
    from thermofab.apps.strategy.live import load
    from thermofab.apps.strategy.planner import Planner
    from thermofab.apps.strategy.rows import StrategyRows

    sources = [_source(name, follow, speed, backlog) for name in names]
    symbols = [source.symbol for source in sources]
    if len(set(symbols)) < len(symbols):
        raise SpecError(f"every source needs a symbol of its own; got {', '.join(symbols)}.")
    trained = load(model)
    shares = trained.config.strategies.allocations
    planner = None if device == "none" else Planner(symbols, device=device, allocations=shares)
    return [
        SourcePredictor(
            source, StrategyRows(trained, source.symbol, source.kind, source.name, planner, DriftMonitor()), pool
        )
        for source in sources
    ]


def _source(name: str, follow: bool, speed: float, backlog: int) -> "Source":
    from thermofab.apps.serve.sources import MockSource, ReplaySource, TailSource, price_rows

    if not speed > 0:
        raise SpecError(f"the speed is above 0 days a second (inf for no pause); got {speed:g}.")
    if name == "mock":
        return MockSource(speed=min(speed, math.inf), backlog=backlog)
    if follow:
        path = Path(name)
        return TailSource(path.stem, path)
    if name.lower() in ("^gspc", "spx", "sp500"):
        from thermofab.apps.strategy.demo_rows import TITLE, demo_rows

        return ReplaySource("^GSPC", demo_rows(), TITLE, speed, backlog)
    return ReplaySource(Path(name).stem, price_rows(name), Path(name).name, speed, backlog)
