"""Panels: alignment, what is left out, and what is refused."""

import numpy as np
import pytest

from tests.apps.trading.portfolio.made_panels import dates, write_prices
from thermofab.apps.trading.portfolio.panel import Panel, load_panel
from thermofab.hw.spec import SpecError


@pytest.fixture
def folder(tmp_path):
    """AAA and BBB, 700 days; BBB has no 300th day and begins ten days later."""
    rng, days = np.random.default_rng(0), dates(701)
    a, b = 0.01 * rng.standard_normal((2, 700))
    write_prices(tmp_path, "AAA", days, a)
    path = write_prices(tmp_path, "BBB", days, b)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *lines[11:301], *lines[302:]]))
    return tmp_path, days, a, b


def test_returns_are_between_common_days(folder):
    path, days, a, b = folder
    panel = load_panel(path)
    assert panel.symbols == ("AAA", "BBB")
    assert np.array_equal(panel.dates, np.delete(days[11:], 289))  # day 300 of all is missing
    # The return that ends a day after the missing one is of two days, in both columns.
    for column, whole in zip(panel.returns.T, (a, b)):
        expected = np.concatenate([whole[10:299], [whole[299] + whole[300]], whole[301:]])
        assert np.allclose(column, expected, atol=1e-8)
    assert any("AAA has 1 days" in note and "returns span them" in note for note in panel.notes)


def test_parts_of_a_panel(folder):
    panel = load_panel([folder[0] / "BBB.csv", folder[0] / "AAA.csv"], ["BBB", "AAA"])
    assert panel.symbols == ("BBB", "AAA")
    day = panel.dates[100]
    assert panel.until(day).dates[-1] == day == panel.since(str(day)).dates[0]
    assert len(panel.until(day)) + len(panel.since(day)) == len(panel) + 1
    assert np.array_equal(panel.columns(["AAA", "BBB"]).returns, panel.returns[:, ::-1])
    with pytest.raises(SpecError, match="the panel has no CCC; it has BBB, AAA"):
        panel.columns(["CCC", "AAA"])
    with pytest.raises(SpecError, match="no day of it is left"):
        panel.since("2030-01-01")
    with pytest.raises(SpecError, match="a day is written as 2008-09-15, got 'soon'"):
        panel.until("soon")


def test_what_a_folder_has_beside_prices_is_left_out_and_said(folder):
    (folder[0] / "notes.txt").write_text("no prices")
    (folder[0] / "broken.csv").write_text("Date,Close\n2000-01-03,1\n2000-01-04,-1\n")
    panel = load_panel(folder[0])
    assert panel.symbols == ("AAA", "BBB")
    assert any(note.startswith("broken was left out: the price of broken on 2000-01-04 is -1") for note in panel.notes)
    with pytest.raises(SpecError, match="the price of broken on 2000-01-04 is -1"):
        load_panel(folder[0], ["AAA", "broken"])


def test_bad_sources_are_refused(folder, tmp_path):
    path, days, a, _ = folder
    with pytest.raises(SpecError, match="there is no price file of ZZZ; there is AAA, BBB"):
        load_panel(path, ["AAA", "ZZZ"])
    with pytest.raises(SpecError, match="there is no folder"):
        load_panel(path / "nowhere")
    with pytest.raises(SpecError, match="two assets at least, got 1"):
        load_panel(path, ["AAA"])
    write_prices(path, "SHORT", days[-450:], a[-449:])
    with pytest.raises(SpecError, match=r"450 days in common.* 500 at least: AAA .*; SHORT ") as refused:
        load_panel(path, ["AAA", "SHORT"])
    assert "BBB" not in str(refused.value)
    (path / "AAA.CSV.gz").write_bytes(b"")
    with pytest.raises(SpecError, match="two files are named AAA"):
        load_panel(path)
    empty = path / "empty"
    empty.mkdir()
    with pytest.raises(SpecError, match=r"there is no \.csv, \.csv\.gz or \.parquet file"):
        load_panel(empty)


def test_missing_prices_are_refused_or_dropped_by_name(folder):
    path = folder[0] / "AAA.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines[200] = lines[200].split(",")[0] + ",\n"
    path.write_text("".join(lines))
    with pytest.raises(SpecError, match="is missing; fill it, or load with repair"):
        load_panel([path, folder[0] / "BBB.csv"])
    panel = load_panel(folder[0], ["AAA", "BBB"], repair=["drop-missing"])
    assert "AAA: dropped 1 days without a price." in panel.notes


def test_a_panel_checks_itself():
    days, good = dates(3), np.zeros((3, 2))
    bad = good.copy()
    bad[1, 1] = np.nan
    with pytest.raises(SpecError, match="the return of B on 2000-01-04 is not a finite number"):
        Panel(("A", "B"), days, bad)
    with pytest.raises(SpecError, match="A comes 2 times"):
        Panel(("A", "A"), days, good)
    with pytest.raises(SpecError, match="needs returns of shape"):
        Panel(("A", "B"), days, good[:2])
    with pytest.raises(SpecError, match="ascend; 2000-01-03 comes after 2000-01-04"):
        Panel(("A", "B"), days[[1, 0, 2]], good)
