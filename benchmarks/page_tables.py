"""Tables of pages, made from docs/results/: all that stands between ``<!-- table: name -->`` and ``<!-- end -->``.

A table whose results have not been measured stays as it is, and is named.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from results import ROOT

Tables = Mapping[str, Callable[[], str]]


def results(name: str) -> dict[str, Any]:
    """docs/results/``name``.json."""
    return json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())


def filled(text: str, tables: Tables) -> str:
    """``text`` with its tables made anew."""
    for name, make in tables.items():
        pattern = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            continue
        try:
            made = make()
        except FileNotFoundError as missing:
            print(f"{name}: {missing}")
            continue
        text = pattern.sub(lambda match, made=made: f"{match[1]}\n{made}\n\n{match[2]}", text)
    return text


def fill(pages: Iterable[str], tables: Tables) -> None:
    """Write the tables of docs/``pages``."""
    for page in pages:
        path = ROOT / "docs" / page
        path.write_text(filled(path.read_text(), tables))
        print(path.relative_to(Path(ROOT)))
