"""What the commands share: progress on standard error, results on standard output."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

output = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def made(folder: Path) -> Path:
    """``folder``; where it was not there it is made, and a line on standard error says so."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        errors.print(f"made the folder {folder}", markup=False)
    return folder


@contextmanager
def steps(total: int, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A bar of ``total`` steps: call the function with what begins; the step before it is then done.

    Where standard error is no terminal, one line per step.
    """
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    terminal = sys.stderr.isatty()
    with Progress(*columns, console=errors, disable=quiet or not terminal) as progress:
        task, begun = progress.add_task("", total=total), 0

        def step(text: str) -> None:
            nonlocal begun
            progress.update(task, completed=begun, description=text)
            begun += 1
            if not quiet and not terminal:
                errors.print(f"{begun}/{total} {text}")

        yield step
        progress.update(task, completed=total, description="done")


@contextmanager
def bar(text: str, total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """A progress bar of ``total`` equal parts: call the function when one is done.

    Where standard error is no terminal, a line every tenth part.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    terminal = sys.stderr.isatty()
    with Progress(*columns, console=errors, disable=quiet or not terminal) as progress:
        task, finished = progress.add_task(text, total=total), 0

        def done() -> None:
            nonlocal finished
            progress.advance(task)
            finished += 1
            if not quiet and not terminal and 10 * finished // total > 10 * (finished - 1) // total:
                errors.print(f"{finished}/{total} {text}")

        yield done
