"""``thermofab profile``: methods of sampling side by side; what a run costs; a schedule from pilots."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from thermofab.apps.console import output, steps
from thermofab.hw.spec import Program, Schedule

PROGRAM = typer.Argument(help="spin-glass, rbm or potts, or a program written by 'thermofab compile'.")


def profile(
    program: Annotated[str, PROGRAM] = "spin-glass",
    method: Annotated[list[str] | None, typer.Option(help="A method; may be repeated. All if left out.")] = None,
    samples: Annotated[int, typer.Option(help="Samples of all chains together.", min=1)] = 64_000,
    chains: Annotated[int, typer.Option(help="Chains side by side.", min=8)] = 64,
    warmup: Annotated[int, typer.Option(help="Sweeps before the first sample.", min=0)] = 100,
    sweeps: Annotated[int, typer.Option(help="Sweeps between samples.", min=1)] = 1,
    rounds: Annotated[int, typer.Option(help="Timed calls of each method.", min=1)] = 5,
    longest: Annotated[float, typer.Option(help="Seconds that a call may last.", min=0.01)] = 10.0,
    memory: Annotated[bool, typer.Option(help="Measure memory, each method in a process of its own.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Draw the table into this picture.")] = None,
    ledger: Annotated[bool, typer.Option("--ledger", help="Instead: what a run costs, figure by figure.")] = False,
    target: Annotated[
        float | None, typer.Option("--target-ess", help="Instead: a schedule for so many effective samples.")
    ] = None,
    budget: Annotated[int, typer.Option(help="Sweeps of all chains that this may take.", min=1)] = 10_000_000,
    device: Annotated[str, typer.Option(help="Of --ledger and --target-ess.")] = "jax",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Compare NumPy, JAX, THRML, PyTorch, our devices and dwave-samplers on one distribution."""
    from thermofab.apps.files import read_program
    from thermofab.apps.profile.builtin import BUILTIN, builtin
    from thermofab.apps.profile.ledger import ledger_table, metered
    from thermofab.apps.profile.measure import steps_of
    from thermofab.apps.profile.methods import methods
    from thermofab.apps.profile.picture import draw
    from thermofab.apps.profile.profiler import THRMLProfiler

    names = tuple(method) if method else None
    source = program if program in BUILTIN else read_program(Path(program))
    if ledger or target is not None:
        compiled = builtin(source).program if isinstance(source, str) else source
        if target is not None:
            said = _planned(compiled, target, budget, chains, device, seed, out, as_json)
        else:
            schedule = Schedule(warmup, max(1, -(-samples // chains)), sweeps)
            table = ledger_table(*metered(lambda: compiled.sample(schedule, replicas=chains, seed=seed, device=device)))
            said = json.dumps(table.to_json()) if as_json else str(table)
        output.print_json(said) if as_json else output.print(said, markup=False)
        return
    profiler = THRMLProfiler(names, chains, warmup, sweeps, rounds, longest, memory, seed)
    with steps(steps_of(methods(names), rounds, memory), as_json) as step:
        found = profiler.compare_methods(source, num_samples=samples, progress=step)
    picture = None if out is None else str(draw(found, out))
    if as_json:
        output.print_json(json.dumps(found.to_json() | {"picture": picture}))
        return
    output.print(str(found), markup=False)
    if picture:
        output.print(picture, markup=False)


def _planned(
    program: Program, target: float, budget: int, chains: int, device: str, seed: int, out: Path | None, as_json: bool
) -> str:
    """A schedule from pilots, and what a run of it was worth; JSON or text."""
    from thermofab.apps.profile.traces import draw_convergence
    from thermofab.hw.spec.convergence import convergence

    planned = Schedule.auto(program, target, budget, replicas=chains, device=device, seed=seed)
    samples = program.sample(planned, replicas=planned.replicas, seed=seed + 1000, device=device)
    found, picture = convergence(samples), None if out is None else str(draw_convergence(samples, out))
    if as_json:
        whole = {"schedule": planned.to_json(), "replicas": planned.replicas, "evidence": planned.evidence_json()}
        return json.dumps(whole | {"run": asdict(found), "picture": picture})
    return "\n".join(
        [
            f"schedule  {planned.n_warmup} sweeps to warm up, {planned.n_samples} samples {planned.steps_per_sample} "
            f"sweeps apart, {planned.replicas} replicas",
            f"pilots    {planned.evidence}",
            f"a run     {found}",
            *([picture] if picture else []),
        ]
    )
