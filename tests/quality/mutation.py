"""Mutation run: small syntactic changes of the gateware, one at a time, and the share of them that the tests kill.

    python tests/quality/mutation.py --count 40 --seed 1           writes docs/mutation.md
    python tests/quality/mutation.py --areas dense         this area; the page's other rows stay
    python tests/quality/mutation.py --again --results FILE        those of FILE that lived, or did not end, once more

A mutant is a copy of the source tree in which one operator, comparison, constant or condition inside a function that
describes hardware is changed. It is *stillborn* if the design does not elaborate any more, and *unchanged* if all
designs that are tested come out as the same netlist, letter for letter: neither says anything of the tests, and neither
is counted. Of the others, a mutant is *killed* if a test turns red and *survives* if all pass; a suite that
does not end in four times its usual time is counted apart, as it may be the machine that was slow.

Each area of the source has a kill suite of its own, quick enough for many mutants. A survivor that was looked into is
explained in tests/quality/mutation_notes.json, by its file and what was changed.
"""

import argparse
import ast
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.present import present

ROOT = Path(__file__).resolve().parents[2]
NOTES = Path(__file__).resolve().parent / "mutation_notes.json"
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
CONDITIONS = ("If", "Elif")
NO_END = "a test did not end"
SHAPES = ("Signal", "In", "Out", "range", "signed", "unsigned")  # their arguments are widths, not behaviour


@dataclass(frozen=True)
class Area:
    """Part of the source: its folders or files, tests that judge its mutants, and designs, as Python, that hold its
    logic.
    """

    folders: tuple[str, ...]
    tests: tuple[str, ...]
    designs: str


