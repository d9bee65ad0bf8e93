"""The page: a plot, tables, maps and curves that answer to each other, in one file that needs no other."""

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from thermofab.apps.explore.report.measures import COLUMNS, label_of
from thermofab.apps.pages.palette import node_colours
from thermofab.apps.pages.style import STYLE

# In order: each uses what stands before it.
_SCRIPTS = (
    "draw.js", "state.js", "plot.js", "lines.js", "volume.js", "maps.js", "selected.js", "table.js", "page.js",
)  # fmt: skip
_OVERLAY_SCRIPTS = ("draw.js", "lines.js", "volume.js", "overlay.js")
_SENSES = {"max": "most", "min": "least"}
_COLOURS = 24
_HIGH = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MORE = """
:root { --third: #2a7a4b; --fourth: #8646a8; --fifth: #a3283f; --sixth: #0b7a86; }
@media (prefers-color-scheme: dark) {
  :root { --third: #63c08b; --fourth: #c79be3; --fifth: #f08c9c; --sixth: #5cc7d3; }
}
header, main, footer { max-width: 78rem; }
.tools { display: flex; flex-wrap: wrap; gap: .6rem 1rem; font-size: .85rem; margin: .6rem 0; }
#records thead th button { white-space: normal; min-width: 4.5rem; text-align: inherit; }
.tools label { display: flex; gap: .35rem; align-items: center; color: var(--quiet); }
select, input { font: inherit; color: var(--ink); background: var(--page); border: 1px solid var(--edge);
  border-radius: 6px; padding: .15rem .3rem; max-width: 15rem; min-height: 1.7rem; }
:is(select, input, button, summary, .mark):focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
svg { display: block; } svg text { font-size: 12px; fill: var(--quiet); } svg text.name { fill: var(--ink); }
svg text.small { font-size: 11px; }
svg text.label { fill: var(--ink); font-size: 11px; }
svg :is(text.small, text.label) { paint-order: stroke; stroke: var(--panel); stroke-width: 3px; }
.cards dd { overflow-wrap: anywhere; }
caption span { display: block; position: sticky; left: 0; width: min(100%, calc(100vw - 5rem)); }
.stage { position: relative; } #plot { width: 100%; }
.grid { stroke: var(--grid); } .lane { fill: var(--second); fill-opacity: .12; }
.front { fill: none; stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 4 3; }
.leader { stroke: var(--quiet); stroke-width: .8; }
.guide { stroke: var(--bad); stroke-dasharray: 5 4; }
.mark { cursor: pointer; } .mark .reach { fill: transparent; } .mark .point { fill-opacity: .85; }
.mark .ring { stroke: var(--ink); stroke-width: 1.8; } .mark .cross { stroke-width: 2; }
.mark.picked .reach { stroke: var(--ink); stroke-width: 2; } .mark:focus-visible { outline: none; }
.mark:focus-visible .reach { stroke: var(--accent); stroke-width: 3; }
#tip { position: absolute; z-index: 2; max-width: min(24rem, 95%); background: var(--panel); color: var(--ink);
  border: 1px solid var(--edge); border-radius: 8px; padding: .4rem .6rem; font-size: .82rem; pointer-events: none;
  box-shadow: 0 3px 12px rgb(0 0 0 / .2); overflow-wrap: anywhere; }
#tip p { margin: .1rem 0; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; padding: 0; margin: .3rem 0;
  font-size: .82rem; color: var(--quiet); }
.legend li { display: flex; align-items: center; gap: .4rem; margin: 0; }
th small, td small { color: var(--quiet); } th > small { display: block; font-weight: 400; }
.heads th[scope="col"] { white-space: normal; min-width: 4.4rem; }
td.name, th.name { text-align: left; white-space: normal; min-width: 9rem; }
td.name button { text-align: left; }
td.text { text-align: left; white-space: normal; min-width: 16rem; }
th button, td button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
tbody th button, td button { color: var(--accent); text-align: left; }
tr.picked { background: color-mix(in srgb, var(--accent) 14%, transparent); }
#records thead th { position: sticky; top: 0; background: var(--panel); } .high { max-height: 34rem; overflow: auto; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); gap: 0 1rem; }
.charts figure { min-width: 0; } figcaption strong { color: var(--ink); font-weight: 600; }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: .5rem 1.2rem;
  align-items: start; }
.maps figure svg { width: 100%; margin-top: .3rem; }
.coupling { stroke: var(--quiet); stroke-opacity: .55; stroke-width: 1; }
.stub { stroke: var(--second); stroke-width: 1.6; } .idle { fill: var(--edge); }
svg text.node { font-size: 8.5px; fill: #fff; }
#selected { border-color: var(--accent); } h3 { font-size: 1rem; margin: 1rem 0 .2rem; }
"""


