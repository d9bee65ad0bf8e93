"""Fills docs/cli.md: every command with its options, as the parsers have them.

python benchmarks/cli_page.py
"""

from collections.abc import Iterator
from typing import Any

import typer
from page_tables import Tables, fill

from thermofab.apps.cli import app

PAGE = "cli.md"


def commands(command: Any, path: str = "thermofab") -> Iterator[tuple[str, Any]]:
    """Every command by its full name. Typer's own classes of click's: a group has ``commands``."""
    if hasattr(command, "commands"):
        for name, member in command.commands.items():
            yield from commands(member, f"{path} {name}")
    else:
        yield path, command


def all_commands() -> dict[str, Any]:
    return dict(commands(typer.main.get_command(app)))


def cell(text: str) -> str:
    """Text of a help message, as it reads in a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;").replace("*", r"\*")


def default_of(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.param_type_name == "argument":
        return "may be left out"
    if isinstance(parameter.default, bool):
        return "on" if parameter.default else ""
    if parameter.default in (None, (), []) or callable(parameter.default):
        return ""
    values = parameter.default if isinstance(parameter.default, list | tuple) else [parameter.default]
    return " ".join(f"`{value}`" for value in map(str, values) if value)


def row(parameter: Any) -> str:
    names = [parameter.name.upper()] if parameter.param_type_name == "argument" else parameter.opts
    shown = ", ".join(f"`{name}`" for name in [*names, *parameter.secondary_opts])
    return f"| {shown} | {default_of(parameter)} | {cell(parameter.help)} |"


def options() -> str:
    """A heading, a sentence and a table for every command."""
    sections = []
    for name, command in all_commands().items():
        head = f"### {name}\n\n{command.help.split(chr(10) * 2)[0].strip()}"
        lines = ["| option | default | what it is |", "|---|---|---|", *map(row, command.params)]
        sections.append(f"{head}\n\n" + "\n".join(lines) if command.params else head)
    return "\n\n".join(sections)


def tables() -> Tables:
    """What the page includes, by name."""
    return {"options": options}


if __name__ == "__main__":
    fill([PAGE], tables())