BATTERY = """
from tests.rtl.test_rtl_battery import FABRICS
from thermofab.hw.rtl.emit import emit_rtlil
print("".join(emit_rtlil(spec) for name, spec in FABRICS.items() if name.startswith({name!r})))
"""
LINK = """
from amaranth.back import rtlil
from thermofab.hw.rtl.link.top import Link
print(rtlil.convert(Link(12, 3, 1), emit_src=False), rtlil.convert(Link(12, 2, 1), emit_src=False))
"""
GENERATORS = """
from amaranth.back import rtlil
from thermofab.hw.spec import generator, generator_names
for name in generator_names():
    for bits in range(16, generator(name).widest + 1, 16):
        print(rtlil.convert(generator(name).create(bits), emit_src=False))
"""
BATTERY_TESTS = "tests/rtl/test_rtl_battery.py"
AREAS = {
    "spatial": Area(
        ("hw/rtl/common", "hw/rtl/spatial"), (BATTERY_TESTS, "-k", "spatial"), BATTERY.format(name="spatial")
    ),
    "systolic": Area(
        ("hw/rtl/systolic",),
        (BATTERY_TESTS, "tests/rtl/systolic/test_systolic_blocks.py", "-k", "(battery and systolic) or clipping"),
        BATTERY.format(name="systolic"),
    ),
    "relay": Area(
        ("hw/rtl/relay",),
        (BATTERY_TESTS, "tests/rtl/relay/test_relay_cell.py", "-k", "relay"),
        BATTERY.format(name="relay"),
    ),
    "dense": Area(
        ("hw/rtl/dense", "hw/rtl/common/sweeps.py"), (BATTERY_TESTS, "-k", "dense"), BATTERY.format(name="dense")
    ),
    "generators": Area(("hw/rng",), ("tests/rtl/test_rtl_generators.py",), GENERATORS),
    "link": Area(
        ("hw/rtl/link",),
        ("tests/link/test_link_gateware.py", "tests/link/test_link_board.py", "-k",
         "gateware or same_bits_as_the_reference or bad_line or once_each or no_sense or sleeps"),
        LINK,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """Change number ``number`` of ``file``, in line ``line``, which reads ``source``; ``text`` says what it is."""

    area: str
    file: str
    number: int
    line: int
    text: str
    source: str

    @property
    def key(self) -> str:
        """What a note is filed under: no line number, as those move."""
        return f"{self.file}: {self.text} in `{self.source}`"


class _Mutator(ast.NodeTransformer):
    """Counts the places where a change is possible, and makes one of them."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted, self.places, self._inside, self._shapes = wanted, [], 0, 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        hardware = node.name == "elaborate" or any(arg.arg == "m" for arg in node.args.args)
        self._inside += hardware
        if hardware and not self._inside > 1:
            node.body = [self.visit(child) for child in node.body]
        else:
            self.generic_visit(node)
        self._inside -= hardware
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        shape = isinstance(node.func, ast.Name) and node.func.id in SHAPES
        self._shapes += shape
        self.generic_visit(node)
        self._shapes -= shape
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def _change(self, node: ast.AST, text: str) -> bool:
        if not self._inside or self._shapes:
            return False
        self.places.append((getattr(node, "lineno", 0), text))
        return self.wanted == len(self.places) - 1

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        swap = SWAPS.get(type(node.op))
        if swap and self._change(node, f"{type(node.op).__name__} to {swap.__name__}: {ast.unparse(node)}"):
            node.op = swap()
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        swap = SWAPS.get(type(node.ops[0]))
        if swap and self._change(node, f"{type(node.ops[0]).__name__} to {swap.__name__}: {ast.unparse(node)}"):
            node.ops[0] = swap()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Invert) and self._change(node, f"inversion dropped: {ast.unparse(node)}"):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int and self._change(node, f"{node.value} to {node.value + 1}"):
            return ast.copy_location(ast.Constant(node.value + 1), node)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        self.generic_visit(node)
        call = node.items[0].context_expr
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.args:
            return node
        if call.func.attr in CONDITIONS and self._change(node, f"condition negated: {ast.unparse(call)}"):
            # Of a hardware value, whether it is zero.
            call.args[0] = ast.Compare(call.args[0], [ast.Eq()], [ast.Constant(0)])
        return node


def mutants(area: str, root: Path = ROOT) -> list[Mutant]:
    """Every change that can be made in an area."""
    found = []
    given = [root / folder for folder in AREAS[area].folders]
    for path in sorted(path for one in given for path in ([one] if one.is_file() else one.glob("*.py"))):
        mutator, file = _Mutator(), str(path.relative_to(root))
        text = path.read_text()
        mutator.visit(ast.parse(text))
        lines = text.splitlines()
        found += [Mutant(area, file, k, line, what, lines[line - 1].strip()) for k, (line, what) in
                  enumerate(mutator.places)]  # fmt: skip
    return found


class Workbench:
    """A copy of the source tree, taken once, in which mutants are made one after another."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.cache = folder / "tree", folder / "cache"
        ignore = shutil.ignore_patterns(".git", ".venv", "__pycache__", "site", "*.egg-info")
        shutil.copytree(ROOT, self.tree, symlinks=True, ignore=ignore)
        self._runtime = _verilator_runtime()
        self.patience = 600
        self._unchanged = {area: self.netlist(area) for area in AREAS}

    def _run(self, *arguments: str, seconds: int) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONPATH": str(self.tree), "THERMOFAB_CACHE": str(self.cache),
                       "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
        return subprocess.run([sys.executable, *arguments], cwd=self.tree, env=environment, capture_output=True,
                              text=True, timeout=seconds)  # fmt: skip

    def netlist(self, area: str) -> str | None:
        """A digest of the area's designs, ``None`` if they do not elaborate."""
        try:
            done = self._run("-c", AREAS[area].designs, seconds=60)
        except subprocess.TimeoutExpired:
            return None
        return hashlib.sha256(done.stdout.encode()).hexdigest() if done.returncode == 0 else None

    def passes(self, area: str) -> tuple[bool, str]:
        """Whether the area's kill suite passes on the tree as it stands, and which test did not."""
        shutil.rmtree(self.cache, ignore_errors=True)
        (self.cache / "rtl").mkdir(parents=True)
        for runtime in self._runtime:
            (self.cache / "rtl" / runtime.name).symlink_to(runtime)
        try:
            tests = AREAS[area].tests
            done = self._run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, seconds=self.patience)
        except subprocess.TimeoutExpired:
            return False, NO_END
        if done.returncode not in (0, 1, 2):
            raise RuntimeError(f"pytest could not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        first = next((line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
        return done.returncode == 0, first.removeprefix("FAILED ").split(" - ")[0].split("/")[-1]

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """``stillborn``, ``unchanged``, ``killed`` or ``survived``, and the test that killed it."""
        target = self.tree / mutant.file
        text = target.read_text()
        changed = ast.fix_missing_locations(_Mutator(mutant.number).visit(ast.parse(text)))
        try:
            target.write_text(ast.unparse(changed))
            netlist = self.netlist(mutant.area)
            if netlist is None:
                return "stillborn", ""
            if netlist == self._unchanged[mutant.area]:
                return "unchanged", ""
            passed, by = self.passes(mutant.area)
            return ("survived" if passed else "no end" if by == NO_END else "killed"), by
        finally:
            target.write_text(text)


def _verilator_runtime() -> list[Path]:
    """Verilator's own objects are the same for all mutants."""
    home = Path(os.environ.get("THERMOFAB_CACHE", Path.home() / ".cache" / "thermofab")) / "rtl"
    return sorted(home.glob("verilator-runtime-*"))


def run(area: str, count: int, seed: int, bench: Workbench) -> dict:
    """So many mutants of an area that say something of the tests, drawn at random."""
    everything = mutants(area, bench.tree)
    drawn = random.Random(seed).sample(everything, len(everything))
    tally, judged = {"possible": len(everything), "stillborn": 0, "unchanged": 0}, []
    bench.patience, started = 600, time.perf_counter()
    passed, red = bench.passes(area)
    # On a machine that others use too, a suite may take twice as long a minute later.
    bench.patience = 30 + 4 * round(time.perf_counter() - started)
    if not passed:
        raise RuntimeError(f"the kill suite of '{area}' is red on the source as it is: {red}.")
    for mutant in drawn:
        if len(judged) == count:
            break
        verdict, by = bench.judge(mutant)
        print(f"{area} {len(judged) + 1}/{count} {verdict} {mutant.file}:{mutant.line} {mutant.text} {by}", flush=True)
        if verdict in tally:
            tally[verdict] += 1
        else:
            judged.append({"key": mutant.key, "line": mutant.line, "verdict": verdict, "by": by})
    return {**tally, "judged": judged, "seconds": round(time.perf_counter() - started)}


def again(area: str, found: dict, bench: Workbench) -> None:
    """Judge once more, on the source and the tests as they are, the mutants that were not killed."""
    known = {mutant.key: mutant for mutant in mutants(area, bench.tree)}
    bench.patience = 600
    for entry in found["judged"]:
        if entry["verdict"] != "killed" and entry["key"] in known:
            verdict, by = bench.judge(known[entry["key"]])
            print(f"{area} {entry['key']}: {entry['verdict']}, now {verdict} {by}", flush=True)
            if verdict != entry["verdict"]:
                entry |= {"verdict": verdict, "by": by, "once": entry["verdict"]}


HEAD = (
    "| area | possible | drawn | do not elaborate | same netlist | judged | killed | did not end | survived | "
    "of these equivalent | minutes |"
)
SURVIVORS, ENDLESS, ONCE = "## Survivors", "## Not ended in time", "## Killed by tests that these mutants brought about"


def page(results: dict[str, dict], seed: int, before: str) -> str:
    """The results as a page of the docs; of the page ``before``, what it says of other areas stays."""
    notes = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    # By area: its row, and its lines in each of the sections.
    rows, lines = _said(before)
    for area, found in results.items():
        alive = [m for m in found["judged"] if m["verdict"] == "survived"]
        equivalent = sum(notes.get(m["key"], "").startswith("Equivalent") for m in alive)
        judged, endless = len(found["judged"]), [m for m in found["judged"] if m["verdict"] == "no end"]
        cells = [found["possible"], judged + found["stillborn"] + found["unchanged"], found["stillborn"]]
        cells += [found["unchanged"], judged, judged - len(alive) - len(endless), len(endless), len(alive)]
        where = ", ".join(f"`{folder}`" for folder in AREAS[area].folders)
        rows[area] = f"| {where} | " + " | ".join(map(str, [*cells, equivalent, round(found["seconds"] / 60)])) + " |"
        lines[area] = {
            SURVIVORS: [f"- {_place(m)}: {notes.get(m['key'], '**Not looked into.**')}" for m in alive],
            ENDLESS: [f"- {_place(m)}." for m in endless],
            ONCE: [
                f"- {_place(m)}: {'did not end' if m['once'] == 'no end' else m['once']} at first; "
                f"`{m['by'].split('::')[-1]}`."
                for m in found["judged"]
                if m["verdict"] == "killed" and "once" in m
            ],
        }
    text = [
        "# Mutations",
        "",
        "One operator, comparison, constant or condition of the gateware is changed, and the area's kill suite run. "
        "Not counted are mutants that do not elaborate and mutants whose netlists are the same letter for letter. "
        f"Written by `python tests/quality/mutation.py` (seed {seed}; mutants are drawn at random from all there are).",
        "",
        HEAD,
        "|---" * (HEAD.count("|") - 1) + "|",
        *(rows[area] for area in AREAS if area in rows),
    ]
    for section in (SURVIVORS, ENDLESS, ONCE):
        said = [line for area in AREAS for line in lines.get(area, {}).get(section, [])]
        text += ["", section, "", *said] if said else []
    return "\n".join(text) + "\n"


def _place(mutant: dict) -> str:
    file, what = mutant["key"].split(": ", 1)
    return f"`{file}` line {mutant['line']}, `{what}`"


def _said(page: str) -> tuple[dict[str, str], dict[str, dict[str, list[str]]]]:
    """By area: its row of a page, and its lines in each section."""
    rows: dict[str, str] = {}
    lines: dict[str, dict[str, list[str]]] = {area: {} for area in AREAS}
    section = ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line
        for area, kind in AREAS.items():
            if line.startswith("| " + ", ".join(f"`{folder}`" for folder in kind.folders) + " |"):
                rows[area] = line
        within = [
            (len(folder), area)
            for area, kind in AREAS.items()
            for folder in kind.folders
            if line.startswith(f"- `{folder}")
        ]
        if within:
            lines[max(within)[1]].setdefault(section, []).append(line)
    return rows, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=present(__doc__).split("\n")[0])
    parser.add_argument("--count", type=int, default=20, help="mutants an area")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--areas", nargs="*", default=list(AREAS), choices=list(AREAS))
    parser.add_argument("--results", type=Path, help="a file that keeps the results of all areas run so far")
    parser.add_argument("--again", action="store_true", help="judge those of the results file that were not killed")
    parser.add_argument("--page-only", action="store_true", help="write the page from the results file")
    given = parser.parse_args()
    results: dict[str, dict] = {}
    if given.results and given.results.exists():
        results = json.loads(given.results.read_text())
    if not given.page_only:
        with tempfile.TemporaryDirectory() as folder:
            bench = Workbench(Path(folder))
            for area in given.areas:
                if given.again:
                    again(area, results[area], bench)
                else:
                    results[area] = run(area, given.count, given.seed, bench)
                if given.results:
                    given.results.write_text(json.dumps(results, indent=1) + "\n")
    target = ROOT / "docs" / "mutation.md"
    target.write_text(page(results, given.seed, target.read_text() if target.exists() else ""))


if __name__ == "__main__":
    main()
