"""Every Python block of every page runs: a page is one program, with a namespace and a folder of its own."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from thermofab.compiler.frontend.thrml_energy import FACTORS
from thermofab.compiler.frontend.thrml_program import INTERACTIONS, SAMPLERS
from thermofab.compiler.passes.pipelines import PASSES

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LEFT_OUT = {
    "first-hour.md": "each of its blocks is a program of its own; tests/test_first_hour.py runs them",
    "boards.md": "places and routes a fabric, which takes minutes",
    "handoff.md": "its blocks belong into a LiteX design; tests/verilog/test_verilog_litex.py runs such a one",
}


def blocks_of(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def made_prices(folder: Path) -> None:
    """Daily closes and volumes of a random market over 900 days, a CSV file per symbol in ``folder``/prices."""
    import numpy as np
    import pandas

    rng = np.random.default_rng(0)
    dates = pandas.bdate_range("2006-01-02", periods=900)
    common = rng.normal(0.0003, 0.01, len(dates))
    (folder / "prices").mkdir()
    for symbol in ("SPY", "TLT", "GLD", "QQQ", "VWO"):
        returns = (-0.3 if symbol == "TLT" else 1.0) * common + rng.normal(0, 0.006, len(dates))
        columns = {
            "Date": dates,
            "Close": 90 * np.exp(returns.cumsum()),
            "Volume": rng.integers(1_000_000, 5_000_000, len(dates)),
        }
        pandas.DataFrame(columns).to_csv(folder / "prices" / f"{symbol}.csv", index=False)
    volatility = pandas.DataFrame({"Date": dates, "Close": 18 + 4 * np.abs(rng.normal(size=len(dates)))})
    volatility.to_csv(folder / "prices" / "VIX.csv", index=False)


def made_strategy_model(folder: Path) -> None:
    """An untrained strategy model as ``folder``/checkpoints/strategy."""
    import numpy as np

    from thermofab.apps.strategy import TRMModelConfig
    from thermofab.apps.strategy.checkpoint import StrategyModel, fit_normaliser, save_strategy_model
    from thermofab.models.trm import TinyRecursiveModel

    model = TinyRecursiveModel(TRMModelConfig(hidden_dim=16, mask_inputs=True))
    rows = np.random.default_rng(0).normal(size=(50, 10))
    save_strategy_model(folder / "checkpoints" / "strategy", StrategyModel(model, fit_normaliser(rows)))


FILES: dict[str, tuple[Callable[[Path], None], ...]] = {
    "portfolio.md": (made_prices,),
    "strategy.md": (made_prices, made_strategy_model),
    "strategy-live.md": (made_strategy_model,),
}


@pytest.fixture
def registries() -> Iterator[None]:
    """What a page registers with the compiler is gone after it: other tests of this process have none of it."""
    tables: list[dict[Any, Any]] = [INTERACTIONS, SAMPLERS, FACTORS, PASSES]
    before = [dict(table) for table in tables]
    yield
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in LEFT_OUT and blocks_of(page)], ids=lambda page: page.name
)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for make in FILES.get(page.name, ()):
        make(tmp_path)
    exec(compile("\n".join(blocks_of(page)), page.name, "exec"), {"__name__": page.stem})


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text()
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links and not [link for link in links if not (ROOT / link).exists()]


def test_pages_left_out_have_blocks():
    for name in LEFT_OUT:
        assert blocks_of(ROOT / "docs" / name), f"{name} has no Python block; take it off the list."


def test_the_readme_has_the_measured_area():
    """The figures printed in the README are those of docs/results/area.json."""
    rows = json.loads((ROOT / "docs" / "results" / "area.json").read_text())["rows"]
    row = next(row for row in rows if row["configuration"] == "ecp5 systolic g12-70x70-torus block-ram")
    said = re.search(r"# ([\d,]+) LUT4, (\d+) block RAM, ([\d.]+) MHz, measured", (ROOT / "README.md").read_text())
    assert said is not None
    assert [float(figure.replace(",", "")) for figure in said.groups()] == [
        row["lut4"], row["block_ram"], round(row["megahertz"], 1)
    ]  # fmt: skip
