"""Every `thermofab …` that a page shows is one that the parsers take; docs/cli.md lists every option.

Lines of shell blocks are parsed whole, with types and what is required. Commands in running text may
stand for many, so there only the command's name and its options are looked up.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cli_page
import pytest
import typer
from page_tables import filled

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
    *sorted((ROOT / "docs" / "tutorials").glob("*.py")),
    *sorted((ROOT / "apps").glob("*/README.md")),
]
COMMANDS = cli_page.all_commands()
USAGE_ERROR: Any = typer.BadParameter.__base__  # click's UsageError, of which Typer has its own copy
TOP = {"--help", "--version", "--install-completion", "--show-completion"}


def blocks_and_text(page: Path) -> tuple[list[str], str]:
    """Fenced blocks other than Python's, and what is around them."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
    text = page.read_text()
    return [block for language, block in fence.findall(text) if language != "python"], fence.sub("", text)


def lines_of(block: str) -> Iterator[list[str]]:
    """Words of every thermofab line, with continued lines joined, comments and shell operators cut off."""
    for line in block.replace("\\\n", " ").splitlines():
        found = re.match(r"(?:\$ )?(?:nice \S+ \S+ )?(thermofab(?: .*|$))", line)
        if found is not None and not re.match(r"thermofab(/| [^-\w])", found[1]):
            words = shlex.split(found[1], comments=True)
            yield words[: next((k for k, word in enumerate(words) if word in {"|", ">", "&", "&&"}), len(words))]


def command_of(words: list[str]) -> str | None:
    """The longest command that ``words`` begin with."""
    names = (" ".join(words[:length]) for length in (3, 2))
    return next((name for name in names if name in COMMANDS), None)


def fault_in_line(words: list[str]) -> str | None:
    """What the parsers say against ``words``; None if they take them."""
    name = command_of(words)
    if name is None:
        return None if set(words[1:]) <= TOP else f"there is no command {' '.join(words[:3])!r}"
    command, arguments = COMMANDS[name], words[len(name.split()) :]
    try:
        command.make_context(name, list(arguments))
    except USAGE_ERROR as error:
        return f"{name}: {error.format_message()}"
    return None


def fault_in_text(words: list[str]) -> str | None:
    """An option in ``words`` that the command, or a command of the group, has not."""
    if len(words) == 1 or words[1] == "…" or words[1].isupper():
        return None
    name = command_of(words)
    under = [name] if name else [full for full in COMMANDS if f"{full} ".startswith(" ".join(words[:2]) + " ")]
    if not under:
        return None if words[1] in TOP else f"there is no command {' '.join(words[:3])!r}"
    known = TOP | {
        option
        for full in under
        for parameter in COMMANDS[full].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    unknown = [word for word in words if re.fullmatch(r"--[a-z][a-z-]*", word) and word not in known]
    return f"{' '.join(words[:3])} has no {', '.join(unknown)}" if unknown else None


def faults(page: Path) -> list[str]:
    blocks, text = blocks_and_text(page)
    shown = [fault_in_line(words) for block in blocks for words in lines_of(block)]
    inline = re.findall(r"`(thermofab(?:\s[^`]*)?)`", text)
    shown += [fault_in_text(re.sub(r"[\[\](),;=]", " ", words).split()) for words in inline]
    return [fault for fault in shown if fault is not None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_are_real(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert faults(page) == []


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("thermofab compile m.json --out p.json \\\n    --fabrik g4-8x8", "No such option: --fabrik"),
        ("thermofab rtl --out tsu.v --mhz fast   # a clock", "Invalid value for '--mhz'"),
        ("$ thermofab sample", "thermofab sample: Missing argument"),
        ("thermofab trade forecast --horizon 20", "there is no command 'thermofab trade forecast'"),
        ("thermofab verify --updates 100 > log.txt", None),
        ("thermofab fabrics extra", "unexpected extra argument"),
    ],
)
def test_faults_in_shell_blocks_are_seen(block, fault):
    (words,) = lines_of(block)
    found = fault_in_line(words)
    assert found is None if fault is None else found is not None and fault in found


def test_faults_in_running_text_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("See `thermofab compile MODEL --explian`, `thermofab serve --demo` and `thermofab brew`.")
    assert faults(page) == ["thermofab compile MODEL has no --explian", "there is no command 'thermofab brew'"]


def test_the_page_of_commands_lists_every_option():
    page = ROOT / "docs" / cli_page.PAGE
    assert page.read_text() == filled(page.read_text(), cli_page.tables()), "run python benchmarks/cli_page.py"
    first = page.read_text().partition("## All options")[0]
    named = {word for words in re.findall(r"`([^`]*)`", first) for word in words.replace(",", " ").split()}
    assert {name.split()[1] for name in COMMANDS} <= named and TOP - {"--help"} <= named
