"""What the commands share: progress on standard error, results on standard output."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

output = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def steps(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A running list of steps: call the function with what begins; the step before it is then done."""
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=quiet or not sys.stderr.isatty()) as progress:
        current = None

        def step(text: str) -> None:
            nonlocal current
            if current is not None:
                progress.update(current, total=1, completed=1)
            if progress.disable and not quiet:
                errors.print(f"- {text}")
            current = progress.add_task(text, total=None)

        yield step
        if current is not None:
            progress.update(current, total=1, completed=1)


@contextmanager
def bar(text: str, total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """A progress bar of ``total`` equal parts: call the function when one is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=quiet) as progress:
        task = progress.add_task(text, total=total)
        yield lambda: progress.advance(task)
