"""Mutation run: small syntactic changes of the gateware, one at a time, and the share of them that the tests kill.

    python tests/mutation.py --count 60 --seed 1     writes docs/mutation.md

A mutant is a copy of the source tree in which one operator, comparison, constant or condition inside a function that
describes hardware is changed. It is *killed* if elaboration fails or a test turns red, *survives* if all pass.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """Change number ``number`` of ``file``, in line ``line``; ``text`` says what it is."""

    file: str
    number: int
    line: int
    text: str


class _Mutator(ast.NodeTransformer):
    """Counts the places where a change is possible, and makes one of them."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted, self.places, self._inside = wanted, [], 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        hardware = node.name == "elaborate" or any(arg.arg == "m" for arg in node.args.args)
        self._inside += hardware
        if hardware and not self._inside > 1:
            node.body = [self.visit(child) for child in node.body]
        else:
            self.generic_visit(node)
        self._inside -= hardware
        return node

    def _change(self, node: ast.AST, text: str) -> bool:
        if not self._inside:
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
        if isinstance(call, ast.Call) and call.args and self._change(node, f"condition negated: {ast.unparse(call)}"):
            # Of a hardware value, whether it is zero.
            call.args[0] = ast.Compare(call.args[0], [ast.Eq()], [ast.Constant(0)])
        return node


def mutants(files: list[str]) -> list[Mutant]:
    """Every change that can be made."""
    found = []
    for file in files:
        mutator = _Mutator()
        mutator.visit(ast.parse((ROOT / file).read_text()))
        found += [Mutant(file, k, line, text) for k, (line, text) in enumerate(mutator.places)]
    return found


def survives(mutant: Mutant, tests: list[str]) -> bool:
    """Whether all tests pass on the mutant."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", "site"))
        mutator = _Mutator(mutant.number)
        changed = ast.fix_missing_locations(mutator.visit(ast.parse((ROOT / mutant.file).read_text())))
        (tree / mutant.file).write_text(ast.unparse(changed))
        environment = {**os.environ, "PYTHONPATH": str(tree), "THERMOFAB_CACHE": str(Path(folder) / "cache"),
                       "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
        _share_runtime(Path(folder) / "cache")
        try:
            done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
                                  cwd=tree, env=environment, capture_output=True, text=True, timeout=600)  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(f"pytest could not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def _share_runtime(cache: Path) -> None:
    """Verilator's own objects are the same for all mutants."""
    home = Path(os.environ.get("THERMOFAB_CACHE", Path.home() / ".cache" / "thermofab")) / "rtl"
    (cache / "rtl").mkdir(parents=True)
    for runtime in home.glob("verilator-runtime-*"):
        shutil.copytree(runtime, cache / "rtl" / runtime.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", nargs="*", default=sorted(
        str(path.relative_to(ROOT)) for folder in ("hw/rtl", "hw/rtl/systolic", "hw/rng", "hw/rtl/link")
        for path in (ROOT / folder).glob("*.py")
    ))  # fmt: skip
    parser.add_argument("--tests", nargs="*", default=["tests/rtl", "tests/link", "-k", "not cocotb and not emit"])
    given = parser.parse_args()
    everything = mutants(given.files)
    chosen = random.Random(given.seed).sample(everything, min(given.count, len(everything)))
    started, alive = time.perf_counter(), []
    for k, mutant in enumerate(chosen):
        survived = survives(mutant, given.tests)
        alive += [mutant] if survived else []
        print(f"{k + 1}/{len(chosen)} {'SURVIVED' if survived else 'killed'} {mutant.file}:{mutant.line} {mutant.text}",
              flush=True)  # fmt: skip
    killed = len(chosen) - len(alive)
    minutes = (time.perf_counter() - started) / 60
    print(f"{killed} of {len(chosen)} mutants killed ({len(everything)} possible), {minutes:.0f} min")
    for mutant in alive:
        print(f"- `{mutant.file}` line {mutant.line}: {mutant.text}")


if __name__ == "__main__":
    main()
