"""``thermofab view``: a program on a fabric as a live page."""

import json
import threading
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermofab.apps.console import errors, steps
from thermofab.hw.spec.errors import SpecError, ToolMissingError

if TYPE_CHECKING:
    from thermofab.hw.spec import Program

_NEEDED = ("starlette", "uvicorn", "websockets", "jsonschema")
_MANY = {"native": 32, "jax": 32, "jax-xla": 32}  # chains of devices that run many at the cost of few
DEMO_FABRIC = "g12-70x70-torus"


def view(
    source: Annotated[
        Path | None,
        typer.Argument(help="A program of 'thermofab compile', or a model as it takes them; a demo if left out."),
    ] = None,
    fabric: Annotated[
        str | None, typer.Option(help=f"Fabric of a model, g8-8x8 if left out, or of the demo, {DEMO_FABRIC}.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to run it: native, jax, reference, rtl, serial://….")] = "native",
    seed: Annotated[int, typer.Option(help="Seed of the demo's couplings and of the first states.", min=0)] = 0,
    beta: Annotated[float, typer.Option(help="Inverse temperature of a model: P ∝ exp(-beta E).")] = 1.0,
    profile: Annotated[
        str | None, typer.Option(help="Widths of the fabric: default or fine; the demo takes fine if left out.")
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(help="Chains that marginals are averaged over; 32 on native and jax, else 1.", min=1, max=4096),
    ] = None,
    sweeps: Annotated[int, typer.Option(help="Sweeps per frame, to begin with.", min=1, max=1000)] = 5,
    fps: Annotated[int, typer.Option(help="Frames per second, at most.", min=1, max=60)] = 20,
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8010,
    host: Annotated[str, typer.Option(help="Address to listen at; others than loopback need a token.")] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(help="What pages must show.", envvar="THERMOFAB_TOKEN", show_envvar=True)
    ] = None,
    opened: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Show a program on a fabric as a live page: states, marginals, placement, β, clamps, until stopped by Ctrl-C."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ToolMissingError(f"thermofab view needs {', '.join(missing)}: pip install 'thermofab[serve]'.")
    from thermofab.apps.serve.access import Access
    from thermofab.apps.serve.limits import Limits
    from thermofab.apps.serve.server import serve
    from thermofab.apps.view.app import create_app
    from thermofab.apps.view.controls import Controls
    from thermofab.apps.view.player import Scene
    from thermofab.hw.spec import open_device

    access = Access(token).for_host(host)
    with steps(2, False) as step:
        step(f"prepare {source or 'the demo'}")
        program, title = program_of(source, fabric, beta, seed, profile)
        step(f"open {device}")
        running = open_device(device, program.fabric)
    scene = Scene(
        program, running, device, title,
        replicas=_MANY.get(device, 1) if replicas is None else replicas,
        fps=fps, controls=Controls.start(program, seed=seed, sweeps=sweeps),
    )  # fmt: skip
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def started() -> None:
        shown = "" if token is None else "/#token=…  (the token you gave, after #token=)"
        errors.print(f"{address}{shown}  (Ctrl-C stops)", markup=False)
        if opened:
            page = address if token is None else f"{address}/#token={token}"
            threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()

    limits = Limits(clients=32)
    serve(create_app(scene, access=access, limits=limits, started=started), host=host, port=port, limits=limits)


def program_of(
    source: Path | None, fabric: str | None, beta: float, seed: int, profile: str | None = None
) -> "tuple[Program, str]":
    """The program to show, and its title.

    Raises:
        SpecError: the file is neither a program nor a model, or options do not go with it.
    """
    from thermofab.apps.files import read_fabric, read_model, read_program
    from thermofab.apps.view.demo import LOWEST, demo
    from thermofab.apps.view.picture import drawable
    from thermofab.compiler import compile

    if source is None:
        if beta != 1.0:
            raise SpecError("--beta is of a model; the demo has a β of its own, which the page changes.")
        spec = drawable(read_fabric(fabric or DEMO_FABRIC, _widths(fabric, profile)))
        return demo(spec, seed), f"demo, seed {seed}"
    if _is_program(source):
        if fabric is not None or beta != 1.0 or profile is not None:
            raise SpecError(
                f"{source} is a compiled program, with a fabric and a β of its own: leave --fabric, --profile and "
                "--beta out."
            )
        return read_program(source), source.name
    spec = drawable(read_fabric(fabric or "g8-8x8", [] if profile is None else [f"profile={profile}"]))
    return compile(read_model(source), spec, beta=beta, beta_levels=(1.0, LOWEST), seed=seed), source.name


def _widths(fabric: str | None, profile: str | None) -> list[str]:
    """Settings of the demo's fabric: wide enough for its weak couplings, unless a file or the user says otherwise."""
    if fabric is not None and fabric.endswith(".json"):
        return [] if profile is None else [f"profile={profile}"]
    return [f"profile={profile or 'fine'}", "weight_bits=12"]


def _is_program(path: Path) -> bool:
    """Whether a file has the keys of a program; what else is wrong with it is said by its reader."""
    try:
        data = json.loads(path.read_text()) if path.suffix == ".json" else None
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and {"fabric", "image", "copies"} <= set(data)
