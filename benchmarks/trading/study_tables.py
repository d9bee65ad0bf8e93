"""Tables of docs/portfolio-study.md, from docs/results/trading_portfolio.json, and of earlier eras' log-scores from
trading_portfolio_early.json."""

from typing import Any

from page_tables import results

from thermofab.apps.strategy.tables import table

STATIC, DYNAMIC = "t copula", "DCC-t"


def study() -> dict[str, Any]:
    return results("trading_portfolio")


def eras() -> dict[str, Any]:
    """All eras by time; those of which log-scores alone were taken come first."""
    try:
        early = results("trading_portfolio_early")["eras"]
    except FileNotFoundError:
        early = {}
    return {era: part for era, part in early.items() if era != "all"} | study()["eras"]


def named(era: str) -> str:
    return "all eras" if era == "all" else era


def chance(p: float) -> str:
    """A p-value."""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 1 else "1"


def setting() -> str:
    kept = study()
    plan = kept["plan"]
    eras = "; ".join(f"{era} {part['days']:,}" for era, part in kept["eras"].items() if era != "all")
    left = " ".join(kept["notes"]) or "Nothing was repaired or left out."
    return (
        f"{', '.join(kept['symbols'])}, returns of {kept['first']} to {kept['last']}; days forecast: {eras}; refitted "
        f"every January to all days up to {plan['purge']} before; {plan['samples']:,} draws per day, {plan['paths']:,} "
        f"over ten days; machines on `{kept['device']}`. {left} {kept['minutes']:.0f} minutes on {kept['machine']}."
    )


def logs() -> str:
    """The t copula's mean log-score by era, and the others' gains over it."""
    kept = eras()
    rows = []
    for name in next(iter(study()["eras"].values()))["log score"]:
        row = [name]
        for part in kept.values():
            gain = part["gains"][STATIC]["gains"].get(name)
            row.append(f"{gain['mean']:+.3f} ({chance(gain['p'])})" if gain else f"{part['log score'][name]:.3f}")
        rows.append(row)
    return table(["model", *map(named, kept)], rows)


def significance() -> str:
    """What is left of gains when the number of variants is counted."""
    kept = study()
    lines = []
    for era, part in eras().items():
        for against in (STATIC, DYNAMIC):
            found = part["gains"][against]
            for name in kept["machines"]:
                gain = found["gains"][name]
                lines.append(
                    [
                        named(era), name, against, f"{gain['mean']:+.4f} ± {gain['error']:.4f}", chance(gain["p"]),
                        chance(gain["holm"]), f"{gain['deflated']:+.4f}", f"{gain['probability']:.3f}",
                    ]
                )  # fmt: skip
    tried = next(iter(kept["eras"].values()))["gains"][STATIC]["tried"]
    spa = "; ".join(f"{named(era)} {chance(part['gains'][DYNAMIC]['spa'])}" for era, part in eras().items())
    head = ["era", "machine", "against", "gain, nats per day", "p", "Holm", "deflated", "beyond luck"]
    return (
        table(head, lines)
        + f"\n\nVariants counted: {tried}, of which {kept['tried_before']} before this table. "
        + f"Hansen's p that no model is better than DCC-t: {spa}."
    )


def vector(horizon: str) -> str:
    """Energy and variogram scores as ratios to DCC-t's."""
    kept = study()["eras"]
    drawn = [era for era in kept if kept[era]["vector"]]
    eras = [era for era in drawn if era != "all"][-1:] + [era for era in drawn if era == "all"]
    head = ["model"]
    for era in eras:
        head += [f"energy, {named(era)}", "variogram ½", "variogram 1"]
    rows = []
    for name in kept[eras[0]]["vector"][horizon]:
        row = [name]
        for era in eras:
            own, peer = kept[era]["vector"][horizon][name], kept[era]["vector"][horizon][DYNAMIC]
            for kind in ("energy", "variogram_half", "variogram_one"):
                if name == DYNAMIC:
                    row.append(f"{own[kind]:.4g}")
                else:
                    row.append(f"{own[kind] / peer[kind] - 1:+.2%} ({chance(own[f'{kind} p'])})")
        rows.append(row)
    return table(head, rows)


def conditional(name: str) -> str:
    """Gains over the t copula on days that one asset or the state picks out, over the eras of docs/results/``name``."""
    kept = results(name)
    part = list(kept["eras"].values())[-1]
    names = [DYNAMIC, *kept["machines"]]
    rows = []
    for label, found in part["conditional"].items():
        cells = [found["gains"].get(name) for name in names]
        rows.append([label, str(found["days"]), *(f"{c['mean']:+.3f} ({chance(c['p'])})" if c else "" for c in cells)])
    first, last = (era.split("-") for era in (list(kept["eras"])[0], [era for era in kept["eras"] if era != "all"][-1]))
    return table([f"days, {first[0]}-{last[1]}", "number", *names], rows)


def risk(horizon: str) -> str:
    """Breaches and Kupiec's p at every level of equal weights and of the long-short, over all eras of which forecasts
    were drawn, or the last."""
    kept = study()
    part = [part for part in kept["eras"].values() if part["risk"]][-1]
    portfolios = list(part["risk"][horizon])
    chosen = [portfolios[0], portfolios[-1]]
    head = ["model"]
    for portfolio in chosen:
        for level in kept["plan"]["levels"]:
            head.append(f"{portfolio}, {level:.1%}")
    rows = []
    for name in part["risk"][horizon][chosen[0]]:
        row = [name]
        for portfolio in chosen:
            row += [
                f"{one['breaches']:.2%} ({chance(one['kupiec'])})" for one in part["risk"][horizon][portfolio][name]
            ]
        rejected = [one["kupiec"] < 0.05 for by in part["risk"][horizon].values() for one in by[name]]
        row.append(f"{sum(rejected)} of {len(rejected)}")
        row.append(f"{part['risk'][horizon][portfolios[0]][name][0]['fz0']:.3f}")
        rows.append(row)
    return table([*head, "rejected", "FZ0, equal, 1%"], rows)


def bars() -> str:
    kept = study()
    rows = [[row["bar"], row["found"], "met" if row["met"] else "**missed**"] for row in kept["bars"]]
    return table([f"bar, {kept['judged on']}", "found", ""], rows)


TABLES = {
    "portfolio setting": setting,
    "portfolio log-scores": logs,
    "portfolio significance": significance,
    "portfolio vector, 1 day": lambda: vector("1"),
    "portfolio vector, 10 days": lambda: vector("10"),
    "portfolio conditional": lambda: conditional("trading_portfolio"),
    "portfolio conditional, early": lambda: conditional("trading_portfolio_early"),
    "portfolio risk, 1 day": lambda: risk("1"),
    "portfolio risk, 10 days": lambda: risk("10"),
    "portfolio bars": bars,
}
