"""The report as HTML: sections, tables, inline pictures, light and dark, on screen and on paper; no other file."""

import html
from collections.abc import Iterable, Sequence

import numpy as np

from thermofab.apps.pages.style import STYLE
from thermofab.apps.trading.portfolio.report import pictures
from thermofab.apps.trading.portfolio.report.facts import Facts
from thermofab.apps.trading.portfolio.risk import RiskRow
from thermofab.apps.trading.portfolio.stress import CRASH
from thermofab.apps.trading.portfolio.stressed import Stressed

_STRONG = 0.05  # p below which a test is marked


def page(facts: Facts) -> str:
    """The whole document."""
    source = facts.source
    sections = [
        _section(facts, "risk", "Value at risk and expected shortfall", _risk(facts)),
        _section(facts, "paths", "The days ahead", _paths(facts)),
        _section(facts, "contributions", "What contributes", _contributions(facts)),
    ]
    if facts.stressed:
        sections.append(_section(facts, "stress", "Stress", "".join(map(_stress, facts.stressed)) + _STRESS_NOTE))
    sections.append(_section(facts, "together", "How assets move together", _together(facts)))
    if facts.rolling is not None:
        sections.append(_section(facts, "backtest", "Back-test", _backtest(facts)))
    sections += [
        _section(facts, "data", "Data: what was repaired, refused or left out", _data(facts)),
        _section(facts, "method", "How to read this", _METHOD),
    ]
    title = f"{source.name}: portfolio risk as of {source.as_of}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{_text(title)}</title><style>{STYLE}</style></head>\n'
        f"<body>{_head(facts)}<main>{''.join(sections)}</main>"
        "<footer>Nothing here is advice, and nothing here sends an order.</footer></body></html>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _stamp(facts: Facts) -> str:
    """What stands under every heading."""
    source = facts.source
    return (
        f"{source.name} · as of {source.as_of} · {source.days:,} days learnt from, {source.first} to {source.as_of} · "
        f"{len(facts.paths.returns):,} paths"
    )


def _section(facts: Facts, name: str, title: str, body: str) -> str:
    stamp = f'<p class="stamp">{_text(_stamp(facts))}</p>'
    return f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{title}</h2>{stamp}{body}</section>'


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], foot: Sequence[str] | None = None) -> str:
    """A table; cells are HTML. The first cell of a row is its heading."""

    def line(cells: Sequence[str]) -> str:
        return f'<tr><th scope="row">{cells[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in cells[1:]) + "</tr>"

    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    below = f"<tfoot>{line(foot)}</tfoot>" if foot else ""
    body = "".join(map(line, rows))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(caption)}"><table><caption>{_text(caption)}'
        f"</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody>{below}</table></div>"
    )


def _figure(name: str, picture: str, said: str, kind: str = "wide") -> str:
    """A picture that scrolls where the page is narrower; ``name`` is what a screen reader calls it."""
    return (
        f'<figure class="{kind}"><div class="scroll" tabindex="0" role="region" aria-label="{_text(name)}">{picture}'
        f"</div><figcaption>{_text(said)}</figcaption></figure>"
    )


def _share(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f}%".replace("-", "\N{MINUS SIGN}")


def _signed(value: float, digits: int = 2) -> str:
    shown = f"{100 * value:+.{digits}f}%"
    return shown.replace("-", "\N{MINUS SIGN}")


