"""The tables of docs/explore.md on the study of fabrics, the sixteen nodes and the searches."""

from typing import Any

from page_tables import results

from thermofab.apps.strategy.tables import table

_RATES = ("ess_per_sweep", "clocks_per_sweep", "lut4")


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1e}" if abs(value) >= 1e5 else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _size() -> str:
    found = results("explore_study")
    head = [
        "fabrics",
        "above 1,000 sites",
        "placed",
        "workloads",
        "records",
        "of which run",
        "judging, min",
        "wall, min",
    ]
    workloads = {row["workload"] for row in found["winners"]} | {row["workload"] for row in found["grids"]}
    row = [
        found["fabrics"], found["above_1000_sites"], found["placed"], len(workloads), found["records"],
        found["feasible_records"], f"{found['judging_seconds'] / 60:.1f}", f"{found['wall_seconds'] / 60:.1f}",
    ]  # fmt: skip
    return table(head, [[str(cell) for cell in row]])


def _winners() -> str:
    head = ["workload", "fabric", "samples/s/kLUT", "TV", "ESS per sweep", "clocks per sweep", "LUT4", "next kind"]
    rows = []
    for one in results("explore_study")["winners"]:
        after = f"{one['second']}, {_short(one['second_value'])}" if one["second"] else "–"
        rows.append(
            [
                one["workload"], one["first"], _short(one["value"]), f"{one['tv']:.4f}",
                *(_short(one[name]) for name in _RATES), after,
            ]
        )  # fmt: skip
    return table(head, rows)


def _grids() -> str:
    """Sites, autocorrelation time and effective samples per joule at Z1's energy, by grid and workload."""
    rows = results("explore_study")["grids"]
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    cells: dict[str, dict[str, Any]] = {}
    for row in rows:
        cells.setdefault(row["family"], {})[row["workload"]] = row
    shown = [
        [family, *(_cell(by_workload.get(name)) for name in workloads)]
        for family, by_workload in cells.items()
        if any(row["reason"] is None for row in by_workload.values())
    ]
    return table(["grid", *workloads], shown)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["reason"] is not None:
        return "–"
    return f"{row['sites']:.0f}, {_short(row['tau'])}, {_short(row['ess_per_joule_z1'])}, {row['tv']:.3f}"


def _importance() -> str:
    found = results("explore_study")["importance"]
    names = sorted({name for shares in found.values() for name in shares}, key=lambda name: -max(
        shares.get(name, 0.0) for shares in found.values()
    ))  # fmt: skip
    rows = [[name, *(f"{shares.get(name, 0.0):.0%}" for shares in found.values())] for name in names]
    return table(["choice", *found], rows)


def _topologies() -> str:
    head = ["topology", "strength", "edges", "exact TV", "ESS per sweep", "clocks per sweep", "ESS per clock"]
    rows = [
        [
            row["topology"], f"{row['coupling_strength']:g}", str(row["edges"]), f"{row['exact_error']:.4f}",
            f"{row['ess_per_sweep']:.2f}", str(row["clocks_per_sweep"]), f"{row['ess_per_cycle']:.4f}",
        ]
        for row in results("explore_topologies")["rows"]
    ]  # fmt: skip
    return table(head, rows)


def _searches() -> str:
    found = results("explore_searches")
    rows = []
    for sampler, mean in found["mean_hypervolume"].items():
        mine = {name: curve for name, curve in found["curves"].items() if name.split()[0] == sampler}
        last = [curve[-1] for curve in mine.values()]
        judged = [found["judged"][name] for name in mine]
        rows.append([sampler, f"{mean:.2f}", f"{min(last):.2f} to {max(last):.2f}", f"{min(judged)} to {max(judged)}"])
    head = ["search", f"hypervolume after {found['budget']} proposals", "over seeds", "fabrics judged"]
    return table(head, rows)


TABLES = {
    "study-size": _size,
    "study-winners": _winners,
    "study-grids": _grids,
    "study-importance": _importance,
    "topologies": _topologies,
    "searches": _searches,
}
