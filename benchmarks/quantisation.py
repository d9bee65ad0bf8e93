"""What rounding to integers costs: predicted against exact KL, and what the searches win.

    python benchmarks/quantisation.py            # 60 models at 3 to 8 bits, some five minutes on two cores
    python benchmarks/quantisation.py --models 12 --bits 4 6

Models of 8 to 12 nodes, 3- and 4-regular, complete and random graphs, normal couplings of deviation 0.3 to 0.9 and
biases of 0.3, on a fabric of their own graph with a fine table, biases one bit wider than weights. All figures are KL
in nats from the given distribution, medians over the models, of the Boltzmann distribution of the integers times the
step, enumerated; the last column is the KL of the integer program's stationary distribution, table and dither included.

* ``predicted`` ½ Var(ΔE), enumerated; ``sampled`` the same from 1,024 states of a Gibbs run; ``apart`` the sum of the
  terms' own KL. Each with its ratio to the exact KL, median and 90% range.
* ``max-scaled`` the step that just saturates nothing; ``searched`` the step the compiler takes; ``refitted`` with
  ``refit=True``; ``refitted, sampled`` likewise without enumeration.
"""

import argparse
import time
from collections.abc import Iterator

import networkx
import numpy as np
from timing import machine

import thermofab as fab
from thermofab.compiler.distributions.enumeration import kl, log_weights, normalised
from thermofab.compiler.distributions.stationary import stationary_distribution
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Paired, Quantised, Source, Wired
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise
from thermofab.compiler.quantisation.model_error import ModelError
from thermofab.compiler.quantisation.rounding import round_layout


def models(count: int) -> Iterator[networkx.Graph]:
    for seed in range(count):
        draw = np.random.default_rng(seed)
        n = 8 + 2 * (seed % 3)
        graph = (
            networkx.random_regular_graph(3, n, seed=seed),
            networkx.random_regular_graph(4, n, seed=seed),
            networkx.complete_graph(8),
            networkx.gnp_random_graph(n, 0.4, seed=seed),
        )[seed % 4]
        spread = (0.3, 0.6, 0.9)[(seed // 4) % 3] / (1.0 if seed % 4 != 2 else 2.0)
        for node in graph:
            graph.nodes[node]["bias"] = float(0.3 * draw.normal())
        for u, v in graph.edges:
            graph.edges[u, v]["weight"] = float(spread * draw.normal())
        yield graph


def placed(graph: networkx.Graph, bits: int) -> Wired:
    spec = fab.fabric(
        graph, weight_bits=bits, bias_bits=bits + 1, word_bits=32, threshold_bits=16, dither_bits=8, table_bits=12
    )
    paired = Canonicalise()(Source(lower(graph), spec))
    assert isinstance(paired, Paired)
    return RootAndWire()(Place()(paired))


def boltzmann(stage: Wired, parameters: np.ndarray) -> np.ndarray:
    m = len(stage.edges)
    return normalised(log_weights(stage.n, parameters[m:], stage.edges, parameters[:m]))[0]


def parameters(stage: Quantised) -> np.ndarray:
    """Couplings and biases that the integers of a program of one site per node stand for."""
    roots = [sites[0] for sites in stage.layout.copies]
    integers = stage.integers
    return integers.quantisation.step * np.concatenate(
        [integers.weights[stage.layout.wire_sites], integers.biases[roots]]
    )


def max_scaled(stage: Wired) -> np.ndarray:
    spec = stage.fabric
    step = max(np.abs(stage.couplings).max() / spec.weight_max, np.abs(stage.biases).max() / spec.bias_max)
    rounded = round_layout(stage.layout, stage.couplings, stage.biases, float(step), spec)
    return np.concatenate([rounded.couplings, rounded.fields])


def measure(graph: networkx.Graph, bits: int) -> dict[str, float]:
    stage = placed(graph, bits)
    wanted = boltzmann(stage, np.concatenate([stage.couplings, stage.biases]))

    def exact(values: np.ndarray) -> float:
        return kl(wanted, boltzmann(stage, values))

    searched = ScaleAndQuantise()(stage)
    got = parameters(searched)
    row = {
        "exact": exact(got),
        "max-scaled": exact(max_scaled(stage)),
        "refitted": exact(parameters(ScaleAndQuantise(refit=True)(stage))),
        "refitted, sampled": exact(parameters(ScaleAndQuantise(refit=True, enumerate_up_to=0)(stage))),
    }
    for name, up_to, sampled in (("predicted", 14, True), ("sampled", 0, True), ("apart", 0, False)):
        row[name] = ModelError.of(stage, up_to, sampled).second_order(got)
    refit = Emit()(ScaleAndQuantise(refit=True)(stage))
    distribution = stationary_distribution(refit, accuracy=1e-10).probabilities
    row["refitted, on the fabric"] = kl(wanted, distribution)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--bits", type=int, nargs="*", default=list(range(3, 9)))
    options = parser.parse_args()
    print(machine())
    started = time.perf_counter()
    rows = {bits: [measure(graph, bits) for graph in models(options.models)] for bits in options.bits}

    def column(bits: int, name: str) -> np.ndarray:
        return np.array([row[name] for row in rows[bits]])

    print(f"\n{options.models} models a width, {time.perf_counter() - started:.0f} s\n")
    print("| bits | exact KL | predicted / exact | sampled / exact | terms apart / exact |")
    print("|---|---|---|---|---|")
    for bits in options.bits:
        cells = []
        for name in ("predicted", "sampled", "apart"):
            low, middle, high = np.quantile(column(bits, name) / column(bits, "exact"), [0.05, 0.5, 0.95])
            cells.append(f"{middle:.2f} ({low:.2f}–{high:.2f})")
        print(f"| {bits} | {np.median(column(bits, 'exact')):.2e} | {' | '.join(cells)} |")
    names = ("max-scaled", "exact", "refitted", "refitted, sampled", "refitted, on the fabric")
    print(f"\n| bits | max-scaled | searched | {' | '.join(names[2:])} | search wins | refit wins |")
    print("|---|---|---|---|---|---|---|---|")
    for bits in options.bits:
        cells = [f"{np.median(column(bits, name)):.2e}" for name in names]
        search = np.median(column(bits, "max-scaled") / column(bits, "exact"))
        refit = np.median(column(bits, "exact") / column(bits, "refitted"))
        print(f"| {bits} | {' | '.join(cells)} | {search:.2f}× | {refit:.2f}× |")


if __name__ == "__main__":
    main()
