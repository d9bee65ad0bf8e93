"""How good the prediction of what a table's ends cost is, for programs too large to be solved while they are compiled.

    python benchmarks/table_ends.py

Programs of 13 and 14 spins, one site each, on the default profile: 4-regular graphs, sparse random graphs and paths,
normal couplings. The table's part of the error is predicted as for large programs (from Gibbs and tempered states),
then enumerated. Prints quantiles of prediction over enumeration where the latter is above 0.01, and what is predicted
where it is not; writes docs/results/table_ends.json.
"""

import warnings

import networkx
import numpy as np
from results import write_results

import thermofab as fab
from thermofab.hw.spec import DistributionWarning

SIGMAS = (0.7, 1.0, 1.5, 2.0)
PER_KIND = 10
SHARES = (0.0, 0.05, 0.5, 0.95, 1.0)


def program_graph(kind: str, sigma: float, seed: int) -> networkx.Graph:
    """A graph with weights N(0, sigma) and biases N(0, 0.3)."""
    rng = np.random.default_rng(seed)
    graphs = {
        "4-regular": lambda: networkx.random_regular_graph(4, 14, seed=seed),
        "sparse": lambda: networkx.gnp_random_graph(13, 0.25, seed=seed),
        "path": lambda: networkx.path_graph(13),
    }
    graph = graphs[kind]()
    for node in graph:
        graph.nodes[node]["bias"] = float(rng.normal() * 0.3)
    for edge in graph.edges:
        graph.edges[edge]["weight"] = float(rng.normal() * sigma)
    return graph


def measured(kind: str, sigma: float, seed: int) -> dict:
    graph = program_graph(kind, sigma, seed)
    program = fab.compile(graph, fab.fabric(graph), verify=False, tolerance=1.0, pipeline="fast")
    exact = fab.compiler.verify(program).report
    return {
        "kind": kind,
        "sigma": sigma,
        "seed": seed,
        "predicted": program.report.table.tv,
        "enumerated": exact.table.tv,
        "end_to_end": exact.end_to_end.tv,
    }


def main() -> None:
    warnings.simplefilter("ignore", DistributionWarning)
    rows = [
        measured(kind, sigma, seed)
        for kind in ("4-regular", "sparse", "path")
        for sigma in SIGMAS
        for seed in range(PER_KIND)
    ]
    known = [row for row in rows if row["predicted"] is not None]
    ratios = [row["predicted"] / row["enumerated"] for row in known if row["enumerated"] > 0.01]
    quiet = [row["predicted"] for row in known if row["enumerated"] <= 0.01]
    summary = {
        "programs": len(rows),
        "unknown": len(rows) - len(known),
        "above 0.01": len(ratios),
        "below half": int(np.sum(np.array(ratios) < 0.5)),
        "ratio at shares": dict(zip(map(str, SHARES), np.quantile(ratios, SHARES).round(3).tolist())),
        "predicted where at most 0.01, at shares": dict(
            zip(map(str, SHARES), np.quantile(quiet, SHARES).round(4).tolist())
        ),
        "refused at 0.15, of those at most 0.05": int(
            np.sum([row["predicted"] > 0.15 for row in known if row["enumerated"] <= 0.05])
        ),
    }
    for name, value in summary.items():
        print(f"{name:<42}{value}")
    print("wrote", write_results("table_ends", {"summary": summary, "rows": rows}))


if __name__ == "__main__":
    main()
