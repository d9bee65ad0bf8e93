"""The ``thermofab`` command. One function per subcommand; the work is in the applications' own modules."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermofab import __version__
from thermofab.apps import boards
from thermofab.apps.console import errors, output
from thermofab.apps.explore import command as exploring
from thermofab.apps.interrupts import keep_interrupts
from thermofab.apps.profile import command as profiling
from thermofab.apps.reasoning import command as reasoning
from thermofab.apps.routing import command as routing
from thermofab.apps.serve import command as serving
from thermofab.apps.strategy import command as strategy
from thermofab.apps.trading import command as trading
from thermofab.apps.verilog import command as exporting
from thermofab.apps.view import command as viewing
from thermofab.hw.spec.errors import ThermofabError

if TYPE_CHECKING:
    from thermofab.hw.spec import FabricSpec

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.command()(boards.build)
app.command()(boards.flash)
app.command()(exporting.export)
app.command()(serving.serve)
app.command()(viewing.view)
app.command()(exploring.explore)
app.command()(profiling.profile)
app.add_typer(trading.app, name="trade")
app.add_typer(strategy.app, name="strategy")
app.add_typer(reasoning.app, name="reason")
app.add_typer(routing.app, name="route")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
FabricName = Annotated[str, typer.Option("--fabric", help="A fabric by name, e.g. g8-8x8 or king-8x8-torus.")]
Architecture = Annotated[str, typer.Option(help="spatial, systolic, relay or dense.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]


def show_version(asked: bool) -> None:
    if asked:
        output.print(f"thermofab {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Hardware/software co-design for thermodynamic sampling units: one program, the same bits everywhere."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("out/demo"),
    fabric: FabricName = "g8-8x8",
    device: Annotated[str, typer.Option(help="Device compared with jax.")] = "rtl",
    nodes: Annotated[int, typer.Option(help="Nodes of the program, even.", min=6, max=20)] = 12,
    replicas: Annotated[int, typer.Option(help="Chains side by side.", min=1)] = 64,
    samples: Annotated[int, typer.Option(help="Samples per replica.", min=1)] = 1000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Compile a THRML program, run it on the simulator and on the compiled RTL, compare, write a report."""
    from thermofab.apps.demo.command import run

    if nodes % 2:
        raise typer.BadParameter(f"a 3-regular graph has an even number of nodes, got {nodes}.", param_hint="--nodes")
    result = run(out, fabric, device, nodes, replicas, samples, seed, quiet=as_json)
    output.print_json(json.dumps(result.numbers)) if as_json else output.print(
        f"{result.verdict}\n{'PASSED' if result.passed else 'FAILED'}; report: {result.page}"
    )
    raise typer.Exit(0 if result.passed else 1)


@app.command()
def fabrics(as_json: Json = False) -> None:
    """List topology families, architectures, generators and devices."""
    from thermofab.hw.spec import FAMILIES, GRID_RULES, device_names, generator_names
    from thermofab.hw.spec.fabric import ARCHITECTURES

    table = {
        "families": {name: list(GRID_RULES.get(name, ())) for name in FAMILIES},
        "architectures": list(ARCHITECTURES),
        "generators": list(generator_names()),
        "devices": list(device_names()),
    }
    if as_json:
        output.print_json(json.dumps(table))
        return
    output.print("families (FAMILY-SIZE or FAMILY-SIZE-torus), with the grid rules (a, b) where there are some")
    for name, rules in table["families"].items():
        output.print(f"  {name:<9} {' '.join(str(tuple(rule)) for rule in rules)}")
    output.print(f"architectures  {', '.join(table['architectures'])}")
    output.print(f"generators  {', '.join(table['generators'])}")
    output.print(f"devices     {', '.join(table['devices'])}")


