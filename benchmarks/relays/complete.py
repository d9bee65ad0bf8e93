"""How long complete graphs take to compile onto a lattice, on trees of relays and embedded, with nothing cached.

    python benchmarks/relays/complete.py            # K8 in steps up to the largest that has an embedding: half an hour
    python benchmarks/relays/complete.py 8 16 24    # those sizes

Every compile is a process of its own with an empty cache; ``cpu_s`` is processor time, which other work on the machine
changes least. Rows already in docs/results/relays_complete.json stay, those run anew are replaced.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from relays.mixing import embedded
from relays.programs import glass
from results import ROOT, write_results

from thermofab.hw.spec import CompileError

LATTICE = "g12-32x32"
SIZES = (8, 12, 16, 20, 24, 28, 30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52)
LIMIT = 600  # seconds, a compile


def compiled(way: str, size: int) -> dict[str, Any]:
    """Compile the complete graph of ``size`` nodes in this process."""
    import networkx

    import thermofab as fab

    graph = glass(networkx.complete_graph(size))
    began, cpu = time.perf_counter(), time.process_time()
    try:
        if way == "relays":
            program = fab.compile(graph, fab.fabric(LATTICE, architecture="relay"), tolerance=1.0)
        else:
            program = embedded(graph, fab.fabric(LATTICE, profile="fine"))
    except CompileError as refusal:
        return {"refused": str(refusal)[:200], "cpu_s": round(time.process_time() - cpu, 1)}
    order = program.image.order
    return {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "sites": program.report.sites,
        "certificate": program.report.certificate.how,
        "height": 0 if order is None else int(order.heights.max()),
    }


def apart(way: str, size: int) -> dict[str, Any]:
    """:func:`compiled` in a process of its own, with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        try:
            done = subprocess.run(
                [sys.executable, __file__, "--one", way, str(size)],
                env=os.environ | {"XDG_CACHE_HOME": cache, "THERMOFAB_CACHE": cache},
                capture_output=True, text=True, timeout=LIMIT, check=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"refused": f"no end in {LIMIT} s"}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(compiled(sys.argv[2], int(sys.argv[3]))))
        return
    path = ROOT / "docs" / "results" / "relays_complete.json"
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = {(row["nodes"], row["way"]): row for row in known}
    for size in [int(word) for word in sys.argv[1:]] or SIZES:
        for way in ("embedded", "relays"):
            rows[size, way] = {"nodes": size, "way": way} | apart(way, size)
            print(rows[size, way], flush=True)
        write_results("relays_complete", {"lattice": LATTICE, "rows": [rows[key] for key in sorted(rows)]})


if __name__ == "__main__":
    main()
