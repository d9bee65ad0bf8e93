"""Faults that tests are judged by exist: every text to change is in the sources, so that a run of them does not abort.

The lists run for many minutes; this looks the texts up. A source line that is rewritten or moved turns it red.
"""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.present import present

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def load(path):
    """A module that is no package's, by its file."""
    spec = present(importlib.util.spec_from_file_location(f"listed_{path.stem}", path))
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    present(spec.loader).exec_module(module)
    return module


BUGS = load(HERE / "planted_bugs.py").BUGS


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_planted_text_occurs_once(bug):
    for name, old, new in bug.edits:
        assert (ROOT / name).is_file(), f"{name} was moved or renamed"
        assert (ROOT / name).read_text().count(old) == 1, f"{name} was rewritten: {old}"
        assert new != old
    assert (ROOT / bug.tests.partition(" -k ")[0]).exists(), "its tests were moved or renamed"


def test_names_of_faults_are_distinct():
    assert max(Counter(bug.name for bug in BUGS).values()) == 1


def test_mutation_notes_and_areas_name_lines_that_exist():
    """A note on a line that was rewritten would never be shown again."""
    for key in json.loads((HERE / "mutation_notes.json").read_text()):
        name, _, rest = key.partition(": ")
        line = rest.partition("in `")[2].removesuffix("`")
        assert line and (ROOT / name).read_text().count(line) == 1, key
    for area in load(HERE / "mutation.py").AREAS.values():
        assert all((ROOT / folder).exists() for folder in area.folders)
        assert all((ROOT / test).is_file() for test in area.tests if test.endswith(".py"))


def test_faults_of_proofs_occur_once():
    pytest.importorskip("amaranth")
    for proof in load(HERE.parent / "formal" / "prove.py").proofs().values():
        assert (ROOT / proof.fault.file).read_text().count(proof.fault.old) == 1, proof.name
