"""What fabrics of all architectures take of an ECP5-85F, host and read-out included, and the clock they reach.

    python benchmarks/relays/area.py              # all, a few hours on two cores: runs are kept as they end
    python benchmarks/relays/area.py dense 64     # those whose line has all these words

Yosys and nextpnr as ``benchmarks/area.py`` calls them. Rows already in docs/results/relays_area.json stay, those run
anew are replaced. ``LUT4`` are the places that logic, carry chains and LUT RAM take.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import ROOT, commit, write_results

from thermofab.hw.boards.out_of_context import measure_fabric
from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.boards.toolchain import TOOLCHAINS
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.spec import DeviceError, FabricSpec, fabric, grid

ECP5 = TOOLCHAINS["ecp5"]
# Degree 12 everywhere, as inside g12, on a torus small enough to place.
TWELVE = fabric(grid([(0, 1), (4, 1), (2, 3)], 10, 10, torus=True))
EIGHT = fabric("g8-8x8-torus")

CASES: tuple[tuple[FabricSpec, float], ...] = (
    (EIGHT, 90.0),
    (TWELVE, 90.0),
    (fabric("g8-16x16-torus", architecture="systolic", elements=4), 90.0),
    (fabric("g12-16x16-torus", architecture="systolic", elements=4), 90.0),
    (fabric(EIGHT, architecture="relay"), 120.0),
    (fabric(EIGHT, architecture="relay", tile=1), 120.0),
    (fabric(TWELVE, architecture="relay"), 120.0),
    (fabric("g8-16x16-torus", architecture="relay"), 110.0),
    (fabric("g8-24x24-torus", architecture="relay"), 110.0),
    (fabric("complete-16", architecture="dense"), 110.0),
    (fabric("complete-64", architecture="dense"), 110.0),
    (fabric("complete-128", architecture="dense"), 100.0),
    (fabric("complete-256", architecture="dense"), 100.0),
    (fabric("complete-512", architecture="dense", weight_bits=6), 90.0),
)


def line(spec: FabricSpec) -> str:
    """What names a row: architecture, topology, and what differs from the defaults."""
    said = [spec.architecture, spec.topology.name]
    said += [f"{name}={getattr(spec, name)}" for name in ("tile", "elements") if getattr(spec, name)]
    return " ".join(said + ([f"weight_bits={spec.weight_bits}"] if spec.weight_bits != 8 else []))


def main() -> None:
    path = ROOT / "docs" / "results" / "relays_area.json"
    rows: dict[str, Any] = {row["line"]: row for row in json.loads(path.read_text())["rows"]} if path.exists() else {}
    for spec, megahertz in CASES:
        if all(word in line(spec).replace("-", " ").split() for word in sys.argv[1:]):
            rows[line(spec)] = measured(spec, megahertz)
            print(rows[line(spec)], flush=True)
            write_results("relays_area", {"rows": list(rows.values())})


def measured(spec: FabricSpec, megahertz: float) -> dict[str, Any]:
    """A row of the table."""
    row: dict[str, Any] = {
        "line": line(spec),
        "architecture": spec.architecture,
        "sites": spec.n_sites,
        "degree": spec.topology.max_degree,
        "sweep_clocks": loading_of(spec).sweep_clocks,
        "commit": commit(),
    }
    try:
        report, wrapper = measure_fabric(spec, ECP5_85, megahertz)
    except DeviceError as refusal:
        return row | {"refused": " ".join(str(refusal).split())[-200:]}
    places = {place.kind: place.used for place in report.utilisation.places}
    lut4 = places[ECP5.logic] - wrapper.lut4
    return row | {
        "lut4": lut4,
        "lut4_per_site": round(lut4 / spec.n_sites, 1),
        "flip_flops": report.utilisation.flip_flops - wrapper.flip_flops,
        "block_ram": places.get(ECP5.block_ram, 0),
        "megahertz": round(min(clock.achieved_mhz for clock in report.clocks), 1),
        "seconds": round(report.wall_seconds),
    }


if __name__ == "__main__":
    main()
