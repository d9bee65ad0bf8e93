"""Runs a tutorial's cells in a Jupyter kernel, and keeps what they gave.

A tutorial is a Python file in jupytext's percent format. One kernel runs several tutorials, one after the other with an
empty namespace, so that imports are paid once.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

from thermofab.hw.cache import build_key, cache_folder

TUTORIALS = Path(__file__).resolve().parent.parent
ROOT = TUTORIALS.parent.parent
PACKAGES = ("hw", "sim", "compiler", "models", "apps", "thermofab")
SECONDS_PER_CELL = 300  # a first run compiles RTL
# What a new kernel would have; "%reset" collects garbage twice, a second each after large imports.
FRESH = """
import matplotlib.pyplot
from matplotlib_inline.backend_inline import set_matplotlib_formats
matplotlib.pyplot.rcdefaults()
%matplotlib inline
set_matplotlib_formats("svg")
matplotlib.pyplot.close("all")
for _ in set(get_ipython().user_ns) - get_ipython().user_ns_hidden.keys():
    del get_ipython().user_ns[_]
"""


class TutorialError(Exception):
    """A cell failed; the message names tutorial and cell."""


def tutorials() -> list[Path]:
    """The tutorials in the order of their numbers."""
    return sorted(TUTORIALS.glob("[0-9]*.py"))


@contextmanager
def kernel() -> Iterator[KernelManager]:
    """A running kernel of this interpreter, in the folder of the tutorials."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(TUTORIALS), extra_arguments=["--log-level=40"])
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


def executed(path: Path, manager: KernelManager) -> nbformat.NotebookNode:
    """The notebook of a tutorial with the outputs of its cells.

    Raises:
        TutorialError: a cell raised an error or ran too long.
    """
    notebook = jupytext.read(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(FRESH))
    client = NotebookClient(notebook, km=manager, timeout=SECONDS_PER_CELL)
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError) as error:
        numbers = [k for k, cell in enumerate(_code(notebook)) if cell.execution_count is not None]
        raise TutorialError(f"{path.name}, code cell {numbers[-1]}: {error}") from error
    del notebook.cells[0]
    return notebook


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@cache
def sources_digest() -> str:
    """Of everything that an output depends on apart from the tutorial itself."""
    hasher = hashlib.sha256()
    sources = (file for package in PACKAGES for file in sorted((ROOT / package).glob("**/*.py")))
    for file in (
        TUTORIALS / "tutorial.mplstyle",
        TUTORIALS / "cell_bench.py",
        Path(__file__),
        *sources,
    ):
        hasher.update(file.read_bytes())
    for name in ("numpy", "jax", "matplotlib", "networkx"):
        hasher.update(version(name).encode())
    hasher.update(sys.version.encode())
    return hasher.hexdigest()


def kept(path: Path) -> Path:
    """Where the outputs of a tutorial are kept."""
    return cache_folder("tutorials") / f"{path.stem}-{build_key([path.read_text(), sources_digest()])}.ipynb"


def outputs_of(paths: list[Path]) -> list[nbformat.NotebookNode]:
    """The executed notebooks; only those run that are not kept yet."""
    missing = [path for path in paths if not kept(path).exists()]
    if missing:
        cache_folder("tutorials").mkdir(parents=True, exist_ok=True)
        with kernel() as manager:
            for path in missing:
                notebook = executed(path, manager)
                partial = kept(path).with_suffix(f".{os.getpid()}")  # another build may write the same file
                nbformat.write(notebook, partial)
                partial.rename(kept(path))
    return [nbformat.read(kept(path), as_version=4) for path in paths]
