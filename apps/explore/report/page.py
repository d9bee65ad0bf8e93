"""The page: a Pareto plot that can be hovered and filtered, a table that can be sorted, no other file."""

import html
import json
from importlib.resources import files
from typing import Any

from thermofab.apps.trading.portfolio.report.style import STYLE

# Measures of the table, in order.
COLUMNS = (
    "sites", "fabric_sites", "degree", "tv", "reported_tv", "tau", "ess_per_sweep", "clocks_per_sweep", "ess_per_cycle",
    "ess_per_second", "ess_per_klut_second", "ess_per_joule_dtca", "ess_per_joule_z1", "lut4", "flip_flops",
    "block_ram", "megahertz", "fits_ecp5_85",
)  # fmt: skip
_MORE = """
.tools { display: flex; flex-wrap: wrap; gap: .6rem 1rem; font-size: .85rem; margin: .6rem 0; }
select, input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--edge);
  border-radius: 6px; padding: .15rem .3rem; }
#plot { width: 100%; height: auto; display: block; } #plot text { font-size: 12px; fill: var(--quiet); }
#tip { min-height: 3.2em; font-size: .85rem; color: var(--ink); }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
td small { color: var(--quiet); } td.text { text-align: left; white-space: normal; min-width: 16rem; }
header, main, footer { max-width: 76rem; }
"""


def page(facts: dict[str, Any]) -> str:
    """The whole document."""
    script = files("thermofab.apps.explore.report").joinpath("page.js").read_text()
    shown = {key: facts[key] for key in ("rows", "points", "objectives", "hypervolume", "reference")}
    # "</" would end the script element.
    data = json.dumps(shown | {"columns": COLUMNS}, allow_nan=False).replace("</", "<\\/")
    title = f"{facts['study']['name']}: which fabric should be built?"
    body = _head(facts, title) + "<main>" + _PLOT + _winners(facts) + _volume(facts) + _importance(facts)
    body += _infeasible(facts) + _TABLE + _method(facts) + "</main>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{_text(title)}</title>'
        f"<style>{STYLE}{_MORE}</style></head>\n"
        f'<body>{body}<script type="application/json" id="data">{data}</script>'
        f"<script>{script}</script></body></html>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{title}</h2>{body}</section>'


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _table(caption: str, head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(caption)}"><table><caption>{_text(caption)}'
        f"</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _head(facts: dict[str, Any], title: str) -> str:
    points = facts["points"]
    feasible = sum(one["values"] is not None for one in points)
    cards = [
        ("Fabrics", len(points), f"{feasible} run every workload"),
        ("Workloads", len(facts["about"]), ", ".join(facts["about"])),
        ("On the front", sum(one["front"] for one in points), ", ".join(facts["objectives"])),
        ("Judging took", f"{facts['seconds'] / 60:.1f} min", "of one process, all records together"),
    ]
    shown = "".join(f"<div><dt>{a}</dt><dd>{b}</dd><dd class='small'>{_text(c)}</dd></div>" for a, b, c in cards)
    stamp = '<p class="stamp">thermofab · explore</p>'
    return f'<header>{stamp}<h1>{_text(title)}</h1><dl class="cards">{shown}</dl></header>'


_PLOT = _section(
    "front",
    "Points and front",
    '<div class="tools"><label>Workload <select id="workload"></select></label>'
    '<label>x <select id="x"></select></label>'
    '<label>y <select id="y"></select></label><label>Architecture <select id="architecture"></select></label>'
    '<label>Name has <input id="words" size="14"></label></div>'
    '<svg id="plot" viewBox="0 0 900 420" role="img" aria-label="Two measures of every fabric, both logarithmic"></svg>'
    '<p id="tip" aria-live="polite">Point at a mark for its numbers.</p>',
)
_TABLE = _section(
    "table",
    "All records",
    '<p class="note">Click a heading to sort. The letter behind a number is its standing: m measured, f from a fitted '
    "or derived model, q quoted, e enumerated, p predicted, b bounded, c counted.</p>"
    '<div class="scroll" tabindex="0" role="region" aria-label="All records"><table id="records"></table></div>',
)


def _winners(facts: dict[str, Any]) -> str:
    rows = [
        [
            _text(one["workload"]), _text(one["first"]), _number(one["value"]), _number(one["tv"]),
            _number(one["ess_per_sweep"]), _number(one["clocks_per_sweep"]), _number(one["lut4"]),
            _text(one["second"] or "–"), _number(one["second_value"]),
        ]
        for one in facts["winners"]
    ]  # fmt: skip
    head = [
        "Workload",
        "Most per kLUT",
        "samples/s/kLUT",
        "TV",
        "ESS a sweep",
        "clocks a sweep",
        "LUT4",
        "next kind",
        "",
    ]
    return _section(
        "winners", "Per workload", _table("Most effective samples per second and kLUT, TV ≤ 0.02", head, rows)
    )


def _volume(facts: dict[str, Any]) -> str:
    reference = ", ".join(f"{name} {value:.3g}" for name, value in zip(facts["objectives"], facts["reference"]))
    return _section(
        "volume",
        "Hypervolume against trials",
        '<svg id="curve" viewBox="0 0 900 220" role="img" aria-label="Hypervolume after every fabric judged"></svg>'
        f'<p class="note">In decades of every objective multiplied; reference point: {_text(reference)}.</p>',
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
        said + f"<ul>{about}</ul><details><summary>The study file</summary><pre class='scroll'>{study}</pre></details>",
    )  # fmt: skip
