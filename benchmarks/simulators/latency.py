"""Cold start, import to first sample, and a warm call of 100 samples, on a program of 100 nodes, against THRML.

    python benchmarks/simulators/latency.py

Every cold start is a process of its own, byte code and our kernels cached on disk as after a first use; they take
turns.
"""

import statistics
import subprocess
import sys

SETUP = """
import time
started = time.perf_counter()
import numpy as np
rng = np.random.default_rng(0)
side = 10
edges = [(a, b) for a in range(100) for b in (a + 1, a + side) if (b % side or b != a + 1) and b < 100]
weights, biases = rng.normal(0, 0.4, len(edges)), rng.normal(0, 0.2, 100)
"""
THRML = """
import jax, jax.numpy as jnp
from thrml import Block, SamplingSchedule, SpinNode, sample_states
from thrml.models import IsingEBM, IsingSamplingProgram
nodes = [SpinNode() for _ in range(100)]
ebm = IsingEBM(nodes, [(nodes[a], nodes[b]) for a, b in edges], jnp.array(biases), jnp.array(weights), jnp.array(1.0))
blocks = [Block([nodes[k] for k in range(100) if (k // side + k) % 2 == c]) for c in range(2)]
program = IsingSamplingProgram(ebm, blocks, [])
schedule = SamplingSchedule(n_warmup=10, n_samples=100, steps_per_sample=1)
init = [jnp.zeros(len(b.nodes), dtype=bool) for b in blocks]
run = jax.jit(lambda key: sample_states(key, program, schedule, init, [], [Block(nodes)]))
call = lambda seed: jax.block_until_ready(run(jax.random.key(seed)))
"""
OURS = """
import thermofab as fab
import networkx
graph = networkx.Graph()
graph.add_nodes_from((k, {"bias": float(b)}) for k, b in enumerate(biases))
graph.add_edges_from((a, b, {"weight": float(w)}) for (a, b), w in zip(edges, weights))
program = fab.compile(graph, "g4-10x10")
schedule = fab.Schedule(10, 100, 1)
device = fab.open_device(DEVICE, program.fabric)
call = lambda seed: program.sample(schedule, seed=seed, device=device)
"""
RUN = """
call(0)
cold = time.perf_counter() - started
warm = []
for seed in range(1, 51):
    begun = time.perf_counter()
    call(seed)
    warm.append(time.perf_counter() - begun)
print(cold, sorted(warm)[25])
"""
CONTENDERS = {
    "thrml, jitted": THRML,
    "native": 'DEVICE = "native"\n' + OURS,
    "jax": 'DEVICE = "jax"\n' + OURS,
    "jax-xla": 'DEVICE = "jax-xla"\n' + OURS,
}


def main() -> None:
    rounds = 3
    cold: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    warm: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds + 1):
        for name, body in CONTENDERS.items():
            done = subprocess.run(
                [sys.executable, "-c", SETUP + body + RUN], capture_output=True, text=True, check=True
            )
            first, later = map(float, done.stdout.split())
            cold[name].append(first)
            warm[name].append(later)
    print(f"{'':<16}{'cold, s':>9}{'warm, ms':>10}   medians of {rounds}, after one that filled caches")
    for name in CONTENDERS:
        print(f"{name:<16}{statistics.median(cold[name][1:]):>9.2f}{1e3 * statistics.median(warm[name][1:]):>10.2f}")


if __name__ == "__main__":
    main()