def _plain(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _head(facts: Facts) -> str:
    source, weights = facts.source, facts.weights
    row = _worst(facts)
    said = f"ES {row.level:.1%}, {_days(row.horizon)}"
    largest = max(row.contributions, key=lambda one: one.es)
    cards = [
        (
            f"VaR {row.level:.1%}, {_days(row.horizon)}",
            _share(row.var),
            f"{_share(row.var_low)} to {_share(row.var_high)}",
        ),
        (said, _share(row.es), f"{_share(row.es_low)} to {_share(row.es_high)}"),
        (
            "Largest contribution",
            _text(largest.symbol),
            f"{largest.es / row.es:.0%} of ES, {largest.share:.0%} of money",
        ),
        ("Saved by diversification", _share(row.diversified_es, 0), "of the sum of positions' ES"),
    ]
    if facts.rolling is not None:
        one = facts.rolling.coverage()[0]
        cards.append(
            (
                f"Days beyond VaR {one.level:.1%}", str(one.breaches),
                f"{one.expected:.1f} expected, Kupiec p {one.kupiec:.2f}",
            )
        )  # fmt: skip
    shown = "".join(f"<div><dt>{a}</dt><dd>{b}</dd><dd class='small'>{c}</dd></div>" for a, b, c in cards)
    held = ", ".join(f"{name} {_share(share, 1)}" for name, share in zip(weights.symbols, weights.shares.tolist()))
    cash = f", cash {_share(weights.cash, 1)}" if abs(weights.cash) > 5e-4 else ""
    model = "".join(f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in source.model.items())
    money = f"{weights.money:,.2f} held as" if weights.money != 1 else "Held:"
    return (
        f'<header><p class="stamp">thermofab · portfolio risk</p><h1>{_text(source.name)}</h1>'
        f'<p class="lead">As of <strong>{source.as_of}</strong>, learnt from {source.days:,} days, {source.first} to '
        f"{source.as_of}. {money} {_text(held)}{cash}.</p>"
        f'<dl class="cards">{shown}</dl><dl class="model">{model}</dl></header>'
    )


def _worst(facts: Facts) -> RiskRow:
    """The row that the head shows: the longest horizon, its level next to 2.5%."""
    longest = max(row.horizon for row in facts.rows)
    return min((row for row in facts.rows if row.horizon == longest), key=lambda row: abs(row.level - 0.025))


def _risk(facts: Facts) -> str:
    money = facts.weights.money
    head = ["Days", "Level", "VaR", "95% interval", "ES", "95% interval"]
    rows = []
    for row in facts.rows:
        cells = [
            str(row.horizon), f"{row.level:.1%}", _share(row.var), f"{_share(row.var_low)} to {_share(row.var_high)}",
            _share(row.es), f"{_share(row.es_low)} to {_share(row.es_high)}",
        ]  # fmt: skip
        if money != 1:
            cells += [f"{row.var * money:,.0f}", f"{row.es * money:,.0f}"]
        rows.append([*cells, _share(row.diversified_es, 0)])
    head += ["VaR, money", "ES, money"] if money != 1 else []
    longest = facts.paths.returns.shape[1]
    return (
        _table("Losses as shares of the money, positive", [*head, "Diversified"], rows)
        + f"<p>A loss of more than {_share(-facts.threshold, 1)} within {_days(longest)} has a probability of "
        f"{_share(facts.chance)}.</p>"
        f'<p class="note">Intervals are of the number of paths alone ({facts.rows[0].paths:,.0f} effective): of VaR '
        "between order statistics, of ES by its influence function. What the model does not know is not in them; the "
        "back-test speaks of that. Diversified: how far ES is below the sum of the positions' own.</p>"
    )


def _paths(facts: Facts) -> str:
    count, days, _ = facts.paths.returns.shape
    source = facts.source
    said = f"{count:,} paths of {_days(days)} from {source.as_of}. To the left, the newest days at today's positions."
    return _figure("Paths of the portfolio", pictures.portfolio_fan(facts), said) + _figure(
        "Paths of every asset",
        pictures.asset_fans(facts),
        f"The same paths asset by asset, simple returns from {source.as_of}; in titles the volatility of the next day. "
        "Shades as above.",
    )


def _contributions(facts: Facts) -> str:
    row = _worst(facts)
    shortest = min(one.horizon for one in facts.rows)
    first = min((one for one in facts.rows if one.horizon == shortest), key=lambda one: abs(one.level - row.level))
    shown = [first] if first is row else [first, row]
    drawn = "".join(pictures.contributions(one, f"held{k}", facts.source.as_of) for k, one in enumerate(shown))
    rows = [
        [
            _text(one.symbol), _share(one.share, 1), _share(one.var), _share(one.es),
            f"± {_share(1.96 * one.es_error)}", _share(one.es / row.es, 1), _share(one.alone_es),
            _signed(one.marginal_es / 100, 4),
        ]
        for one in row.contributions
    ]  # fmt: skip
    sums = [
        "Portfolio", _share(sum(one.share for one in row.contributions), 1),
        _share(sum(one.var for one in row.contributions)), _share(sum(one.es for one in row.contributions)), "",
        "100.0%", _share(sum(one.alone_es for one in row.contributions)), "",
    ]  # fmt: skip
    head = ["Position", "Share", "VaR part", "ES part", "95%", "of ES", "ES alone", "ES per 1% more"]
    return (
        f'<figure><div class="pair">{drawn}</div><figcaption>Shares of the money and of the expected shortfall; lines '
        f"are 95% intervals of the {row.paths:,.0f} paths.</figcaption></figure>"
        + _table(f"At {row.level:.1%} over {_days(row.horizon)}; shares of the money", head, rows, sums)
        + '<p class="note">Parts are by Euler\'s theorem and sum to the whole; a negative one lowers risk. The last '
        "column is what a position larger by 1% of the money, borrowed, adds to ES.</p>"
    )


_STRESS_NOTE = (
    '<p class="note">Beside what the fabric samples are the data\'s own such days, standardised by their volatility '
    "and set to the next day's, with 95% intervals of their number, and a static t copula fitted to the same days. A "
    f"crash is a day below the asset's own {CRASH:.0%} quantile: {CRASH:.0%} of all days.</p>"
)


def _stress(one: Stressed) -> str:
    absent = "–"
    rows = []
    for k, symbol in enumerate(one.symbols):
        data = [absent, absent]
        if one.data_means is not None and one.data_crashes is not None:
            share = float(one.data_crashes[k])
            error = 1.96 * (share * (1 - share) / one.days) ** 0.5
            data = [_signed(one.data_means[k]), f"{_share(share, 1)} ± {_share(error, 1)}"]
        crashes = [_share(one.crashes[k], 1), data[1], _share(one.copula_crashes[k], 1)]
        rows.append([_text(symbol), _signed(one.means[k]), data[0], *crashes])
    profit = absent if one.data_profit is None else _signed(one.data_profit)
    rows.append(["<strong>Portfolio</strong>", _signed(one.profit), profit, "", "", ""])
    head = ["Next day", "Mean, sampled", "Mean, data", "Crash, sampled", "Crash, data", "Crash, t copula"]
    caption = (
        f"{one.condition} (probability {_share(one.probability, 1)}): {one.effective:,.0f} effective of {one.draws:,} "
        f"draws, {one.days:,} days of the data"
    )
    several = _share(one.together[2:].sum(), 1)
    beside = "" if one.data_together is None else f" (data {_share(one.data_together[2:].sum(), 1)})"
    return (
        _table(caption, head, rows)
        + f"<p>Given this the portfolio's ES at 5% is {_share(one.shortfall)} of the money over the day; two or more "
        f"of the other assets crash with a probability of {several}{beside}.</p>"
        f'<p class="note">{_text(one.how)}.</p>'
    )


def _together(facts: Facts) -> str:
    found, symbols = facts.correlations, facts.paths.symbols
    apart = np.abs(found.sampled - found.all_days)
    i, j = np.unravel_index(int(np.argmax(apart)), apart.shape)
    rows = [
        [f"{_text(symbols[a])}, {_text(symbols[b])}"]
        + [_plain(values[a, b]) for values in (found.all_days, found.recent, found.sampled)]
        for a in range(len(symbols)) for b in range(a + 1, len(symbols))
    ]  # fmt: skip
    said = (
        f"Rank correlations of daily returns in units of their volatility. Widest apart, all days against sampled: "
        f"{symbols[i]} and {symbols[j]}, {found.all_days[i, j]:.2f} against {found.sampled[i, j]:.2f}."
    )
    table = _table("Rank correlations", ["Pair", "All days", f"Last {found.recent_days}", "Sampled"], rows)
    spread = _table(
        "Volatility a year",
        ["Asset", "Next day", "Mean of the days learnt from"],
        [
            [_text(name), _share(now, 1), _share(mean, 1)]
            for name, now, mean in zip(symbols, facts.volatilities[0].tolist(), facts.volatilities[1].tolist())
        ],
    )
    return (
        _figure("Correlations", pictures.heat_maps(facts), said)
        + f"<details><summary>The same as a table</summary>{table}</details>"
        + f'<div class="short">{spread}</div>'
    )


def _p(value: float) -> str:
    shown = f"{value:.3f}" if value >= 5e-4 else "&lt; 0.001"
    return f'<span class="bad">{shown}</span>' if value < _STRONG else shown


def _backtest(facts: Facts) -> str:
    rolling = facts.rolling
    assert rolling is not None
    n = len(rolling.dates)
    rows = [
        [
            f"{one.level:.1%}", str(one.breaches), f"{one.expected:.1f}", _share(one.breaches / n), _p(one.kupiec),
            _p(one.christoffersen), "–" if one.loss is None else _share(one.loss),
            "–" if one.shortfall is None else _share(one.shortfall),
        ]
        for one in rolling.coverage()
    ]  # fmt: skip
    head = ["Level", "Beyond", "Expected", "Share", "Kupiec p", "Christoffersen p", "Mean loss beyond", "ES forecast"]
    learnt = f"Parameters were fitted once, on the days before {rolling.dates[0]}; filters go on day by day."
    return (
        _figure(
            "Days of the back-test",
            pictures.backtest(rolling, facts.source.name),
            f"Today's weights on each of {n:,} days, {rolling.draws:,} draws a day. {learnt}",
        )
        + _table(f"{n:,} days, {rolling.dates[0]} to {rolling.dates[-1]}", head, rows)
        + _figure(
            "Where days fell in their forecasts",
            pictures.pits(rolling),
            "Level where forecasts are right; grey, where 95% of bars fall then.",
            "narrow",
        )
        + f'<p class="note">A p below {_STRONG} is marked: coverage as far off would come up by chance that often. '
        f"{n:,} days tell little of 1%: {0.01 * n:.1f} are expected beyond it.</p>"
    )


def _data(facts: Facts) -> str:
    notes = "".join(f"<li>{_text(note)}</li>" for note in facts.source.notes)
    said = f"<ul>{notes}</ul>" if notes else "<p>Nothing: prices were taken as they stand.</p>"
    return said + (
        f"<p>{len(facts.paths.symbols)} assets, {_text(', '.join(facts.paths.symbols))}; {facts.source.days:,} daily "
        f"log returns between days that all of them have, {facts.source.first} to {facts.source.as_of}.</p>"
    )


_METHOD = (
    "<ul><li>VaR at 1% is the loss that is passed with a probability of 1%, ES the mean loss where it is passed.</li>"
    "<li>Positions are bought at the as-of day's close and held: no rebalancing within a horizon, no cost, no interest "
    "on cash.</li><li>Each asset's volatility comes from its own filter; standardised returns are sampled jointly on "
    "the fabric, decoded, and drive the filters on every path.</li><li>Horizons beyond a day are simulated; the "
    "back-test is of one day.</li><li>The same prices, weights and seed give the same report.</li></ul>"
)
