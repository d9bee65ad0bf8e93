"""``thermofab route serve``: the proxy, until stopped by Ctrl-C."""

import logging
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from thermofab.apps.console import errors
from thermofab.hw.spec.errors import SpecError, ToolMissingError

_NEEDED = ("starlette", "uvicorn", "httpx", "prometheus_client", "sklearn")


def serve(
    settings: Annotated[Path | None, typer.Option(help="Back ends, clients and limits (TOML).")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Back ends of its own that say the prompt back, for a first try.")
    ] = False,
    catalogue: Annotated[Path | None, typer.Option(help="Models with prices and limits (JSON).")] = None,
    model: Annotated[Path | None, typer.Option(help="A router of 'thermofab route fit'.")] = None,
    ising: Annotated[bool, typer.Option("--ising", help="Draw choices from an energy, on --device.")] = False,
    temperature: Annotated[float, typer.Option(help="Of the draws: more explores more.")] = 0.05,
    device: Annotated[str, typer.Option(help="Where choices are drawn.")] = "native",
    outcomes: Annotated[Path | None, typer.Option(help="File that feedback is appended to.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="File of what clients have spent.")] = None,
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8010,
    host: Annotated[str, typer.Option(help="Where to listen; others than loopback need clients with keys.")] = (
        "127.0.0.1"
    ),
) -> None:
    """An OpenAI-compatible proxy: asks for the model 'auto' go to the back end that the router chooses."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ToolMissingError(f"thermofab route serve needs {', '.join(missing)}: pip install 'thermofab[routing]'.")
    if demo == (settings is not None):
        raise SpecError("give --settings FILE with your back ends, or --demo for back ends that say the prompt back.")
    if ising and model is not None:
        raise SpecError("--ising learns while it runs; --model has a recursive router. Give one of them.")

    from thermofab.apps.routing.providers import Catalogue, default_catalogue
    from thermofab.apps.routing.proxy.app import create_proxy
    from thermofab.apps.routing.proxy.echo import create_echo
    from thermofab.apps.routing.proxy.settings import BackEnd, ProxySettings
    from thermofab.apps.routing.router import Router, create_trm_router
    from thermofab.apps.routing.trm_router import TRMRouter
    from thermofab.apps.serve.access import LOOPBACK, Access
    from thermofab.apps.serve.server import serve as run
    from thermofab.apps.serve.server import serving

    models = default_catalogue() if catalogue is None else Catalogue.from_json(catalogue)
    router: Router
    if ising:
        from thermofab.apps.routing.ising_router import IsingRouter

        router = IsingRouter(models, temperature=temperature, device=device)
    elif model is not None:
        router = TRMRouter.load(model)
    else:
        router = create_trm_router(catalogue=models, outcomes_path=outcomes)
    with ExitStack() as stack:
        if demo:
            echoes = {name: stack.enter_context(serving(create_echo(name))) for name in router.catalogue.providers}
            told = ProxySettings(tuple(BackEnd(name, f"{echo.url}/v1") for name, echo in echoes.items()))
        else:
            assert settings is not None
            told = ProxySettings.from_toml(settings)
        if host not in LOOPBACK and not told.clients:
            raise SpecError(f"{host} can be reached by other machines: name clients with keys in the settings.")
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        app = create_proxy(router, told, ledger, Access(hosts=() if host in LOOPBACK else (host,)))
        errors.print(f"http://{host}:{port}/v1  model 'auto'; {len(app.state.proxy.models)} models; Ctrl-C stops.")
        run(app, host=host, port=port)
