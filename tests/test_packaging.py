"""The package as users get it: what the wheel holds, what importing costs, and names that must not leak."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("hw", "sim", "compiler", "models", "apps")


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def test_importing_thermofab_brings_in_nothing_heavy():
    code = "import sys, thermofab, thermofab.hw.spec; print(sorted({'jax', 'amaranth', 'torch'} & set(sys.modules)))"
    assert run(code).stdout.strip() == "[]"


def test_public_names_resolve():
    assert run("import thermofab as f; assert all(getattr(f, n) for n in dir(f))").returncode == 0


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_refuse_their_bare_name(folder):
    done = run(f"import {folder}")
    assert done.returncode == 1 and f"import this package as thermofab.{folder}, not as {folder}" in done.stderr


def test_the_wheel_holds_the_tracked_files(tmp_path):
    """Built from a copy of the tracked files, so that nothing untracked can hide an omission."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    source = tmp_path / "source"
    for name in filter(None, listed):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to((ROOT / name).readlink())
        elif (ROOT / name).exists():
            target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", tmp_path, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("thermofab/")}
    kinds = (".py", ".c", ".cpp", ".h", ".html", ".css", ".js", ".svg", ".schema.json")
    data = ("apps/serve/static/vendor/", "models/trm/weights/", "apps/routing/catalogue.json")
    code = {name for name in listed if name.split("/")[0] in FOLDERS and name.endswith(kinds) or name.startswith(data)}
    own = {"thermofab/__init__.py", "thermofab/py.typed", "thermofab/torch.py"}
    assert held == {f"thermofab/{name}" for name in code} | own
