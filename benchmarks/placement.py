"""Programs embedded by the compiler beside what is usual: minorminer's default, chains, and a majority vote.

    python benchmarks/placement.py                     # every row, about half an hour on two cores
    python benchmarks/placement.py king-32x32 K16      # those of one fabric, of one program, or both

*Ours* is ``fab.compile`` with its defaults and no cache: exact wires, or copies of which broken ones are discarded.
*Usual* is the smallest of three runs of ``minorminer.find_embedding`` with its defaults (20 s a run), biases and
couplings shared out evenly among copies and among the couplers between them, copies held together by uniform torque
compensation, Jc = 1.414 · rms(J) · sqrt(average degree) (as dwave-system documents it), nodes read by majority vote.
Both run on fabrics with 16 + 8 bits of 32-bit words (``WIDTHS``) and 8-bit weights, on the native simulator: 64 chains
of 10,000 sweeps, the first 4,000 to warm up, one sample in 5 sweeps, started from random states of the nodes with all
copies alike.

``error`` is the RMS over the model's edges of E[s_i s_j] less the reference: enumeration up to 16 nodes, else 256
chains of 10,000 sweeps on a fabric of the model's own graph with 16-bit weights. ``floor`` is what sampling alone makes
of it, from the spread of the chains' means, the reference's included: an error near it shows no bias, and where it is
large itself the chains have not mixed. ``yield`` is what was kept, and in brackets what was promised. ``ess`` is the
effective samples per million clock cycles for those correlations, yield included.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import networkx
import numpy as np
from timing import machine

import thermofab as fab
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.compiler.placement.remember import forget
from thermofab.hw.spec import IsingModel, Program, RefusedError, Rejecting, Schedule, ThermofabError

FABRICS = ("king-32x32", "g12-32x32", "g12-70x70", "pegasus-6", "zephyr-4")
PROGRAMS: dict[str, Any] = {
    **{f"K{n}": networkx.complete_graph(n) for n in (8, 16, 24, 32)},
    **{f"3-regular {n}": networkx.random_regular_graph(3, n, seed=1) for n in (50, 100, 200)},
    **{f"RBM {n}x{n}": networkx.complete_bipartite_graph(n, n) for n in (16, 32)},
    "grid 16x16": networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(16, 16)),
}
RUN = Schedule(4000, 1200, 5)
CHAINS = 64
WIDTHS = {"word_bits": 32, "threshold_bits": 16, "dither_bits": 8}
RUNS, GIVE_UP = 3, 20


@dataclass(frozen=True)
class Figures:
    """Edge correlations ``mean`` float64 ``[m]``, their ``variance`` (of the mean), and effective samples per chain."""

    mean: np.ndarray
    variance: np.ndarray
    effective: float


@cache
def model_of(program: str) -> IsingModel:
    """Normal couplings of deviation 0.7/sqrt(average degree), normal biases of deviation 0.1."""
    graph = PROGRAMS[program]
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    draw = np.random.default_rng(len(edges))
    spread = 0.7 / np.sqrt(2 * len(edges) / len(graph))
    return IsingModel(
        tuple(range(len(graph))), 0.1 * draw.normal(size=len(graph)), edges, spread * draw.normal(size=len(edges))
    )


def figures(states: np.ndarray, kept: np.ndarray, edges: np.ndarray) -> Figures:
    """From bool states ``[R, S, n]`` of which ``kept`` ``[R, S]`` count."""
    means, weights = [], []
    for chain, use in zip(states, kept):
        if use.any():
            spins = np.where(chain[use], np.float32(1), np.float32(-1))
            products = spins.T @ spins / len(spins)
            means.append(products[edges[:, 0], edges[:, 1]].astype(np.float64))
            weights.append(len(spins))
    found, share = np.array(means), np.array(weights) / np.sum(weights)
    mean = share @ found
    variance = share @ (found - mean) ** 2 / (1 - np.sum(share**2))
    return Figures(mean, variance * np.sum(share**2), float(np.sum(1 - mean**2) / np.sum(variance)))


@cache
def reference(program: str) -> Figures:
    model = model_of(program)
    if model.n_nodes <= 16:
        distribution = fab.exact(model)
        spins = np.where(distribution.states, 1.0, -1.0)
        mean = distribution.probabilities @ (spins[:, model.edges[:, 0]] * spins[:, model.edges[:, 1]])
        return Figures(mean, np.zeros(len(mean)), float("inf"))
    own = fab.fabric(PROGRAMS[program], weight_bits=16, bias_bits=20, table_bits=12, **WIDTHS)
    made = fab.compile(model, own, verify=False)
    samples = made.sample(Schedule(2000, 1600, 5), replicas=256, device="native")
    return figures(samples.node_states, samples.kept, model.edges)


def line(program: str, who: str, sites: int, longest: int, how: str, seconds: float, found: Figures, cycles: int,
         states: np.ndarray | None) -> str:  # fmt: skip
    wanted = reference(program)
    error = np.sqrt(np.mean((found.mean - wanted.mean) ** 2))
    floor = np.sqrt(np.mean(found.variance + wanted.variance))
    sampled = (RUN.n_samples - 1) * RUN.steps_per_sample * cycles
    model, tv = model_of(program), ""
    if states is not None and model.n_nodes <= 8:
        codes = states @ (1 << np.arange(model.n_nodes - 1, -1, -1))
        seen = np.bincount(codes, minlength=2**model.n_nodes) / len(codes)
        tv = f"{total_variation(fab.exact(model).probabilities, seen):.4f}"
    return (
        f"| {program} | {who} | {sites} | {longest} | {how} | {seconds:.1f} | {error:.4f} | {floor:.4f} | {tv} | "
        f"{1e6 * found.effective / sampled:.3g} |"
    )


def ours(fabric: fab.FabricSpec, program: str) -> str:
    model = model_of(program)
    started = time.perf_counter()
    try:
        made = compiled_anew(model, fabric)
    except ThermofabError as refusal:
        word = "refused" if isinstance(refusal, RefusedError) else "none found"
        return f"| {program} | ours | | | {word} | {time.perf_counter() - started:.1f} | | | | |"
    seconds = time.perf_counter() - started
    start = random_states(model.n_nodes)
    samples = made.sample(RUN, init=[start], replicas=CHAINS, device="native", discard=False)
    certificate = made.report.certificate
    how = (
        "exact"
        if not isinstance(certificate, Rejecting)
        else f"yield {samples.kept.mean():.2f} ({certificate.yield_:.2f})"
    )
    found = figures(samples.node_states, samples.kept, model.edges)
    return line(program, "ours", made.report.sites, made.report.longest_copy, how, seconds, found,
                made.report.cycles_per_sweep, samples.accepted()[0])  # fmt: skip


def compiled_anew(model: IsingModel, fabric: fab.FabricSpec) -> Program:
    """Compiled with an empty cache of placements."""
    forget()
    before = os.environ.get("THERMOFAB_CACHE")
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["THERMOFAB_CACHE"] = folder
            return fab.compile(model, fabric, verify=False)
    finally:
        os.environ.pop("THERMOFAB_CACHE")
        if before is not None:
            os.environ["THERMOFAB_CACHE"] = before


def random_states(nodes: int) -> np.ndarray:
    """Where the chains start, all copies of a node alike: bool ``[R, n]``."""
    return np.random.default_rng(1).random((CHAINS, nodes)) < 0.5


def usual(fabric: fab.FabricSpec, program: str) -> str:
    import minorminer

    model, topology = model_of(program), fabric.topology
    source, target = [[tuple(edge) for edge in edges.tolist()] for edges in (model.edges, topology.edges)]
    started, best = time.perf_counter(), None
    for seed in range(RUNS):
        chains = minorminer.find_embedding(source, target, random_seed=seed, timeout=GIVE_UP)
        if chains and (best is None or sum(map(len, chains.values())) < sum(map(len, best))):
            best = [sorted(chains[k]) for k in range(model.n_nodes)]
    seconds = time.perf_counter() - started
    if best is None:
        return f"| {program} | usual | | | none found | {seconds:.1f} | | | | |"
    made = chained(model, best, fabric)
    start = np.zeros((CHAINS, topology.n_sites), dtype=bool)
    for sites, state in zip(best, random_states(model.n_nodes).T):
        start[:, sites] = state[:, None]
    used = [site for site in made.model.nodes if isinstance(site, int)]
    samples = made.sample(RUN, init=[start[:, used]], replicas=CHAINS, device="native")
    draw = np.random.default_rng(0)
    votes = np.stack([samples.sites[:, :, sites].mean(axis=2) for sites in best], axis=2)
    states = np.where(votes == 0.5, draw.random(votes.shape) < 0.5, votes > 0.5)
    found = figures(states, np.ones(states.shape[:2], dtype=bool), model.edges)
    whole = np.mean(np.all((votes == 0) | (votes == 1), axis=2))
    return line(program, "usual", sum(map(len, best)), max(map(len, best)), f"votes, whole {whole:.2f}", seconds, found,
                made.report.cycles_per_sweep, states.reshape(-1, model.n_nodes))  # fmt: skip


def chained(model: IsingModel, chains: list[list[int]], fabric: fab.FabricSpec) -> Program:
    """The chains as one model over the sites in use, on the sites themselves."""
    owner = np.full(fabric.n_sites, -1)
    for k, sites in enumerate(chains):
        owner[sites] = k
    between: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b in fabric.topology.edges.tolist():
        i, j = sorted((int(owner[a]), int(owner[b])))
        if i >= 0:
            between.setdefault((i, j), []).append((a, b))
    strength = 1.414 * np.sqrt(np.mean(model.couplings**2) * 2 * len(model.edges) / model.n_nodes)
    members = np.flatnonzero(owner >= 0)
    index = {int(site): k for k, site in enumerate(members)}
    biases = np.array([model.biases[owner[site]] / len(chains[owner[site]]) for site in members])
    coupled = {pair: strength for k in range(model.n_nodes) for pair in between.get((k, k), [])}
    for (i, j), coupling in zip(model.edges.tolist(), model.couplings.tolist()):
        coupled |= dict.fromkeys(between[i, j], coupling / len(between[i, j]))
    pairs = sorted((index[a], index[b]) for a, b in coupled)
    sites = members.tolist()
    copied = IsingModel(
        tuple(sites), biases, np.array(pairs), np.array([coupled[sites[a], sites[b]] for a, b in pairs])
    )
    return fab.compile(copied, fabric, copies=[(site,) for site in sites], verify=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="fabrics or programs; all of both if none is named")
    options = parser.parse_args()
    unknown = set(options.words) - {*FABRICS, *PROGRAMS}
    if unknown:
        parser.error(
            f"{sorted(unknown)[0]!r} is neither a fabric ({', '.join(FABRICS)}) nor a program ({', '.join(PROGRAMS)})"
        )
    print(machine(), flush=True)
    for name in [f for f in FABRICS if f in options.words] or FABRICS:
        fabric = fab.fabric(name, **WIDTHS)
        print(f"\n### {name}, {fabric.n_sites} sites\n")
        print("| program | | sites | copies ≤ | how | place, s | error | floor | TV | ess per Mcycle |")
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for program in [p for p in PROGRAMS if p in options.words] or PROGRAMS:
            print(ours(fabric, program), flush=True)
            print(usual(fabric, program), flush=True)


if __name__ == "__main__":
    main()
