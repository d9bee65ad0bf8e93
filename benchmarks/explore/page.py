"""The tables of docs/explore.md and docs/connectivity.md, from docs/results/explore_*.json.

python benchmarks/explore/page.py
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import study_tables
from page_tables import fill, results

from thermofab.apps.strategy.tables import table


def _pm(value: dict[str, Any] | None, digits: str = ".1f", factor: float = 1.0) -> str:
    """Mean ± standard deviation over seeds; a dash where a seed did not get there."""
    if value is None:
        return "–"
    mean = format(factor * value["mean"], digits)
    return mean if value["deviation"] is None else f"{mean} ± {factor * value['deviation']:{digits}}"


def _quality() -> str:
    found = results("explore_grids")
    targets = list(next(iter(found["grids"].values()))["sweeps_to_fid"])
    mmd = next(iter(next(iter(found["grids"].values()))["sweeps_to_mmd"]))
    head = ["grid", "degree", "couplings", "best FID", *(f"sweeps to {target}" for target in targets)]
    head += [f"sweeps to MMD² {mmd}"]
    rows = []
    shown = dict(found["grids"])
    if found["same_couplings"]:
        control = found["same_couplings"]
        shown[f"g8, {control['sites']} sites"] = control | {"degree": 8}
    for name, grid in shown.items():
        rows.append(
            [
                name, str(grid["degree"]), f"{grid['couplings']:,}", _pm(grid["best_fid"], ".2f"),
                *(_pm(grid["sweeps_to_fid"][target]) for target in targets), _pm(grid["sweeps_to_mmd"][mmd]),
            ]
        )  # fmt: skip
    return table(head, rows)


def _costs() -> str:
    found = results("explore_grids")
    head = ["grid", "FID", "sweeps", "clocks", "DTCA, pJ", "Z1, pJ", "DTCA by wire, pJ", "1,000 samples/s/kLUT"]
    rows = []
    for target in found["equal_fid"]:
        for name, grid in found["grids"].items():
            at = grid["at_fid"][f"{target:g}"]
            if at is None:
                continue
            rows.append(
                [
                    name, f"{target:g}", _pm(at["sweeps"]), _pm(at["clocks"], ".0f"),
                    _pm(at["joules_dtca"], ".1f", 1e12), _pm(at["joules_z1"], ".1f", 1e12),
                    _pm(at["joules_dtca_wired"], ".1f", 1e12), _pm(at["samples_per_klut_second"], ".0f", 1e-3),
                ]
            )  # fmt: skip
    return table(head, rows)


def _fabrics() -> str:
    head = ["grid", "wire, cells", "fJ per update by wire", "clocks per sweep", "kLUT"]
    rows = []
    for name, grid in results("explore_grids")["grids"].items():
        rows.append(
            [
                name, str(grid["wire_cells"]), f"{1e15 * grid['joules_per_update_wired']:.2f}",
                str(grid["clocks_per_sweep"]), f"{grid['lut4'] / 1000:.0f} ± {grid['lut4_error']:.0%}",
            ]
        )  # fmt: skip
    return table(head, rows)


def _mixing() -> str:
    found = results("explore_grids")
    head = ["grid", "penalty", "τ", "ρ at 50", "FID at 50", "FID at 400", "MMD² at 50", "MMD² held out"]
    rows = []
    for name, grid in found["grids"].items():
        for row in grid["trainings"]:
            if (row["layers"], row["sweeps"]) == (1, 50):
                rows.append(
                    [
                        name, f"{row['threshold']:g}" if row["threshold"] else "no",
                        ("" if row["tau_complete"] else "≥ ") + _pm(row["tau"]), _pm(row["rho_50"], "z.2f"),
                        _pm(row["fid"], ".2f"), _pm(row["fid_at_400"], ".2f"), _pm(row["mmd"], ".4f"),
                        _pm(row["held_out_mmd"], ".4f"),
                    ]
                )  # fmt: skip
    return table(head, rows)


def _denoising() -> str:
    head = ["grid", "layers", "best FID", "sweeps of all layers to 7", "to 5", "to 2.5"]
    rows = []
    for name, grid in results("explore_grids")["grids"].items():
        if grid["denoising"]:
            for layers, found in ((1, grid), (grid["denoising"]["layers"], grid["denoising"])):
                reached = [_pm(found["sweeps_to_fid"][target], ".1f", layers) for target in ("7", "5", "2.5")]
                rows.append([name, str(layers), _pm(found["best_fid"], ".2f"), *reached])
    return table(head, rows)


TABLES = {
    "grids-quality": _quality,
    "grids-costs": _costs,
    "grids-fabrics": _fabrics,
    "grids-mixing": _mixing,
    "grids-denoising": _denoising,
    **study_tables.TABLES,
}

if __name__ == "__main__":
    fill(["explore.md", "connectivity.md"], TABLES)
