"""The picture of the README: a program placed on a fabric, its marginals, and the states of one chain.

``python benchmarks/readme_picture.py`` compiles and samples the program, writes docs/results/readme_picture.json and
draws docs/images/readme.svg from it; ``--draw`` only draws again. The picture has a background of its own, so that it
reads the same on light and dark pages.
"""

import argparse
import json
from typing import Any

import networkx
import numpy as np
from results import ROOT, write_results

import thermofab as fab

FABRIC = "king-7x7"
SCHEDULE = fab.Schedule(n_warmup=200, n_samples=1000, steps_per_sample=2)
REPLICAS = 64
SHOWN_SAMPLES = 110
BACKGROUND, TEXT, QUIET, IDLE, LINE = "#0f172a", "#f1f5f9", "#a3b1c6", "#334155", "#1e293b"
UP, DOWN, WIRE = "#fbbf24", "#38bdf8", "#e2e8f0"


def spin_glass() -> networkx.Graph:
    """Twelve nodes of degree 4, couplings ±0.6 and normal biases."""
    rng = np.random.default_rng(5)
    graph = networkx.random_regular_graph(4, 12, seed=1)
    for a, b in sorted(graph.edges):
        graph.edges[a, b]["weight"] = float(rng.choice([-0.6, 0.6]))
    for node in sorted(graph):
        graph.nodes[node]["bias"] = float(rng.normal(0, 0.5))
    return graph


def measured() -> dict[str, Any]:
    """The program's sites, exact and sampled marginals, and the first states of one chain."""
    model = spin_glass()
    program = fab.compile(model, FABRIC, seed=0)
    samples = program.sample(SCHEDULE, replicas=REPLICAS, seed=0, device="native")
    exact = fab.exact(model)
    nodes = sorted(model)
    rows = [program.node_index[node] for node in nodes]
    places = [exact.nodes.index(node) for node in nodes]
    states = np.asarray(samples.states[0])[:, :, rows]
    weights = dict(zip(map(tuple, program.fabric.topology.edges.tolist()), program.image.weights.tolist(), strict=True))
    return {
        "fabric": FABRIC,
        "coordinates": program.fabric.topology.coordinates[:, :2].tolist(),
        "edges": [[i, j, weight] for (i, j), weight in weights.items()],
        "copies": [list(program.copies[row]) for row in rows],
        "exact": exact.marginals[places].round(6).tolist(),
        "sampled": states.mean(axis=(0, 1)).round(6).tolist(),
        "samples": int(states.shape[0] * states.shape[1]),
        "chain": ["".join("01"[state] for state in row) for row in states[0, :SHOWN_SAMPLES].T.astype(int)],
    }


