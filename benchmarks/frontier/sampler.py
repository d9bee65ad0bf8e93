"""TSUSampler and dwave-samplers' simulated annealing with nothing set, at equal sweeps, on G(800, 6%).

    python benchmarks/frontier/sampler.py

Means over all reads of 1,000 sweeps on the same graphs; ours on the native device. Writes
docs/results/frontier_sampler.json.
"""

import sys
from pathlib import Path

import dimod
import networkx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

import thermofab as fab

GRAPHS, READS, SWEEPS = 3, 128, 1000


def main() -> None:
    from dwave.samplers import SimulatedAnnealingSampler

    rows = []
    for seed in range(GRAPHS):
        graph = networkx.fast_gnp_random_graph(800, 0.06, seed=seed)
        bqm = dimod.BinaryQuadraticModel({}, dict.fromkeys(graph.edges, 1.0), "SPIN")
        sampler = fab.TSUSampler(graph, device="native")
        found = {
            "ours": sampler.sample(bqm, num_reads=READS, num_sweeps=SWEEPS, seed=seed),
            "ours at β = 1": sampler.sample(bqm, num_reads=READS, num_sweeps=SWEEPS, seed=seed, beta=1.0),
            "dwave-samplers": SimulatedAnnealingSampler().sample(
                bqm, num_reads=READS, num_sweeps=SWEEPS, seed=seed + 1
            ),
        }
        for name, answer in found.items():
            cuts = (graph.number_of_edges() - answer.record.energy) / 2
            row = {"graph": seed, "sampler": name, "mean": float(np.mean(cuts)), "best": int(np.max(cuts))}
            rows.append(row)
            print(row, flush=True)
    write_results("frontier_sampler", {"reads": READS, "sweeps": SWEEPS, "rows": rows})


if __name__ == "__main__":
    main()