@app.command("compile")
def compile_command(
    model: Annotated[Path, typer.Argument(help="A model: JSON of a dimod BQM or of a DiscreteModel, GML, GraphML.")],
    out: Annotated[Path, typer.Option(help="Where to write the compiled program.")],
    fabric: FabricName = "g8-8x8",
    beta: Annotated[float, typer.Option(help="Inverse temperature: P ∝ exp(-beta E).")] = 1.0,
    profile: Annotated[str, typer.Option(help="Widths of the fabric: default, or fine for cold programs.")] = "default",
    architecture: Architecture = "spatial",
    tolerance: Annotated[
        float | None, typer.Option(help="Largest total variation distance accepted, end to end.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare a run with trusted ones.")] = False,
    seed: Seed = 0,
    pipeline: Annotated[str, typer.Option(help="exact, strict, fast, tolerant, or passes as text.")] = "exact",
    explain: Annotated[bool, typer.Option("--explain", help="Say what every pass made of the program.")] = False,
    pictures: Annotated[
        Path | None, typer.Option(help="Draw the program and the fabric into this folder, light and -dark.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile a model file into a program file."""
    from thermofab.apps.console import steps
    from thermofab.apps.explain import Explanation
    from thermofab.apps.files import read_model, write_program
    from thermofab.compiler import compile
    from thermofab.hw.spec.fabric import fabric as make_fabric

    explanation = Explanation()
    with steps(1, as_json) as step:
        step(f"compile {model} for {fabric}")
        program = compile(
            read_model(model),
            make_fabric(fabric, profile=profile, architecture=architecture),
            beta=beta,
            tolerance=tolerance,
            check=check,
            seed=seed,
            pipeline=pipeline,
            trace=explanation,
        )
    write_program(out, program)
    if explain and not as_json:
        output.print("\n".join(explanation.lines) + "\n", markup=False)
    drawn = explanation.pictures(pictures, model.stem) if pictures is not None else []
    if as_json:
        said = {**program.report.to_json(), "pictures": [str(path) for path in drawn]}
        output.print_json(json.dumps(said | ({"explanation": explanation.lines} if explain else {})))
        return
    output.print(str(program.report))
    output.print("\n".join(str(path) for path in drawn), markup=False)


@app.command()
def sample(
    program: Annotated[Path, typer.Argument(help="A program written by 'thermofab compile'.")],
    device: Annotated[str, typer.Option(help="Where to run it.")] = "jax",
    samples: Annotated[int, typer.Option(help="Samples per replica.", min=1)] = 1000,
    warmup: Annotated[int, typer.Option(help="Sweeps before the first sample.", min=0)] = 100,
    steps: Annotated[int, typer.Option(help="Sweeps between samples.", min=1)] = 1,
    replicas: Annotated[int, typer.Option(help="Chains side by side.", min=1)] = 1,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Write the states to this .npz file.")] = None,
    executor: Annotated[
        str, typer.Option(help="Where chains run: local, processes://N, dask://local:N or dask://host:port.")
    ] = "local",
    per_task: Annotated[int, typer.Option(help="Chains per task of an executor.", min=1)] = 64,
    as_json: Json = False,
) -> None:
    """Run a program file and print its moments; the bits are the same on every executor."""
    from thermofab.apps.campaign import parts_of
    from thermofab.apps.campaign import sample as run_campaign
    from thermofab.apps.console import bar
    from thermofab.apps.executors import open_executor
    from thermofab.apps.files import read_program, summary, write_samples
    from thermofab.hw.spec import Schedule

    compiled, schedule = read_program(program), Schedule(warmup, samples, steps)
    per_task = replicas if executor == "local" else per_task
    with open_executor(executor) as running:
        with bar(f"run {program} on {device}", len(parts_of(replicas, per_task)), as_json) as done:
            result = run_campaign(
                compiled, schedule, running, replicas=replicas, seed=seed, device=device, per_task=per_task, done=done
            )
    if out is not None:
        write_samples(out, result)
    numbers = summary(result)
    if as_json:
        output.print_json(json.dumps(numbers))
        return
    output.print(
        f"{numbers['samples']} samples, {numbers['sweeps']} sweeps, {numbers['cycles']} cycles "
        f"({numbers['cycles_are']}), {numbers['seconds']:.3g} s; mean energy {numbers['mean_energy']:.6g}"
    )
    for node, mean in numbers.get("magnetisation", {}).items():
        output.print(f"  {node:<12} {mean:+.4f}")
    for node, shares in numbers.get("frequencies", {}).items():
        output.print(f"  {node:<12} " + " ".join(f"{share:.4f}" for share in shares))


@app.command()
def rtl(
    fabric: Annotated[str, typer.Option(help="A fabric by name, or the JSON file of one.")] = "g4-8x8",
    out: Annotated[Path | None, typer.Option(help="Verilog file; standard output if left out.")] = None,
    architecture: Annotated[
        str, typer.Option(help="spatial, systolic, relay or dense; a file's own if left out, else spatial.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the top module.")] = "thermofab",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter of the fabric, e.g. table_bits=6; may be repeated."),
    ] = None,
    example: Annotated[
        Path | None, typer.Option(help="Write a folder with a wrapper, headers, memory map and a cocotb example.")
    ] = None,
    bus: Annotated[str, typer.Option(help="Of the example's wrapper: wishbone or axi4lite.")] = "wishbone",
    mhz: Annotated[float, typer.Option(help="Of the clock in the example's timing constraints.")] = 100,
    as_json: Json = False,
) -> None:
    """Emit a fabric as Verilog."""
    from thermofab.apps.files import read_fabric

    spec = read_fabric(fabric, [*(setting or []), *([f"architecture={architecture}"] if architecture else [])])
    if example is not None:
        from thermofab.apps.verilog.kit import write_kit

        files = [str(example / file) for file in write_kit(spec, name, example, bus, mhz)]
        if as_json:
            output.print_json(json.dumps({**_fabric_facts(spec), "module": name, "files": files}))
        else:
            output.print("\n".join(files), markup=False)
        return
    from thermofab.hw import emit_verilog

    text = emit_verilog(spec, name=name)
    if out is not None:
        out.write_text(text)
    if as_json:
        written = {"verilog": text} if out is None else {"files": [str(out)]}
        output.print_json(json.dumps({**_fabric_facts(spec), "module": name, **written}))
    elif out is None:
        output.print(text, markup=False)


def _fabric_facts(spec: "FabricSpec") -> dict[str, Any]:
    return {
        "fabric": spec.topology.name,
        "sites": spec.n_sites,
        "architecture": spec.architecture,
        "digest": spec.digest,
    }


@app.command()
def verify(
    device: Annotated[list[str] | None, typer.Option(help="Devices to hold to the reference; may be repeated.")] = None,
    configurations: Annotated[int, typer.Option(help="Random configurations, families in turn.", min=1)] = 28,
    updates: Annotated[int, typer.Option(help="Site updates in all.", min=1)] = 1_000_000,
    family: Annotated[list[str] | None, typer.Option(help="Families to take in turn, all if left out.")] = None,
    against: Annotated[str, typer.Option(help="The device that is taken to be right.")] = "reference",
    seed: Seed = 0,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 2,
    as_json: Json = False,
) -> None:
    """Run random configurations on devices and on the reference, and compare every recorded state."""
    from thermofab.apps.verify import run

    result = run(
        tuple(device or ("jax", "rtl")), configurations, updates, seed, workers, as_json,
        only=tuple(family or ()), against=against,
    )  # fmt: skip
    output.print_json(json.dumps(result.to_json())) if as_json else output.print(result.table())
    raise typer.Exit(0 if result.differing == 0 else 1)


def main() -> None:
    """Entry point: errors raised on purpose become one line and exit status 2."""
    keep_interrupts()
    try:
        app()
    except ThermofabError as error:
        errors.print(f"thermofab: {error}", markup=False)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
