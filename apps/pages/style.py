"""The style of a report's page."""

from thermofab.apps.pages.palette import DARK, LIGHT

_COLOURS = f"""
:root {{ color-scheme: light dark; {LIGHT.css} }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK.css} }} }}
"""
_RULES = """
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.75rem; }
h1 { font-size: 1.9rem; line-height: 1.15; margin: .1rem 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0; }
p { margin: .6rem 0; }
.lead { font-size: 1.02rem; }
.stamp { color: var(--quiet); font-size: .8rem; margin: .1rem 0 .8rem; }
.note, figcaption, .small { color: var(--quiet); font-size: .85rem; }
section {
  background: var(--panel); border: 1px solid var(--edge); border-radius: 10px; padding: 1.1rem 1.25rem; margin: 1rem 0;
}
dl { margin: 0; } dd { margin: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.2rem, 1fr)); gap: .75rem; margin: 1.1rem 0; }
.cards > div { background: var(--panel); border: 1px solid var(--edge); border-radius: 10px; padding: .7rem .9rem; }
.cards dt { color: var(--quiet); font-size: .82rem; }
.cards dd:not(.small) { font-size: 1.6rem; font-weight: 300; font-variant-numeric: tabular-nums; }
.model { display: flex; flex-wrap: wrap; gap: .25rem 1.4rem; font-size: .85rem; margin-bottom: .4rem; }
.model > div { display: flex; gap: .4rem; } .model dt { color: var(--quiet); }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .2rem 0 .4rem; }
th, td { text-align: right; padding: .28rem .55rem; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th[scope="col"] { color: var(--quiet); font-weight: 500; vertical-align: bottom; }
th[scope="row"] { font-weight: 400; }
tr > th:first-child { text-align: left; padding-left: 0; }
tfoot th, tfoot td { font-weight: 650; border-bottom: 0; border-top: 2px solid var(--edge); }
.scroll { overflow-x: auto; margin: .6rem 0; }
.scroll:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
figure { margin: .6rem 0 1rem; }
figure svg { display: block; width: 100%; height: auto; }
figure.wide > .scroll > svg { min-width: 36rem; }
figure.narrow svg { max-width: 28rem; }
.short table { width: auto; min-width: 50%; }
.pair { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; } .pair svg { flex: 1 1 19rem; min-width: 0; }
svg text { font-family: inherit; }
.bad { color: var(--bad); font-weight: 650; }
details summary { cursor: pointer; color: var(--quiet); font-size: .88rem; }
ul { padding-left: 1.2rem; margin: .5rem 0; } li { margin: .25rem 0; overflow-wrap: anywhere; }
footer { color: var(--quiet); font-size: .8rem; padding-bottom: 2rem; }
@media (max-width: 560px) { section { padding: .9rem; } }
@media print {
  :root { --page: #ffffff; }
  section { border: 0; padding: 0; break-inside: avoid-page; } .scroll { overflow: visible; }
}
"""
STYLE = _COLOURS + _RULES