def page(facts: dict[str, Any]) -> str:
    """The whole document of a study."""
    title = f"{facts['study']['name']}: which fabric should be built?"
    body = _head(facts, title) + "<main>" + _winners(facts) + _PLOT + _SELECTED + _WON + _volume(facts)
    body += _importance(facts) + _TABLE + _infeasible(facts) + _method(facts) + "</main>"
    return _document(title, body, _shown(facts), _SCRIPTS)


def overlay_page(facts: Mapping[str, Any]) -> str:
    """The whole document of an overlay (:func:`~thermofab.apps.explore.report.overlay.overlay_facts`)."""
    head = ["Search", "Studies", "Fabrics judged", "Hypervolume, mean", "least", "most"]
    rows = [
        [
            _text(one["label"]), str(len(one["studies"])), ", ".join(map(str, one["judged"])),
            _number(sum(one["last"]) / len(one["last"])), _number(min(one["last"])), _number(max(one["last"])),
        ]
        for one in facts["series"]
    ]  # fmt: skip
    table = _section("searches", "Searches", _table("Hypervolume at the end", head, rows))
    title = "Hypervolume of several studies"
    stamp = f'<header><p class="stamp">thermofab · explore</p><h1>{title}</h1></header>'
    body = stamp + "<main>" + _volume({**facts, "overlay": facts}) + table + "</main>"
    return _document(title, body, {"overlay": facts}, _OVERLAY_SCRIPTS)


def _document(title: str, body: str, shown: Mapping[str, Any], scripts: Sequence[str]) -> str:
    folder = files("thermofab.apps.explore.report")
    script = "\n".join(folder.joinpath(name).read_text() for name in scripts)
    # "</" would end the script element.
    data = json.dumps(shown, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{_text(title)}</title>'
        f"<style>{STYLE}{_MORE}</style></head>\n"
        f'<body>{body}<script type="application/json" id="data">{data}</script>'
        f"<script>{script}</script></body></html>\n"
    )


def _shown(facts: dict[str, Any]) -> dict[str, Any]:
    """What the scripts read: without sites, which the maps hold, and no more digits than can be seen."""
    kept = ("points", "objectives", "measures", "hypervolume", "winners", "maps", "overlay")
    rows = [
        {key: value for key, value in row.items() if key not in ("copies", "key", "seconds")}
        | {"curves": {name: _rounded(curve) for name, curve in row["curves"].items()}}
        for row in facts["rows"]
    ]
    more = {"rows": rows, "columns": COLUMNS, "name": facts["study"]["name"], "colours": node_colours(_COLOURS)}
    return {key: facts[key] for key in kept} | more


def _rounded(curve: list[list[float]]) -> list[list[float]]:
    return [[float(f"{x:.4g}"), float(f"{y:.4g}")] for x, y in curve]


def _text(value: object) -> str:
    return html.escape(str(value))


def _section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{title}</h2>{body}</section>'


def _number(value: float | None) -> str:
    """Four figures; large ones by a power of ten."""
    if value is None:
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{float(f'{value:.4g}'):,.10g}"
    digits, power = f"{value:.2e}".split("e")
    return f"{digits}·10{str(int(power)).translate(_HIGH)}"


