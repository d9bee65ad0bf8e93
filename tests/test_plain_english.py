"""No sentence in the project's old private dialect, in pages and in docstrings.

Code blocks, inline code and generated pages are left out. Every pattern comes with a sentence that it must find and
one that it must not, so that no pattern passes by matching nothing.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("hw", "sim", "compiler", "models", "apps", "thermofab")
# Written by commands of tests/.
GENERATED = {"proofs.md", "coverage.md", "mutation.md"}

_COUNTED = (
    "clocks?|bits?|words?|weights|bytes|operations|LUTs|LUT4s?|updates|sweeps|draws|samples|counters?|sites|edges|nats|"
    "passes|seconds|biases|files?|lines?|entries|numbers?|tables?|columns?|scales?|neighbours|bias|byte"
)
_UNIT = (
    "clock|sweep|second|site|spin|element|draw|colour|slot|core|level|layer|day|neighbour|replica|asset|symbol|rung|lane|"
    "edge|axis|cell|generator|parent|weight|chain|register|array|figure|record|message"
)


class Phrase(NamedTuple):
    """A pattern, what to write instead, a sentence that it finds, and one that it leaves alone."""

    pattern: str
    instead: str
    found: str
    left: str


PHRASES = (
    Phrase(
        rf"\b(?:one|two|three|four|eight|\d[\d,.]*) (?:{_COUNTED}) an? (?:{_UNIT})\b(?! [a-z]+s\b)",
        "per, for a rate",
        "It takes 16 bits a clock.",
        "Of these bits a clock consumes 16.",
    ),
    Phrase(
        rf"\ban? (?:{_COUNTED}) an? (?:{_UNIT})\b",
        "one … per …",
        "The host writes a bias a site.",
        "A bias per site.",
    ),
    Phrase(
        r"\ba weight an edge|\ba site an element|\ba node a site|\ba site a node",
        "one … per …",
        "It has a weight an edge.",
        "It has one weight per edge.",
    ),
    Phrase(
        r"\brefus\w+ rather|\bbends? the",
        "raises an error instead of …",
        "It refuses rather than bends the law.",
        "It raises an error instead of approximating.",
    ),
    Phrase(r"(?<!power )\blaws?\b(?! of)", "distribution", "The law that was asked for.", "A power law fits."),
    Phrase(
        r"\bis to err\b|\bit is looked at\b|\blooked at whenever\b|\bof as many\b(?! [a-z])",
        "a plain statement",
        "It sweeps, it is looked at.",
        "Its states are read after each sweep.",
    ),
    Phrase(
        r"\blanes of as many\b", "of the same size", "Loadable lanes of as many are one module.", "Equal lanes are one."
    ),
    Phrase(
        r"\b(?:is|are|was|were|be) borne\b", "tolerated", "The amount that was borne.", "The amount that is tolerated."
    ),
    Phrase(
        r"\b(?:was|were|not) at hand\b|\bto be had\b|\bbusy (?:machine|core|with other)|\bother work on (?:it|them)",
        "the conclusion, without its circumstances",
        "No board was at hand.",
        "No bitstream has run on a board.",
    ),
    Phrase(
        r"\brefused by name\b", "raises an error that names it", "More are refused by name.", "More raise an error."
    ),
    Phrase(
        r"\bone wants\b|\bnone of its business\b|\bnobody's\b|\bto the truth\b",
        "a plain statement",
        "What else one wants of it.",
        "What else a run can give.",
    ),
    Phrase(
        r"\b(?:devices?|servers?|nothing) of ours\b|\bof our own\b",
        "thermofab's",
        "Every device of ours.",
        "Every thermofab device.",
    ),
)


def prose_of(page: str) -> str:
    """A page without code blocks, inline code and addresses of links."""
    page = re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`|\]\([^)]*\)", "…", page)


def docstrings_of(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def texts() -> Iterator[tuple[str, str]]:
    """Everything that is looked through, with the file it is from."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        if page.name not in GENERATED:
            yield str(page.relative_to(ROOT)), prose_of(page.read_text())
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for text in docstrings_of(path.read_text()):
                yield str(path.relative_to(ROOT)), text


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.instead)
def test_a_pattern_finds_its_phrase_and_leaves_plain_english_alone(phrase):
    assert re.search(phrase.pattern, phrase.found) and not re.search(phrase.pattern, phrase.left)


def test_pages_and_docstrings_are_in_plain_english():
    wrong = [
        f"{name}: …{match.string[max(0, match.start() - 30) : match.end() + 30]}…; write {phrase.instead}"
        for name, text in texts()
        for phrase in PHRASES
        for match in re.finditer(phrase.pattern, " ".join(text.split()))
    ]
    assert not wrong, "\n".join(wrong)
