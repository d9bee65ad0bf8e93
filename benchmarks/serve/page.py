"""The tables of docs/serve.md, from docs/results/serve_load.json and serve_soak.json.

Everything between ``<!-- table: name -->`` and ``<!-- end -->`` is replaced.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "serve.md"
HEAD = ("clients", "stalled", "messages", "complete, in order", "p50", "p99", "longest", "server CPU", "memory")


def table(name: str) -> str:
    """A row a round: counts, milliseconds, processor seconds, megabytes after a fifth of the time and at the end."""
    results = json.loads((ROOT / "docs" / "results" / f"serve_{name}.json").read_text())
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for found in results["rounds"]:
        times, memory = found["milliseconds"], found["server_megabytes"]
        cells = (
            f"{found['clients']:,}",
            f"{found['stalled_clients']}, {found['stalled_cut_off']} cut off" if found["stalled_clients"] else "none",
            f"{found['messages']:,} at {found['messages_a_second']:g}/s",
            f"{found['complete_and_in_order']:,}",
            *(f"{times[q]:.0f} ms" for q in ("p50", "p99", "max")),
            f"{found['server_cpu_seconds']:.1f} s",
            f"{memory['settled']:.0f} to {memory['end']:.0f} MB",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"{results['machine']}."])


def main() -> None:
    text = PAGE.read_text()
    for name in ("load", "soak"):
        block = f"<!-- table: {name} -->\n{table(name)}\n<!-- end -->"
        text = re.sub(rf"<!-- table: {name} -->.*?<!-- end -->", lambda _, new=block: new, text, flags=re.DOTALL)
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
