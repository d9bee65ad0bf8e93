"""The figures that the report compares architectures by are those that were measured."""

import json
from pathlib import Path

import pytest

from thermofab.hw.spec.costs import AREA_MODELS

ROWS = json.loads((Path(__file__).resolve().parents[2] / "docs" / "results" / "relays_area.json").read_text())["rows"]


# Of systolic fabrics the report compares nothing: how many elements a lattice gets is the designer's choice.
MODELLED = [row for row in ROWS if "lut4" in row and "tile=1" not in row["line"] and row["architecture"] in AREA_MODELS]


@pytest.mark.parametrize("row", MODELLED, ids=lambda row: row["line"])
def test_area_models_are_within_a_tenth_of_what_was_placed(row):
    """Red if a fabric was measured anew and the model was not. A fabric of few sites is mostly its host."""
    model = AREA_MODELS[row["architecture"]]
    if row["sites"] >= 64:
        assert model.lut4(row["sites"], row["degree"]) == pytest.approx(row["lut4"], rel=0.1)
    assert model.megahertz == pytest.approx(row["megahertz"], rel=0.15)
