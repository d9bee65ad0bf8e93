"""The tables of docs/profile.md and docs/variation.md, from docs/results/profile_*.json.

python benchmarks/profile/page.py
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from page_tables import fill, results

from thermofab.apps.profile.builtin import BUILTIN
from thermofab.apps.strategy.tables import table


def _number(value: float | None, digits: str = ".3g") -> str:
    return "" if value is None else f"{value:{digits}}"


def _methods(name: str) -> Callable[[], str]:
    def make() -> str:
        found = results("profile_methods")["programs"][name]
        head = [
            "method", "samples/s", "effective/s", "±", "cold s", "of it compiling", "peak MiB", "TV",
            "TV of exact draws",
        ]  # fmt: skip
        rows = []
        ran = [row for row in found["rows"] if not row["left_out"]]
        for row in sorted(ran, key=lambda row: -row["effective_per_second"]):
            q, timed = row["quality"], row["standing"] == "measured"
            cold = row["prepare_seconds"] + row["first_seconds"]
            rows.append(
                [
                    row["method"], _number(row["samples_per_second"]), _number(row["effective_per_second"]),
                    f"{row['spread']:.0%}" if timed else "modelled", _number(cold, ".2g") if timed else "",
                    _number(row["compile_seconds"], ".2g") if timed else "", _number(row["peak_mib"], ".0f"),
                    _number(q["tv"], ".4f"), f"{q['tv_least']:.4f} to {q['tv_most']:.4f}",
                ]
            )  # fmt: skip
        left = [f"{row['method']}: left out, {row['left_out']}" for row in found["rows"] if row["left_out"]]
        setting = found["setting"]
        said = (
            f"{found['said'][0].upper()}{found['said'][1:]}. {setting['chains']} chains of up to {setting['samples']} "
            f"samples, {setting['steps']} sweep apart, after {setting['warmup']} sweeps."
        )
        return "\n\n".join([said, table(head, rows), *left])

    return make


def _claims() -> str:
    programs = results("profile_methods")["programs"]
    claims = [claim["claim"] for claim in programs["spin-glass"]["claims"]]
    found = {
        name: {claim["claim"]: claim["found"].partition(" (")[0] for claim in program["claims"]}
        for name, program in programs.items()
    }
    return table(
        ["claim", *programs], [[claim, *(found[name].get(claim, "") for name in programs)] for claim in claims]
    )


def _tolerances() -> str:
    found = results("profile_variation")
    apps = found["applications"]
    head = ["deviation", "tried", *apps, "all of them"]
    rows = []
    for k, (name, kind) in enumerate(found["kinds"].items()):
        tried_by = [application["rows"][k] for application in apps.values()]
        # The one that bears least: amounts come from gentle to harsh, and what bears none comes first.
        order = kind["amounts"]
        strictest = min(tried_by, key=lambda row: -1 if row["borne"] is None else order.index(row["borne"]))
        cells = [_borne(row) for row in (*tried_by, strictest)]
        tried = f"{kind['amounts'][0]:g} to {kind['amounts'][-1]:g} {kind['unit']}".strip()
        rows.append([f"{name}: {kind['said']}", tried, *cells])
    together = [application["together"] for application in apps.values()]
    rows.append(["together: all of these amounts at once, times", _factors(found), *map(_factor, together), ""])
    return table(head, rows)


def _factors(found: dict[str, Any]) -> str:
    return f"{found['factors'][0]:g} to {found['factors'][-1]:g}"


def _factor(row: dict[str, Any]) -> str:
    return f"below {row['refused']:g}" if row["borne"] is None else f"{row['borne']:g}"


def _borne(row: dict[str, Any]) -> str:
    if row["borne"] is None:
        return f"below {row['refused']:g}" if row["kind"] != "weight bits" else "8"
    return f"{row['borne']:g}" + ("" if row["refused"] is not None else " (all)")


def _applications() -> str:
    found = results("profile_variation")
    rows = [
        [name, a["said"], f"{a['base']:.3g} ± {a['base_error']:.1g}", f"{a['allowed']:g} {a['unit']}"]
        for name, a in found["applications"].items()
    ]
    return table(["application", "loss", "without deviations", "more that is allowed"], rows)


def _losses() -> str:
    found = results("profile_variation")
    rows = []
    for name, application in found["applications"].items():
        for row in [*application["rows"], application["together"]]:
            last = row["points"][-1]
            rows.append(
                [
                    f"{name}, {row['kind']}", f"{last['amount']:g}", f"{last['more']:+.3g} ± {last['error']:.1g}",
                    f"{last['worst']:+.3g}", f"{application['allowed']:g}",
                ]
            )  # fmt: skip
    return table(["application, deviation", "harshest run", "loss beyond the exact fabric's", "worst", "allowed"], rows)


TABLES = {
    **{f"methods-{name}": _methods(name) for name in BUILTIN},
    "claims": _claims,
    "applications": _applications,
    "tolerances": _tolerances,
    "losses": _losses,
}

if __name__ == "__main__":
    fill(["profile.md", "variation.md"], TABLES)
