"""How programs, samples and fabrics show themselves in a notebook: a line, a small table, and a picture of the sites.

Pictures are inline SVG in the page's own text colour, so that they suit light and dark pages.
"""

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from thermofab.hw.spec.fabric import FabricSpec
    from thermofab.hw.spec.program import Program
    from thermofab.hw.spec.samples import Samples
    from thermofab.hw.spec.topology import Topology

LARGEST_PICTURE = 2000  # sites
_SIDE, _MARGIN = 320.0, 10.0  # of a picture, in its own units
_SHOWN_NODES = 8
# Colours of the wires, as those of Okabe and Ito: apart from each other for colour-blind readers too.
_WIRE = "#0072B2"


def program_html(program: "Program") -> str:
    """The report's first line, what sits where, and the fabric with the program's sites and wires."""
    report = program.report
    rows = [
        ("nodes", f"{report.nodes} on {report.sites} of {report.fabric_sites} sites"),
        ("fabric", f"{program.fabric.topology.name}, {program.fabric.architecture}"),
        ("placement", report.placement),
        ("clock cycles per sweep", str(report.cycles_per_sweep)),
        ("effective samples", str(report.mixing or "not measured")),
    ]
    used = np.zeros(program.fabric.n_sites, dtype=bool)
    used[[site for sites in program.copies for site in sites]] = True
    drawn = picture(program.fabric.topology, used, program.image.weights != 0)
    return _page(f"Program: {str(report).splitlines()[0].removeprefix('end to end').strip()} end to end", rows, drawn)


def samples_html(samples: "Samples") -> str:
    """What was run, whether its chains agree, what it cost, and the first nodes' frequencies."""
    replicas, count, sites = samples.sites.shape
    ledger = samples.ledger
    rows = [
        ("replicas × samples", f"{replicas} × {count}"),
        ("split R-hat", f"{samples.r_hat:.4g}"),
        ("clock cycles", f"{ledger.cycles:,} ({ledger.cycles_are})"),
        ("host time", f"{ledger.seconds:.3g} s"),
    ]
    if samples.program is None:
        return _page(f"Samples of {sites} sites on {samples.device}", rows, "")
    nodes = samples.program.model.nodes
    states = samples.program.read(samples.sites, range(min(len(nodes), _SHOWN_NODES)))
    for k in range(states.shape[-1]):
        size = max(2, int(samples.program.model.categories[k]))
        shares = np.bincount(states[..., k].ravel(), minlength=size) / states[..., k].size
        said = f"{shares[1]:.3f}" if size == 2 else ", ".join(f"{share:.3f}" for share in shares[:_SHOWN_NODES])
        rows.append((f"P({nodes[k]!r})" if size > 2 else f"P({nodes[k]!r} = 1)", said))
    if len(nodes) > _SHOWN_NODES:
        rows.append(("…", f"{len(nodes) - _SHOWN_NODES} more nodes"))
    return _page(f"Samples of {len(nodes)} nodes on {samples.device}", rows, "")


def fabric_html(fabric: "FabricSpec") -> str:
    """Widths, size and a picture."""
    top = fabric.topology
    rows = [
        ("sites, edges, factors", f"{top.n_sites}, {top.n_edges}, {top.n_factors}"),
        ("architecture", fabric.architecture),
        ("bits of weights, biases, thresholds", f"{fabric.weight_bits}, {fabric.bias_bits}, {fabric.threshold_bits}"),
        ("β levels", str(fabric.levels)),
        ("generator", fabric.rng),
    ]
    return _page(f"Fabric {top.name}", rows, picture(top))


def picture(topology: "Topology", used: np.ndarray | None = None, wires: np.ndarray | None = None) -> str:
    """Sites and edges as SVG; empty above 2,000 sites.

    Args:
        topology: what is drawn, where its coordinates put it.
        used: bool ``[N]``: sites drawn full; all, if left out.
        wires: bool ``[E]``: edges drawn in colour.
    """
    if not 0 < topology.n_sites <= LARGEST_PICTURE:
        return ""
    place = np.asarray(topology.coordinates, dtype=np.float64)[:, :2]
    low, extent = place.min(axis=0), max(float(np.ptp(place, axis=0).max()), 1e-9)
    place = _MARGIN + (place - low) / extent * (_SIDE - 2 * _MARGIN)
    radius = min(5.0, 0.3 * _SIDE / np.sqrt(topology.n_sites))
    full = np.ones(topology.n_sites, dtype=bool) if used is None else used
    coloured = np.zeros(topology.n_edges, dtype=bool) if wires is None else wires
    ends = place[topology.edges]
    return (
        f'<svg width="{_SIDE:g}" height="{_SIDE:g}" viewBox="0 0 {_SIDE:g} {_SIDE:g}" role="img" '
        f'aria-label="{html.escape(topology.name)}: {topology.n_sites} sites, {int(full.sum())} in use">'
        f'<path d="{_lines(ends[~coloured])}" stroke="currentColor" stroke-opacity="0.25" fill="none"/>'
        f'<path d="{_lines(ends[coloured])}" stroke="{_WIRE}" stroke-width="1.6" fill="none"/>'
        f'<g fill="currentColor" fill-opacity="0.25">{_discs(place[~full], radius / 2)}</g>'
        f'<g fill="currentColor">{_discs(place[full], radius)}</g></svg>'
    )


def _lines(ends: np.ndarray) -> str:
    return "".join(f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}" for a, b in ends.tolist())


def _discs(centres: np.ndarray, radius: float) -> str:
    return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>' for x, y in centres.tolist())


def _page(title: str, rows: Iterable[Sequence[str]], drawn: str) -> str:
    left = ' style="text-align:left"'
    cells = "".join(
        f"<tr><th{left}>{html.escape(name)}</th><td{left}>{html.escape(value)}</td></tr>" for name, value in rows
    )
    return f"<div><strong>{html.escape(title)}</strong><table>{cells}</table>{drawn}</div>"
