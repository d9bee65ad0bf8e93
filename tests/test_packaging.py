"""The package as users get it: what the wheel holds, what importing costs, and names that must not leak."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("hw", "sim", "compiler", "models", "apps")


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def _tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def _tracked_files(copy: Path) -> Path:
    """A copy of the tracked files, so that nothing untracked can hide an omission."""
    for name in _tracked():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to((ROOT / name).readlink())
        elif (ROOT / name).exists():
            target.write_bytes((ROOT / name).read_bytes())
    return copy


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
    source = _tracked_files(tmp_path / "source")
    listed = _tracked()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", tmp_path, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("thermofab/")}
    kinds = (".py", ".c", ".cpp", ".h", ".html", ".css", ".js", ".svg", ".schema.json")
    data = ("apps/serve/static/vendor/", "models/trm/weights/", "apps/routing/catalogue.json")
    code = {name for name in listed if name.split("/")[0] in FOLDERS and name.endswith(kinds) or name.startswith(data)}
    own = {"thermofab/__init__.py", "thermofab/py.typed", "thermofab/torch.py"}
    assert held == {f"thermofab/{name}" for name in code} | own


def test_the_source_distribution_builds_the_same_wheel(tmp_path):
    """Links and data are in the archive: what is unpacked from it is a package that installs."""
    build = "from setuptools import build_meta; import sys; print(build_meta.build_sdist(sys.argv[1]))"
    copied = _tracked_files(tmp_path / "source")
    done = subprocess.run(
        [sys.executable, "-c", build, tmp_path], cwd=copied, capture_output=True, text=True, check=True
    )
    archive = tmp_path / done.stdout.splitlines()[-1]
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", target]
    subprocess.run([*pip, archive], check=True, capture_output=True)
    use = "import thermofab as f; print(f.__file__, f.open_device('reference', f.fabric('g4-3x3')).info().name)"
    found = subprocess.run(
        [sys.executable, "-c", use], cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True
    )
    assert found.stdout.split() == [str(target / "thermofab" / "__init__.py"), "reference"], found.stderr


def test_constraints_name_a_version_of_every_dependency():
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*table["dependencies"], *table["optional-dependencies"]["dev"]]
    wanted = [each for each in map(Requirement, lines) if each.name != "thermofab"]
    pins = (line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    pinned = {canonicalize_name(name): version for name, version in pins}
    assert [str(each) for each in wanted if not each.specifier.contains(pinned[canonicalize_name(each.name)])] == []
