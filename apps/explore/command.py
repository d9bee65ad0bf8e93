"""``thermofab explore``: which fabric should be built?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermofab.apps.console import errors, output

if TYPE_CHECKING:
    from thermofab.apps.explore.study import StudyResult


def explore(
    study: Annotated[Path | None, typer.Argument(help="A study, JSON or TOML; or say what to compare below.")] = None,
    fabrics: Annotated[str, typer.Option(help="Fabrics by name, e.g. g8-16x16,complete-64,own.")] = "",
    architectures: Annotated[str, typer.Option(help="spatial, systolic, relay, dense; several by commas.")] = "spatial",
    weight_bits: Annotated[str, typer.Option(help="Weight widths, by commas.")] = "8",
    workloads: Annotated[str, typer.Option(help="Workloads by name, or file:PATH; by commas.")] = "",
    objectives: Annotated[
        str, typer.Option(help="max:MEASURE and min:MEASURE, by commas.")
    ] = "max:ess_per_klut_second,min:tv",
    sampler: Annotated[str, typer.Option(help="grid, random or nsga2.")] = "grid",
    trials: Annotated[int, typer.Option(help="Fabrics judged at most; 0 takes the whole grid.", min=0)] = 0,
    samples: Annotated[int, typer.Option(help="Samples of every chain.", min=100)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    storage: Annotated[str, typer.Option(help="Database of records: a file, or a URL; default OUT/records.db.")] = "",
    executor: Annotated[str, typer.Option(help="local, dask://local:N or dask://host:port.")] = "local",
    overlay: Annotated[
        list[Path] | None,
        typer.Option(help="A finished study, its folder or file beside records.db, to overlay; may be repeated."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("out/explore"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Judge fabrics on workloads and report the front; killed and started again, it repeats nothing.

    With --overlay alone, hypervolumes of finished studies in one picture."""
    from thermofab.apps.explore.executor import open_executor
    from thermofab.apps.explore.objectives import Objective
    from thermofab.apps.explore.record import Record
    from thermofab.apps.explore.report.files import write_report
    from thermofab.apps.explore.report.overlay import read_result
    from thermofab.apps.explore.settings import Settings
    from thermofab.apps.explore.space import Space
    from thermofab.apps.explore.storage import RecordStore
    from thermofab.apps.explore.study import StudyFile, run_study
    from thermofab.apps.explore.workloads import WORKLOADS

    others = [read_result(path) for path in overlay or ()]
    if others and study is None and not fabrics and not workloads:
        _overlaid(others, out, as_json)
        return
    if study is not None:
        asked = StudyFile.read(study)
    else:
        if not fabrics or not workloads:
            raise typer.BadParameter(
                f"give a study file, or --fabrics and --workloads; workloads are {', '.join(WORKLOADS)}, file:PATH."
            )
        space = Space(_parts(fabrics), _parts(architectures), weight_bits=tuple(map(_number, _parts(weight_bits))))
        asked = StudyFile(
            "explore", _parts(workloads), space=space, objectives=tuple(map(Objective.of, _parts(objectives))),
            sampler=sampler, trials=trials, seed=seed, settings=Settings(samples=samples, seed=seed),
        )  # fmt: skip

    def said(done: int, wanted: int, record: Record) -> None:
        if not as_json:
            how = f"{record.seconds:.1f} s" if record.feasible else f"infeasible: {str(record.reason)[:80]}"
            errors.print(f"{done}/{wanted} {record.workload} on {record.candidate.name}: {how}", markup=False)

    store = RecordStore(storage or out / "records.db")
    with open_executor(executor) as runner:
        result = run_study(asked, store, runner, said)
    paths = write_report(result, out, others)
    best = [result.points[k] for k in result.front]
    if as_json:
        shown = [
            {"name": point.name} | {one.name: one.shown(c) for one, c in zip(asked.objectives, point.costs or ())}
            for point in best
        ]
        found = {
            "fabrics": len(result.points), "records": len(result.records), "fresh": result.fresh, "front": shown,
            "hypervolume": result.hypervolumes[-1] if result.hypervolumes else 0.0, "report": str(paths[0]),
        }  # fmt: skip
        output.print_json(json.dumps(found))
        return
    output.print(f"{len(result.points)} fabrics, {len(result.records)} records, {result.fresh} of them new; the front:")
    for point in best:
        values = ", ".join(f"{o.measure} {o.shown(c):.4g}" for o, c in zip(asked.objectives, point.costs or ()))
        output.print(f"  {point.name}: {values}", markup=False)
    output.print(f"report: {paths[0]}", markup=False)


def _overlaid(results: list["StudyResult"], out: Path, as_json: bool) -> None:
    from thermofab.apps.explore.report.overlay import overlay_facts
    from thermofab.apps.explore.report.overlay_files import write_overlay

    facts = overlay_facts(results)
    paths = write_overlay(facts, out)
    if as_json:
        output.print_json(json.dumps(facts | {"report": str(paths[0])}))
        return
    for one in facts["series"]:
        mean = sum(one["last"]) / len(one["last"])
        output.print(f"{one['label']}: hypervolume {mean:.4g}, {min(one['last']):.4g} to {max(one['last']):.4g}")
    output.print(f"report: {paths[0]}", markup=False)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _number(text: str) -> int:
    if not text.isdecimal():
        raise typer.BadParameter(f"a width is an integer, got {text!r}.", param_hint="--weight-bits")
    return int(text)
