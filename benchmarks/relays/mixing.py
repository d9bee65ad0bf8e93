"""Effective samples per sweep and per second of simulation: embedded, on trees of relays, on a dense fabric.

    python benchmarks/relays/mixing.py            # all programs, about ten minutes with placements found before
    python benchmarks/relays/mixing.py K8 K16     # those whose name has one of the words

Every program is compiled onto its lattice as a spatial fabric (a minor embedding where it has to be), onto the same
lattice with relays, onto a dense fabric, and onto a spatial fabric of its own graph. Mixing is measured as the report
has it, at stride 1. Clocks of a sweep are those of the RTL: ``LanePlan.sweep_clocks`` of a spatial fabric with a
datapath per site, ``sweep_clocks`` of the others. docs/results/relays_mixing.json: rows there stay until they are
measured anew.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from relays.programs import Case, chosen
from results import ROOT, write_results

import thermofab as fab
from thermofab.compiler import fabric_of
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.base import run_passes
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.fold_clamps import FoldClamps
from thermofab.compiler.passes.pipelines import pipeline_of
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.spec import CompileError, FabricSpec, Program
from thermofab.hw.spec.clocks import sweep_clocks

REPLICAS = 64
# Chains that give fewer effective samples per sweep are measured again, over 200,000 sweeps.
SLOW, LONG = 0.01, fab.Schedule(20_000, 2000, 100)


def main() -> None:
    warnings.simplefilter("ignore")
    path = ROOT / "docs" / "results" / "relays_mixing.json"
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = {(row["program"], row["way"]): row for row in known}
    for case in chosen(sys.argv[1:]):
        for row in measured(case):
            rows[row["program"], row["way"]] = row
            print(
                {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}, flush=True
            )
        write_results("relays_mixing", {"rows": list(rows.values())})


def measured(case: Case) -> list[dict[str, Any]]:
    """A row for each way of running a program."""
    source, rows = case.make(), []
    own = fabric_of(source, code="binary")
    spins = own.n_sites
    ways: dict[str, Any] = {"own graph": own}
    if case.lattice is not None:
        # 24-bit thresholds, as those of 12 bits cannot hold an embedding's trunks.
        ways |= {
            "embedded": fab.fabric(case.lattice, profile="fine"),
            "relays": fab.fabric(case.lattice, architecture="relay"),
        }
    ways["dense"] = fab.fabric(f"complete-{case.dense or spins}", architecture="dense")
    for way, fabric in ways.items():
        began = time.perf_counter()
        try:
            program = (
                embedded(source, fabric)
                if way == "embedded"
                else fab.compile(source, fabric, tolerance=1.0, verify=False)
            )
        except CompileError as refusal:
            rows.append({"program": case.name, "way": way, "spins": spins, "refused": str(refusal)[:160]})
            continue
        compiled = time.perf_counter() - began
        rows.append(
            {"program": case.name, "five": case.five, "way": way, "spins": spins, "compile_s": compiled} | of(program)
        )
    return rows


def embedded(source: Any, fabric: FabricSpec) -> Program:
    """As ``compile`` does it, and not refused where the table cannot hold the balance between wells: how fast chains
    mix is asked here, not where to.
    """
    return Emit()(run_passes(pipeline_of("exact"), FoldClamps()(Source(lower(source, 1.0), fabric))))


def of(program: Program) -> dict[str, Any]:
    """What is measured of one compiled program."""
    mixed = program.with_mixing(replicas=REPLICAS, device="native").report
    assert mixed.mixing is not None
    per_sweep = mixed.mixing.per_megacycle * mixed.cycles_per_sweep / 1e6
    if per_sweep < SLOW:
        mixed = program.with_mixing(LONG, replicas=REPLICAS, device="native").report
        assert mixed.mixing is not None
        per_sweep = mixed.mixing.per_megacycle * mixed.cycles_per_sweep / 1e6
    schedule = fab.Schedule(200, 2000, 1)
    program.sample(fab.Schedule(1, 1), replicas=REPLICAS, device="native", discard=False)
    cpu = time.process_time()
    program.sample(schedule, replicas=REPLICAS, device="native", discard=False)
    seconds = (time.process_time() - cpu) / (schedule.n_sweeps * REPLICAS)
    spatial = program.image.order is None
    order = program.image.order
    return {
        "fabric": program.fabric.topology.name,
        "degree": program.fabric.topology.max_degree,
        "sites": mixed.sites,
        "colours": program.fabric.topology.n_colours if order is None else order.n_colours,
        "heights": [] if order is None else order.heights.tolist(),
        "field_bits": 0 if order is None else program.image.merged.field_bits,
        "clocks": loading_of(program.fabric).sweep_clocks if spatial else sweep_clocks(program.image),
        "kept": mixed.mixing.kept,
        "effective_per_sweep": per_sweep,
        "effective_per_cpu_s": per_sweep / seconds,
        "kl": mixed.quantisation.predicted_kl,
        "certificate": mixed.certificate.how,
    }


if __name__ == "__main__":
    main()