def _table(caption: str, head: list[str], rows: list[list[str]]) -> str:
    # Columns of fabrics, which are buttons, are text; all others but the first are numbers.
    named = [any(row[k].startswith("<button") for row in rows) for k in range(len(head))]
    kinds = [' class="name"' if one else "" for one in named]
    top = "".join(f'<th scope="col"{kind}>{cell}</th>' for cell, kind in zip(head, kinds))
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row[1:], kinds[1:]))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(caption)}"><table><caption><span>'
        f"{_text(caption)}</span></caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _head(facts: dict[str, Any], title: str) -> str:
    points = facts["points"]
    feasible = sum(one["values"] is not None for one in points)
    cards = [
        ("Fabrics", len(points), f"{feasible} run every workload"),
        ("Workloads", len(facts["about"]), ", ".join(facts["about"])),
        ("On the front", sum(one["front"] for one in points), _objectives(facts)),
        ("Judging took", _time(facts["seconds"]), "of one process, all records together"),
    ]
    shown = "".join(f"<div><dt>{a}</dt><dd>{b}</dd><dd class='small'>{_text(c)}</dd></div>" for a, b, c in cards)
    stamp = '<p class="stamp">thermofab · explore</p>'
    return f'<header>{stamp}<h1>{_text(title)}</h1><dl class="cards">{shown}</dl></header>'


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def _objectives(facts: Mapping[str, Any]) -> str:
    """The objectives in words."""
    wanted = (name.partition(":")[::2] for name in facts["objectives"])
    return ", ".join(f"{_SENSES[sense]} {label_of(measure)}" for sense, measure in wanted)


_PLOT = _section(
    "front",
    "Points and front",
    '<div class="tools"><label>Workload <select id="workload"></select></label>'
    '<label>x <select id="x"></select></label><label>y <select id="y"></select></label>'
    '<label>Family <select id="family"></select></label><label>Architecture <select id="architecture"></select></label>'
    '<label>Standing <select id="standing"></select></label><label>Name has <input id="words" size="14"></label></div>'
    '<ul class="legend" id="kinds" aria-label="Marks"></ul>'
    '<div class="stage"><svg id="plot" role="group" aria-label="Two measures of every fabric; arrow keys go from mark '
    'to mark, Enter selects"></svg><div id="tip" role="status" hidden></div></div>'
    '<p class="note"><span id="count" aria-live="polite"></span> Ringed: on the front of the study, over all workloads '
    "and objectives. Broken line: the front of the two measures shown. Marks: point, click, or go by arrow keys and "
    "Enter.</p>",
)
_SELECTED = _section(
    "selected",
    "The selected fabric",
    '<div class="tools"><label>Fabric <select id="fabric"></select></label></div><p class="note" id="fabric-said"></p>'
    '<div class="scroll heads" tabindex="0" role="region" aria-label="Records of the selected fabric">'
    '<table id="fabric-rows"></table></div><h3>Where the programs sit</h3><div class="maps" id="fabric-maps"></div>'
    '<h3>How they mix</h3><div id="fabric-curves"></div>',
)
_WON = _section(
    "won",
    "Winners: maps and curves",
    '<p class="note">A colour and a number are a node; thick lines join its copies, thin ones nodes that are coupled, '
    'and grey sites are idle. Where a torus was cut, short ends show lines that go round.</p><div class="maps" '
    'id="winner-maps"></div><div id="winner-curves"></div>',
)
_TABLE = _section(
    "table",
    "All records",
    '<p class="note">Click a heading to sort, a name to select. The letter behind a number is its standing: m '
    "measured, f from a fitted or derived model, q quoted, e enumerated, p predicted, b bounded, c counted; point at "
    'the number for its source. <span id="table-count" aria-live="polite"></span></p>'
    '<div class="scroll high" tabindex="0" role="region" aria-label="Table of all records"><table id="records"></table>'
    "</div>",
)