def mixed(probability: float) -> str:
    """The colour of a marginal: blue at 0, amber at 1."""
    ends = [[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in (DOWN, UP)]
    return "#" + "".join(f"{round(low + (high - low) * probability):02x}" for low, high in zip(*ends, strict=True))


def text(x: float, y: float, words: str, *, size: int = 13, colour: str = QUIET, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def line(start: tuple[float, float], end: tuple[float, float], colour: str, width: float) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="{colour}" stroke-width="{width}" stroke-linecap="round"/>'
    )


def fabric_map(data: dict[str, Any], left: float, top: float, step: float) -> list[str]:
    """All sites; those of a node carry its number and the colour of its sampled marginal."""
    places = [(left + step * x, top + step * y) for x, y in data["coordinates"]]
    owner = {site: node for node, sites in enumerate(data["copies"]) for site in sites}
    idle, used = [], []
    for i, j, weight in data["edges"]:
        if i in owner and owner.get(i) == owner.get(j):
            used.append(line(places[i], places[j], WIRE, 9))
        elif weight:
            used.append(line(places[i], places[j], UP if weight > 0 else DOWN, 2.5))
        else:
            idle.append(line(places[i], places[j], LINE, 1.5))
    marks = []
    for site, (x, y) in enumerate(places):
        if site not in owner:
            marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{IDLE}"/>')
            continue
        colour = mixed(data["sampled"][owner[site]])
        marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="15" fill="{colour}" stroke="{BACKGROUND}"/>')
        marks.append(text(x, y + 5, str(owner[site]), size=14, colour=BACKGROUND, anchor="middle"))
    return idle + used + marks


def marginals(data: dict[str, Any], left: float, top: float, width: float, height: float) -> list[str]:
    """Bars of the sampled marginals, with a mark at each exact one."""
    pitch = width / len(data["exact"])
    drawn = []
    for level in (0, 0.5, 1):
        y = top + height * (1 - level)
        drawn += [line((left, y), (left + width, y), IDLE, 1), text(left - 8, y + 4, f"{level:g}", anchor="end")]
    for node, (exact, sampled) in enumerate(zip(data["exact"], data["sampled"], strict=True)):
        x = left + pitch * node
        drawn.append(
            f'<rect x="{x + 6:.1f}" y="{top + height * (1 - sampled):.1f}" width="{pitch - 12:.1f}" '
            f'height="{height * sampled:.1f}" rx="2" fill="{mixed(sampled)}"/>'
        )
        y = top + height * (1 - exact)
        drawn += [
            line((x + 2, y), (x + pitch - 2, y), TEXT, 2.5),
            text(x + pitch / 2, top + height + 17, str(node), anchor="middle"),
        ]
    return drawn


def raster(data: dict[str, Any], left: float, top: float, width: float, height: float) -> list[str]:
    """A row per node, a column per sample: amber is +1, dark is -1."""
    chain = np.array([[int(state) for state in row] for row in data["chain"]])
    row, column = height / len(chain), width / chain.shape[1]
    drawn = []
    for node, states in enumerate(chain):
        y = top + row * node
        drawn.append(f'<rect x="{left}" y="{y:.1f}" width="{width}" height="{row - 2:.1f}" fill="{LINE}"/>')
        edges = np.flatnonzero(np.diff(np.concatenate([[0], states, [0]])))
        for start, stop in edges.reshape(-1, 2):
            drawn.append(
                f'<rect x="{left + column * start:.1f}" y="{y:.1f}" width="{column * (stop - start):.1f}" '
                f'height="{row - 2:.1f}" fill="{UP}"/>'
            )
        drawn.append(text(left - 8, y + row - 3, str(node), size=11, anchor="end"))
    return drawn


def drawing(data: dict[str, Any]) -> str:
    nodes, sites = len(data["copies"]), sum(map(len, data["copies"]))
    body = [
        f'<rect width="980" height="520" rx="14" fill="{BACKGROUND}"/>',
        text(30, 40, f"{nodes} nodes on {sites} of {len(data['coordinates'])} p-bits", size=18, colour=TEXT),
        text(30, 61, f"{data['fabric']}; white bars join the copies of one node"),
        *fabric_map(data, 52, 100, 62),
        line((34, 500), (58, 500), UP, 2.5),
        text(64, 504, "J &gt; 0"),
        line((120, 500), (144, 500), DOWN, 2.5),
        text(150, 504, "J &lt; 0"),
        text(510, 40, f"P(s = +1) of each node, {data['samples']:,} samples", size=18, colour=TEXT),
        text(510, 61, "bar: sampled on the fabric; white line: enumerated"),
        *marginals(data, 520, 80, 430, 150),
        text(510, 286, "States of one chain", size=18, colour=TEXT),
        text(510, 307, f"{len(data['chain'][0])} successive samples; amber: +1"),
        *raster(data, 520, 320, 430, 180),
    ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 520" font-family="system-ui, sans-serif" role="img">'
        f"<title>A program of {nodes} nodes on a fabric, its marginals and its states</title>\n"
        + "\n".join(body)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw from the results that are there")
    if not parser.parse_args().draw:
        write_results("readme_picture", measured())
    results = json.loads((ROOT / "docs" / "results" / "readme_picture.json").read_text())
    path = ROOT / "docs" / "images" / "readme.svg"
    path.write_text(drawing(results))
    print(path.relative_to(ROOT))
