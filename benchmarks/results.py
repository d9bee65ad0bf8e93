"""Measured tables as JSON under docs/results/, with the command, the machine and the commit that made them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from timing import machine

ROOT = Path(__file__).resolve().parent.parent


def commit() -> str:
    """The commit checked out, or "unknown" outside a repository."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _portable(argument: str) -> str:
    """``FOLDER`` for a folder outside the repository, which lies elsewhere on other machines."""
    path = Path(argument)
    return "FOLDER" if path.is_dir() and not path.resolve().is_relative_to(ROOT) else argument


def write_results(name: str, content: dict[str, Any]) -> Path:
    """``content`` with its provenance, as docs/results/``name``.json."""
    program = Path(sys.argv[0]).resolve().relative_to(ROOT)
    command = " ".join(["python", str(program), *map(_portable, sys.argv[1:])])
    path = ROOT / "docs" / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"command": command, "machine": machine(), "commit": commit(), **content}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    return path.relative_to(ROOT)


def keep_row(name: str, row: dict[str, Any], keys: tuple[str, ...], order: list[tuple[str, ...]], **about: Any) -> None:
    """Put a row in the place of the one measured before, in docs/results/``name``.json.

    Args:
        name: of the file.
        row: the new one.
        keys: fields that name a row.
        order: their values, in the order of the rows; rows of other names are left out.
        about: what else the file says.
    """
    path = ROOT / "docs" / "results" / f"{name}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    found = {tuple(each[key] for key in keys): each for each in [*rows, row]}
    write_results(name, {**about, "rows": [found[values] for values in order if values in found]})
