"""The explorer's study: at least 60 fabrics on five workloads, and the questions asked of it.

    python benchmarks/explore/study.py                          # in one process; killed and run again, it goes on
    python benchmarks/explore/study.py --executor dask://local:2
    python benchmarks/explore/study.py topologies               # a part: study, searches or topologies

Records are kept in out/explore-study/records.db, beside the report. docs/results/explore_study.json has the front, what
wins per LUT for every workload and why, mixing and energy of the grids at equal quality, and three records recomputed
by compile and sample alone; explore_searches.json NSGA-II beside random searches of the same budget over five seeds;
explore_topologies.json the grid of sixteen nodes beside the fully connected graph.
"""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from fabrics import study
from results import ROOT, write_results

import thermofab as fab
from thermofab.apps.explore import (
    RecordStore,
    Space,
    StudyResult,
    ThermodynamicArchitectureExplorer,
    open_executor,
    run_study,
    workload,
)
from thermofab.apps.explore.record import Record
from thermofab.apps.explore.report.facts import facts_of, overlay
from thermofab.apps.explore.report.files import write_report
from thermofab.hw.spec.mixing import effective_of, observables

GRIDS = ("g4", "g8", "g12", "g16", "g20", "g24", "z1", "king")
RECOMPUTED = (
    ("complete-64 dense", "spin-glass"),
    ("g8-16x16 relay", "expert-router"),
    ("z1-16x16 spatial", "dtm-layer"),
)
SEEDS, BUDGET = 5, 24
PARTS = ("study", "searches", "topologies")


def main() -> None:
    asked = [word for word in sys.argv[1:] if word in PARTS] or PARTS
    folder = ROOT / "out" / "explore-study"
    store = RecordStore(folder / "records.db")
    if "study" in asked:
        judge(store, folder)
    if "searches" in asked:
        write_results("explore_searches", searches(store))
    if "topologies" in asked:
        write_results("explore_topologies", {"rows": topologies()})


def judge(store: RecordStore, folder: Path) -> None:
    begun = time.perf_counter()
    executor = sys.argv[sys.argv.index("--executor") + 1] if "--executor" in sys.argv else None

    def said(done: int, wanted: int, record: Record) -> None:
        print(f"{done}/{wanted} {record.workload} on {record.candidate.name}: {record.seconds:.1f} s", flush=True)

    with open_executor(executor) as runner:
        result = run_study(study(), store, runner, said)
    write_report(result, folder)
    write_results("explore_study", summary(result, time.perf_counter() - begun))


def summary(result: StudyResult, wall: float) -> dict[str, Any]:
    facts = facts_of(result)
    fabrics = {record.candidate.digest: record for record in result.records}
    return {
        "fabrics": len(result.points),
        "records": len(result.records),
        "feasible_records": sum(record.feasible for record in result.records),
        "above_1000_sites": sum((record.value("fabric_sites") or 0) > 1000 for record in fabrics.values()),
        "placed": sum(
            "lut4" in one.measures and one.measures["lut4"].standing == "measured" for one in fabrics.values()
        ),
        "judging_seconds": round(facts["seconds"]),
        "wall_seconds": round(wall),
        "fresh": result.fresh,
        "front": [one for one in facts["points"] if one["front"]],
        "hypervolume": result.hypervolumes[-1],
        "reference": facts["reference"],
        "importance": facts["importance"],
        "winners": facts["winners"],
        "grids": grids(result),
        "recomputed": [recomputed(result, *which) for which in RECOMPUTED],
    }


def grids(result: StudyResult) -> list[dict[str, Any]]:
    """Mixing and energy per sample of the 16×16 grids, spatial, on every workload they run."""
    measures = (
        "sites",
        "degree",
        "longest_copy",
        "tv",
        "ess_per_sweep",
        "tau",
        "ess_per_joule_dtca",
        "ess_per_joule_z1",
    )
    rows = []
    for record in result.records:
        if record.candidate.name in {f"{family}-16x16 spatial" for family in GRIDS}:
            row: dict[str, Any] = {"family": record.candidate.family, "workload": record.workload}
            rows.append(row | {name: record.value(name) for name in measures} | {"reason": record.reason})
    return rows


def recomputed(result: StudyResult, name: str, on: str) -> dict[str, Any]:
    """One record's effective samples per sweep again, by compile and sample."""
    record = next(one for one in result.records if (one.candidate.name, one.workload) == (name, on))
    settings, model = result.study.settings, workload(on).model
    topology, architecture = name.split()
    program = fab.compile(model, fab.fabric(topology, architecture=architecture), tolerance=1.0, seed=0, tries=1)
    schedule = fab.Schedule(settings.warmup, settings.samples, 1)
    run = program.sample(schedule, replicas=settings.replicas, seed=0, device="native", discard=False)
    rate = effective_of(observables(program.model, run.node_states), run.kept) / settings.samples
    kept = record.value("ess_per_sweep")
    return {"fabric": name, "workload": on, "study": kept, "plain": rate, "equal": rate == kept}


def searches(store: RecordStore) -> dict[str, Any]:
    """NSGA-II beside random choices from one space, hypervolumes about one reference point."""
    space = Space(
        (
            "king-6x6",
            "g4-8x8",
            "g8-8x8",
            "g12-12x12",
            "complete-20",
            "complete-24",
            "complete-32",
            "complete-48",
            "own",
        ),
        ("spatial", "relay", "dense"),
        weight_bits=(4, 5, 6, 8, 10),
    )
    asked = study().but(
        workloads=("expert-router", "spin-glass"), candidates=(), space=space, trials=BUDGET, population=8,
        objectives=study().objectives[:2],
    )  # fmt: skip
    results = {
        f"{sampler} {seed}": run_study(asked.but(sampler=sampler, seed=seed), store)
        for sampler in ("nsga2", "random")
        for seed in range(SEEDS)
    }
    compared = overlay(results)
    last = {name: curve[-1] for name, curve in compared["curves"].items()}
    mean = {sampler: sum(last[f"{sampler} {seed}"] for seed in range(SEEDS)) / SEEDS for sampler in ("nsga2", "random")}
    judged = {name: len(result.points) for name, result in results.items()}
    return {"budget": BUDGET, "space": len(space.candidates()), "judged": judged, "mean_hypervolume": mean, **compared}


def topologies() -> list[dict[str, Any]]:
    explorer = ThermodynamicArchitectureExplorer()
    for strength in (0.5, 1.0):
        for name in ("grid", "fully_connected"):
            explorer.explore_topology(16, name, strength)
    return [{key: value for key, value in row.items() if key != "energies"} for row in explorer.results]


if __name__ == "__main__":
    main()
