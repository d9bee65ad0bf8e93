"""A trace as one self-contained page: no other file and no network, SVG and a little script of ours."""

import html
import json
from importlib import resources

from thermofab.apps.reasoning.trace import TraceGraph


def trace_html(graph: TraceGraph) -> str:
    """The page. Nodes are looked at by pointer or keyboard; colours follow the reader's light or dark setting."""
    template = resources.files("thermofab.apps.reasoning").joinpath("static/trace.html").read_text()
    path = graph.path
    nodes = [
        {
            "label": node.label, "kind": node.kind, "parents": node.parents, "facts": node.facts,
            "grid": node.grid, "given": node.given, "values": [round(value, 4) for value in node.values],
            "share": share, "x": x, "layer": layer, "way": number in path, "chosen": number == graph.chosen,
        }
        for number, (node, share, (x, layer)) in enumerate(zip(graph.nodes, score_shares(graph), graph.places))
    ]  # fmt: skip
    box = None if graph.box is None else {"side": graph.box.side, "rows": graph.box.rows, "columns": graph.box.columns}
    # "<" is written as an escape, so that no text can end the script element.
    data = json.dumps({"nodes": nodes, "box": box}, ensure_ascii=True).replace("<", "\\u003c")
    return (
        template.replace("{{title}}", html.escape(graph.title))
        .replace("{{about}}", html.escape(graph.about))
        .replace("{{data}}", data)
    )


def score_shares(graph: TraceGraph) -> list[float | None]:
    """Where every node's score lies between the lowest, 0, and the highest, 1; ``None`` without a score."""
    known = [node.score for node in graph.nodes if node.score is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    return [
        None if node.score is None else (1.0 if high == low else (node.score - low) / (high - low))
        for node in graph.nodes
    ]
