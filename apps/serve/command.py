"""``thermofab serve``: predictions as a live page."""

import math
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermofab.apps.console import errors
from thermofab.hw.spec.errors import SpecError, ToolMissingError

if TYPE_CHECKING:
    from thermofab.apps.serve.sources import Source

_NEEDED = ("starlette", "uvicorn", "websockets", "jsonschema", "prometheus_client", "torch", "safetensors", "river")


def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Stream a small model over what ships with arch.")] = False,
    model: Annotated[Path | None, typer.Option(help="A model of 'thermofab strategy train'.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
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
    speed: Annotated[float, typer.Option(help="Days a second of a replay.")] = 1.0,
    backlog: Annotated[int, typer.Option(help="Days that a replay begins with at once.", min=0)] = 300,
    device: Annotated[str, typer.Option(help="Where the plan is sampled; none for no plan.")] = "jax",
    allow_host: Annotated[list[str] | None, typer.Option(help="Another host name of this server.")] = None,
    allow_origin: Annotated[list[str] | None, typer.Option(help="An origin whose pages may connect and embed.")] = None,
) -> None:
    """Stream predictions to WebSocket clients and show them on a page, until stopped by Ctrl-C."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ToolMissingError(f"thermofab serve needs {', '.join(missing)}: pip install 'thermofab[strategy]'.")
    if demo == (model is not None):
        raise SpecError(
            "there is nothing to serve; --demo streams a small model over the prices that ship with arch, --model FILE "
            "one of yours."
            if not demo
            else "--demo has a model of its own; leave it or --model out."
        )
    from thermofab.apps.serve.access import Access
    from thermofab.apps.serve.app import create_app
    from thermofab.apps.serve.journal import Journal
    from thermofab.apps.serve.limits import Limits
    from thermofab.apps.serve.predictors import SourcePredictor
    from thermofab.apps.serve.server import serve as run
    from thermofab.apps.strategy.drift import DriftMonitor
    from thermofab.apps.strategy.live import load
    from thermofab.apps.strategy.planner import Planner
    from thermofab.apps.strategy.rows import StrategyRows

    limits = Limits()
    access = Access(token, tuple(allow_host or ()), tuple(allow_origin or ())).for_host(host)
    sources = [_source(name, follow, speed, backlog) for name in prices or ["^GSPC"]]
    symbols = [source.symbol for source in sources]
    if len(set(symbols)) < len(symbols):
        raise SpecError(f"every source needs a symbol of its own; got {', '.join(symbols)}.")
    with (
        tempfile.TemporaryDirectory() as temporary,
        ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="predict") as pool,
    ):
        kept = Journal(journal or Path(temporary) / "journal.sqlite", limits.keep)
        trained = load(model)
        shares = trained.config.strategies.allocations
        planner = None if device == "none" else Planner(symbols, device=device, allocations=shares)
        predictors = [
            SourcePredictor(
                source,
                StrategyRows(trained, source.symbol, source.kind, source.name, planner, DriftMonitor()),
                pool,
            )
            for source in sources
        ]
        shown = f"[{host}]" if ":" in host else host
        suffix = "" if token is None else "/#token=…  (the token you gave, after #token=)"
        errors.print(f"http://{shown}:{port}{suffix}  (Ctrl-C stops)", markup=False)
        run(create_app(predictors, kept, access=access, limits=limits), host=host, port=port, limits=limits)


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
