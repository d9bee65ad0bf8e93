"""Set up and run, on a machine with nothing but Python, g++, make and perl.

    python3 bootstrap.py demo      set up, then run the main job (any further arguments go to 'thermofab demo')
    python3 bootstrap.py test      set up with the development tools, then run the tests (arguments go to pytest)
    python3 bootstrap.py lint      the same, then ruff, vulture, import contracts, types and the docs build
    python3 bootstrap.py tutorials set up with Jupyter, then open the tutorials (arguments go to 'jupyter lab')

Everything is installed into .venv beside this file. Standard library only: it runs before anything is installed.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
TUTORIALS = ROOT / "docs" / "tutorials"
EXTRAS = {"demo": "rtl", "test": "dev,docs,rtl", "lint": "dev,docs,rtl", "tutorials": "rtl,tutorials"}


def check_machine() -> None:
    """Exit with one line if Python is too old or a tool is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this runs on any Python, to say so)
        sys.exit(f"thermofab needs Python 3.11 or later; this is {sys.version.split()[0]}.")
    missing = [tool for tool in ("g++", "make", "perl") if shutil.which(tool) is None]
    if missing:
        sys.exit(
            f"thermofab compiles its RTL here and needs {', '.join(missing)}; "
            "on Debian or Ubuntu: apt-get install g++ make perl"
        )


def install(extras: str) -> None:
    """Make .venv and install the project into it, unless that was done for the same pyproject.toml before. What other
    jobs have installed stays: the extras of all of them are kept.
    """
    project, wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest(), set(extras.split(","))
    stamp = VENV / "installed"
    before, *installed = stamp.read_text().split() if stamp.exists() else ["nothing"]
    if before == project and wanted <= set(installed):
        return
    print(f"setting up {VENV.name} (a few minutes the first time)", file=sys.stderr, flush=True)
    if before != project:
        venv.create(VENV, with_pip=True, clear=True)
    every = sorted(wanted.union(installed))
    chosen = f"{ROOT}[{','.join(every)}]"
    subprocess.run(
        [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", chosen], check=True
    )
    stamp.write_text(" ".join([project, *every]))


def lint() -> int:
    """All checkers, each run whatever the others said."""
    python = BIN / "python"
    checks = {
        "style": [BIN / "ruff", "check", "."],
        "format": [BIN / "ruff", "format", "--check", "."],
        "imports": [BIN / "lint-imports"],
        "dead code": [BIN / "vulture"],
        "types": [BIN / "pyright", "--pythonpath", python],
        "docs": [python, "-m", "mkdocs", "build", "--strict", "--quiet"],
    }
    failed = [name for name, check in checks.items() if subprocess.run(check, cwd=ROOT).returncode]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


def run(command: list, environment: dict) -> int:
    """Exit status of a command. Ctrl-C is for the command to answer: Jupyter asks, pytest sums up."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return process.wait()


def main() -> int:
    job, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if job not in EXTRAS:
        print(__doc__, file=sys.stderr)
        return 2
    check_machine()
    install(EXTRAS[job])
    if job == "lint":
        return lint()
    environment = dict(os.environ)
    if job == "demo":
        command = [BIN / "thermofab", "demo"]
    elif job == "tutorials":
        # From docs/, since tutorials link to its pages.
        command = [BIN / "jupyter-lab", TUTORIALS.parent, "--LabApp.default_url=/lab/tree/tutorials/index.md"]
        # With these settings a click on a tutorial opens it as a notebook, not as text.
        settings = [str(TUTORIALS / "tools" / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH")]
        environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, settings))
    else:
        # Two processes, a file of tests to one of them; with arguments it is for the caller to say.
        command = [BIN / "python", "-m", "pytest", *([] if arguments else ["-n", "2", "--dist", "loadfile"])]
        # Threads of two processes' matrix products would wait for each other's, spinning.
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")
        environment.setdefault("OMP_NUM_THREADS", "1")
    return run([*command, *arguments], environment)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
