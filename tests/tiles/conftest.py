"""Tiles are benched as fabrics are, by helpers of that folder; every test here needs the RTL tools."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "rtl"))


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.rtl)