def _winners(facts: dict[str, Any]) -> str:
    rows = [
        [
            _text(one["workload"]), _button(one["first"]), _number(one["value"]), _number(one["tv"]),
            _number(one["ess_per_sweep"]), _number(one["clocks_per_sweep"]), _number(one["lut4"]),
            _button(one["second"]), _number(one["second_value"]), _button(one["general"]),
            _number(one["general_value"]),
        ]
        for one in facts["winners"]
    ]  # fmt: skip
    head = [
        "Workload", "Fabric", "samples/s/kLUT", "TV", "ESS per sweep", "clocks per sweep", "LUT4",
        "Next of another kind", "its rate", "Best for any program", "its rate",
    ]  # fmt: skip
    none = sorted(set(facts["about"]) - {one["workload"] for one in facts["winners"]})
    said = f"<p class='note'>No fabric with a TV of at most 0.02 for {_text(', '.join(none))}.</p>" if none else ""
    table = _table(
        "Most effective samples per second and thousand LUT4, of fabrics with a TV of at most 0.02", head, rows
    )
    table = table.replace('class="scroll"', 'class="scroll heads"')
    return _section("winners", "Per workload", table + said)


def _button(name: str | None) -> str:
    return "–" if name is None else f'<button data-fabric="{_text(name)}">{_text(name)}</button>'


def _volume(facts: Mapping[str, Any]) -> str:
    overlay = facts["overlay"]
    values = facts["reference"] if overlay is None else overlay["reference"]
    labels = [label_of(name.partition(":")[2]) for name in facts["objectives"]]
    reference = ", ".join(f"{label} {value:.3g}" for label, value in zip(labels, values))
    said = (
        ""
        if overlay is None
        else " Lines: means over studies that differ in their seeds; bands: least to most. A search that proposes a "
        "fabric again judges fewer, and its line goes on level."
    )
    return _section(
        "volume",
        "Hypervolume against trials",
        f'<div id="curve"></div><p class="note">Reference point: {_text(reference)}.{said}</p>',
    )


def _importance(facts: dict[str, Any]) -> str:
    found = facts["importance"]
    if not found:
        return ""
    names = sorted({name for shares in found.values() for name in shares})
    rows = [[_text(name), *(f"{shares.get(name, 0):.0%}" for shares in found.values())] for name in names]
    said = "<p class='note'>Functional ANOVA over a forest: how much of the differences a choice accounts for.</p>"
    return _section("importance", "What matters", _table("Importance", ["Choice", *map(_text, found)], rows) + said)


def _infeasible(facts: dict[str, Any]) -> str:
    rows = [
        [_text(row["name"]), _text(row["workload"]), _text(row["reason"])] for row in facts["rows"] if row["reason"]
    ]
    if not rows:
        return ""
    table = _table(f"{len(rows)} records", ["Fabric", "Workload", "Reason"], rows)
    table = table.replace("<td>", '<td class="text">')
    return _section("infeasible", "What does not run, and why", f"<details><summary>Show</summary>{table}</details>")


def _method(facts: dict[str, Any]) -> str:
    about = "".join(f"<li><strong>{_text(k)}</strong>: {_text(v)}.</li>" for k, v in facts["about"].items())
    said = (
        "<ul><li>TV: what a run shows of the distance from the distribution asked for (a lower bound without bias), or "
        "the predicted distance where it is marked p.</li><li>ESS: independent samples that averages of spins, of "
        "products of coupled spins and of categories are worth.</li><li>Per joule: updates of all sites at the DTCA "
        "model's or Z1's energy; no chip was measured.</li><li>LUT4, flip-flops, block RAM and clock are of an "
        "ECP5-85F: placed (m), or fitted with the error that the number's note states.</li></ul>"
    )
    study = _text(json.dumps(facts["study"], indent=1, ensure_ascii=False))
    return _section(
        "method", "How to read this",
        said + f"<ul>{about}</ul><details><summary>The study file</summary><pre class='scroll' tabindex='0' "
        f"role='region' aria-label='The study file'>{study}</pre></details>",
    )  # fmt: skip
