"""docs/images/reasoning-trace.png, the picture of docs/reasoning.md: ``python benchmarks/reasoning/screenshot.py``.

Needs the checkpoints of solve.py. Of 60 puzzles the one with most attempts that was solved by a reading is shown.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from playwright.sync_api import sync_playwright

from thermofab.apps.reasoning import (
    Annealing,
    ConstraintProgram,
    HybridSettings,
    box_of,
    device_choice,
    graph_of_solution,
    load_net,
    sampled_puzzles,
    solve_by_both,
    trace_html,
)

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "reasoning-trace.png")
    parser.add_argument("--net", type=Path, default=Path("build/benchmarks/trm/recursive-0-early"))
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    torch.set_num_threads(1)
    test = sampled_puzzles(box_of(6), 60, seed=7, clues=8)
    program = ConstraintProgram(test.box, "native", Annealing(sweeps=1))
    found = solve_by_both(load_net(options.net), test.puzzles, program, device_choice(8), HybridSettings(), seed=1)
    solved = [one for one in found if one.broken == 0 and one.attempts[one.chosen].kind == "reading"]
    graph = graph_of_solution(max(solved, key=lambda one: len(one.attempts)), "6×6 Sudoku, by net and fabric")
    with TemporaryDirectory() as folder, sync_playwright() as play:
        (Path(folder) / "trace.html").write_text(trace_html(graph), encoding="utf-8")
        browser = play.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 640}, color_scheme="light")
        page.goto((Path(folder) / "trace.html").as_uri())
        page.screenshot(path=options.out)
        browser.close()
    print(options.out)


if __name__ == "__main__":
    main()
