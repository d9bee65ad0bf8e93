"""Puts the tables that benchmarks measured into the pages, between the marks that name them.

    python benchmarks/models/pages.py             # rewrites docs/trm.md, docs/models.md and docs/pytorch.md
    python benchmarks/models/pages.py --check     # says which pages are not what the JSON gives; status 1

A mark is ``<!-- trm_sudoku -->`` and the table ends at ``<!-- end -->``; each name is a program here with ``page()``
and a file under docs/results/.
"""

import argparse
import re
import sys
from collections.abc import Callable

import rbm_equal_time
import torch_rbm
import trm_classifier
import trm_differences
import trm_sudoku
from results import ROOT

PAGES = ("trm.md", "models.md", "pytorch.md")
TABLES: dict[str, Callable[[], str]] = {
    program.NAME: program.page for program in (trm_sudoku, trm_differences, trm_classifier, rbm_equal_time, torch_rbm)
}
MARKED = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str) -> str:
    """A page with its tables."""
    return MARKED.sub(lambda mark: f"<!-- {mark[1]} -->\n\n{TABLES[mark[1]]()}\n\n<!-- end -->", text)


def main() -> None:
    parser = argparse.ArgumentParser(description="measured tables into the pages")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = []
    for name in PAGES:
        path = ROOT / "docs" / name
        text = path.read_text()
        if filled(text) != text:
            stale.append(name)
            if not options.check:
                path.write_text(filled(text))
    if options.check and stale:
        sys.exit(f"not what docs/results/ gives: {', '.join(stale)}")


if __name__ == "__main__":
    main()
