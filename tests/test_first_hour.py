"""The programs of docs/first-hour.md run, each alone, and do what the page says."""

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


def blocks_of(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


@pytest.fixture
def first_hour(monkeypatch, tmp_path):
    """Runs a program of the page by its number, from a clean start in an empty folder; gives its names."""
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)

    def run(number):
        block = blocks_of("docs/first-hour.md")[number]
        assert sum(bool(line.strip()) for line in block.splitlines()) <= 15
        names = {}
        exec(compile(block, f"first hour, program {number}", "exec"), names)
        return names

    return run


def test_the_first_hour_has_five_programs():
    assert len(blocks_of("docs/first-hour.md")) == 5


def test_the_ising_program_orders_as_it_cools(first_hour, tmp_path):
    titles = [axis.get_title() for axis in first_hour(0)["axes"]]
    magnetisation = [float(title.split("= ")[-1]) for title in titles]
    assert magnetisation[0] < 0.2 and magnetisation[2] > 0.4, titles
    assert (tmp_path / "ising.png").stat().st_size > 1000


def test_the_machine_dreams_digits(first_hour):
    names = first_hour(1)
    known = {row.tobytes() for row in names["digits"].astype(bool)}
    assert np.mean([row.tobytes() in known for row in names["dreams"]]) > 0.5


def test_the_cut_reaches_its_bound(first_hour):
    names = first_hour(2)
    assert names["cut"] == names["found"].value == 81 > names["exchanged"]


def test_the_potts_neighbours_agree(first_hour):
    ends = first_hour(3)["ends"]
    assert ends[0].shape == (20, 50, 60) and (ends[0] == ends[1]).mean() > 0.5


def test_evidence_explains_away(first_hour, capsys):
    """32,000 samples of three spins: the standard error is below 0.01, autocorrelation included."""
    first_hour(4)
    found = [
        tuple(map(float, re.findall(r"= ([\d.]+), exact ([\d.]+)", line)[0]))
        for line in capsys.readouterr().out.splitlines()
    ]
    assert len(found) == 3 and all(abs(ours - exact) < 0.05 for ours, exact in found)
    assert found[1][0] > found[2][0] > found[0][0]
