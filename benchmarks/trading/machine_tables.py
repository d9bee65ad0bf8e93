"""Tables of docs/portfolio.md, from docs/results/trading_portfolio_machine.json."""

from typing import Any

from page_tables import results

from thermofab.apps.strategy.tables import table

KINDS = {"static": "static", "state": "state-clamped", "daily": "reprogrammed daily"}


def kept() -> dict[str, Any]:
    return results("trading_portfolio_machine")


def signed(gain: dict[str, float]) -> list[str]:
    p = "< .001" if gain["p"] < 0.001 else f"{gain['p']:.3f}".lstrip("0")
    return [f"{gain['mean']:+.4f} ± {gain['error']:.4f}", p]


def scores() -> str:
    """Gains of log-score a day."""
    found = kept()
    head = ["", "over the t copula, nats per day", "p, one-sided", "over DCC-t"]
    rows = [[name, *signed(found["kinds"][kind]["over_t"]), signed(found["kinds"][kind]["over_dcc"])[0]]
            for kind, name in KINDS.items()]  # fmt: skip
    rows.append(["DCC-t", *signed(found["dcc_over_t"]), ""])
    return table(head, rows)


def fabric() -> str:
    """What the fabric is, how true, how fast."""
    found = [kept()["kinds"][kind] for kind in KINDS]

    def row(name: str, key: str, form: str) -> list[str]:
        return [name, *(format(one[key], form) if key in one else "" for one in found)]

    def rate(name: str, device: str) -> list[str]:
        rates = [one["draws_per_second"].get(device) for one in found]
        return [name, *("" if one is None else f"{one:,.0f}" for one in rates)]

    worst = ["smallest p of χ²", *(f"{min(one['p'] for one in kind['chi2']):.2f}" for kind in found)]
    return table(
        ["", *KINDS.values()],
        [
            row("sites", "sites", "d"), row("factors", "factors", "d"), row("market bits", "market_bits", "d"),
            row("cycles per sweep", "cycles_per_sweep", "d"), row("KL, nats", "kl", ".1e"),
            row("TV", "tv", ".4f"), worst,
            row("autocorrelation, sweeps", "autocorrelation_sweeps", ".1f"),
            row("sweeps per draw", "sweeps_per_draw", "d"), row("sweeps per draw, THRML", "thrml_sweeps", "d"),
            rate("draws per second, native", "native"), rate("draws per second, JAX", "jax"),
            rate("draws per second, THRML", "thrml"),
            row("a day's projection, ms", "projection_ms", ".0f"), row("reprogramming, ms", "reprogramming_ms", ".0f"),
            row("fit, s", "fit_seconds", ".0f"),
        ],
    )  # fmt: skip


def lost() -> str:
    """What factors of six sites cost."""
    found = kept()
    return (
        f"Against full tables made for every setting alone, which are seven sites, the fabric's differ by a KL of "
        f"{found['lost_to_factors']:.4f} nats per day on average over the days learnt from."
    )


def stress() -> str:
    """Co-crash probabilities by level."""
    rows = []
    for level in kept()["stress"]:
        for k, one in enumerate(level["assets"][1:]):
            past = "" if one["crash_past"] is None else f"{one['crash_past']:.3f}"
            name = f"below {level['level']:.1%}" if not k else ""
            worth = f"{level['effective']:,.0f} of {level['draws']:,}" if not k else ""
            days = f"{level['days']}" if not k else ""
            rows.append([name, one["symbol"], f"{one['crash']:.3f}", f"{one['crash_copula']:.3f}", past, days, worth])
    return table(["condition", "asset", "P(below its 5%)", "t copula", "past days", "of them", "effective draws"], rows)


TABLES = {
    "portfolio machine scores": scores,
    "portfolio machine fabric": fabric,
    "portfolio machine factors": lost,
    "portfolio machine stress": stress,
}
