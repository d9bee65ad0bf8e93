"""The demo's HTML page."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { border: 1px solid #ccc; padding: .3rem .7rem; text-align: left; }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; }
img { max-width: 100%; }
.verdict { font-size: 1.2rem; padding: .6rem 1rem; background: #e6f4ea; }
.failed { background: #fce8e6; }
"""


def write(
    path: Path, verdict: str, passed: bool, figures: Sequence[tuple[str, str]], numbers: Mapping[str, str], report: str
) -> None:
    """Write the page; ``figures`` are ``(file name, caption)``, beside the page."""
    rows = "\n".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in numbers.items())
    pictures = "\n".join(
        f'<figure><img src="{html.escape(name)}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for name, caption in figures
    )
    path.write_text(
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>thermofab demo</title><style>{_STYLE}</style></head>
<body>
<h1>One program, the same bits everywhere</h1>
<p class="verdict{"" if passed else " failed"}">{html.escape(verdict)}</p>
<table>{rows}</table>
{pictures}
<h2>What the compiler did</h2>
<pre>{html.escape(report)}</pre>
</body></html>
""",
        encoding="utf-8",
    )
