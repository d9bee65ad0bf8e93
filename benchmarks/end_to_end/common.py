"""What the parts share: the profiles of a fabric, the result file, and the code under test by commit."""

import json
import subprocess
from pathlib import Path
from typing import Any

import thermofab

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results" / "end_to_end.json"

# Widths by the name that the tables use; "fine" is spelt out, so that releases that call other widths fine compare.
FINE = {"word_bits": 32, "threshold_bits": 24, "dither_bits": 8}
PROFILES: dict[str, dict[str, Any]] = {
    "default": {},
    "fine": FINE,
    "16+8": {"word_bits": 32, "threshold_bits": 16, "dither_bits": 8},
}


def commit() -> str:
    """The commit of the thermofab that is imported, or "unknown" outside a repository."""
    place = Path(thermofab.__file__ or ".").resolve().parent
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=place, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def record(path: Path, part: str, found: dict[str, Any]) -> None:
    """Put ``found`` under the name of a part, and leave the others as they are: read late, another may be running."""
    result = json.loads(path.read_text()) if path.exists() else {}
    result[part] = found
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
