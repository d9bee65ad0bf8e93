"""The demo's page: what was shown, pictures, and every number with what it means. One file that needs no other."""

import html
from collections.abc import Sequence

from thermofab.apps.demo import pictures
from thermofab.apps.demo.facts import NOMINAL_FALSE_ALARM, Facts
from thermofab.apps.pages.style import STYLE

_MORE = """
.verdict { border-left: 6px solid var(--accent); }
.failed { border-left-color: var(--bad); }
td { text-align: left; white-space: normal; } td.figure { text-align: right; white-space: nowrap; }
pre { overflow-x: auto; font-size: .82rem; line-height: 1.45; }
code { overflow-wrap: anywhere; }
figure.map svg { max-width: 38rem; min-width: 26rem; margin: 0 auto; }
@media (max-width: 560px) { th[scope="row"] { white-space: normal; min-width: 6rem; } th, td { vertical-align: top; } }
"""

_DEVICES = {"rtl": "the fabric's own RTL", "rtl-cxxrtl": "the fabric's own RTL"}
_Row = tuple[str, str, str]


def page(facts: Facts) -> str:
    """The HTML page."""
    report, topology = facts.program.report, facts.program.fabric.topology
    cards = [
        ("Site states that differ", f"{facts.differing:,}", f"of {facts.compared:,}, jax against {facts.device}"),
        ("Distance to the exact distribution", f"{facts.tv:.4f}", f"about {facts.floor:.4f} is sampling error"),
        ("The same of THRML's sampler", f"{facts.tv_thrml:.4f}", "total variation, 0 to 1"),
        ("Distance before sampling", _tv(report.end_to_end_tv), f"{report.end_to_end.standing}: rounding and table"),
    ]
    shown = "".join(f"<div><dt>{a}</dt><dd>{b}</dd><dd class='small'>{_text(c)}</dd></div>" for a, b, c in cards)
    verdict = "The run passed." if facts.passed else "The run FAILED."
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>thermofab: one program, the same bits everywhere</title><style>{STYLE}{_MORE}</style></head>
<body>
<header><p class="stamp">thermofab · demo</p>
<h1>One program, the same bits everywhere</h1>
<p class="lead">A THRML program, a spin glass of {report.nodes} nodes, was compiled for the fabric
<strong>{_text(topology.name)}</strong> of {topology.n_sites} p-bits, and sampled by a JAX simulator and by
{_DEVICES.get(facts.device, "the device")} ({_text(facts.device)}). Every state of every site was compared, and the
samples with the distribution that the program stands for, enumerated state by state.</p>
<dl class="cards">{shown}</dl></header>
<main>
<section class="verdict{"" if facts.passed else " failed"}"><h2>{verdict}</h2><p>{_text(facts.verdict)}</p>
<p class="small">It fails if one state differs, or if the distance exceeds {
        facts.allowance:.4f}: what sampling explains,
what the compiler predicts, and a margin that independent samples would exceed once in
{1 / NOMINAL_FALSE_ALARM:,.0f} runs.</p></section>
{
        _section(
            "The program on the fabric",
            "map",
            pictures.fabric_map(facts),
            "A site is a p-bit. Numbered sites hold the program's nodes; a site's colour is how often its spin is +1. "
            "A node on several sites is joined by bands; it is read at the site with the heavy rim.",
        )
    }
{
        _section(
            "Is it the right distribution?",
            "wide",
            pictures.distribution(facts),
            f"{facts.energies.size:,} samples are worth {facts.effective:,} independent ones. States never sampled are "
            f"left out on the right: {_unseen(facts.fabric)} of the fabric's {len(facts.exact):,}, "
            f"{_unseen(facts.thrml)} of THRML's.",
        )
    }
{
        _section(
            "Does it mix?",
            "wide",
            pictures.energies(facts),
            f"An independent sample takes {facts.tau:.2f} samples, by the energy.",
        )
    }
<section><h2>All numbers</h2>
{_table("The program", _program(facts))}
{_table("Time on this machine", _time(facts))}
</section>
<section><h2>Again, and further</h2>
<p>This run: <code>{_text(facts.command)}</code></p>
<p>The same bits from another device: <code>--device native</code>, <code>rtl-cxxrtl</code>, or a board's
<code>serial:///dev/ttyUSB0</code>. The fabric as Verilog: <code>thermofab rtl --fabric {_text(topology.name)}</code>.
A fabric at work: <code>thermofab view</code>.</p>
<details><summary>What the compiler did</summary><pre tabindex="0">{_text(str(report))}</pre></details></section>
</main></body></html>
"""


def _program(facts: Facts) -> list[_Row]:
    report = facts.program.report
    return [
        ("nodes", f"{report.nodes}", "two of them clamped"),
        ("sites used", f"{report.sites}", f"of {report.fabric_sites}; {report.placement}"),
        ("certificate", "", str(report.certificate)),
        ("distance before sampling", _tv(report.end_to_end_tv), f"total variation, {report.end_to_end.standing}"),
        ("clock cycles of the run", f"{facts.cycles:,}", f"by the ledger of {facts.device}"),
        (
            "the same per sweep",
            f"{facts.cycles / facts.sweeps:.3g}",
            f"a sweep updates every site once; {report.cycles_per_sweep}, one per colour, is the least",
        ),
        ("samples", f"{facts.energies.size:,}", f"{len(facts.energies)} chains, 4 sweeps between samples"),
    ]


def _time(facts: Facts) -> list[_Row]:
    seconds = facts.seconds
    return [
        ("compile the program", _seconds(seconds.compile), "place, quantise, certify"),
        (f"open {facts.device}", _seconds(seconds.build), "build it, or find it built"),
        (f"sample on {facts.device}", _seconds(seconds.device), "as many chains, samples and sweeps"),
        ("sample on jax, first call", _seconds(seconds.jax_first), "with XLA's compilation, where there is one"),
        ("sample on jax, again", _seconds(seconds.jax), "the same call"),
        ("THRML: compile", _seconds(seconds.thrml_compile), "XLA's compilation of its sampler"),
        ("THRML: sample", _seconds(seconds.thrml), "as many again"),
    ]


def _section(title: str, kind: str, picture: str, caption: str) -> str:
    return (
        f'<section><h2>{_text(title)}</h2><figure class="{kind}"><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{_text(title)}">{picture}</div><figcaption>{_text(caption)}</figcaption></figure></section>'
    )


def _table(caption: str, rows: Sequence[_Row]) -> str:
    body = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td class="figure">{_text(value)}</td><td>{_text(meaning)}</td></tr>'
        for name, value, meaning in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(caption)}"><table>'
        f"<caption>{_text(caption)}</caption><tbody>{body}</tbody></table></div>"
    )


def _tv(distance: float | None) -> str:
    return "unknown" if distance is None else f"{distance:.2g}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s"


def _unseen(frequencies) -> str:
    return f"{int((frequencies == 0).sum()):,}"


def _text(value: str) -> str:
    return html.escape(value)
