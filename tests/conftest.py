"""Shared set-up: soaks are left out unless asked for; slow imports are paid once."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``-m``, leave out tests marked ``soak``."""
    if config.getoption("markexpr"):
        return
    skip = pytest.mark.skip(reason="a soak; run with -m soak")
    for item in items:
        if "soak" in item.keywords:
            item.add_marker(skip)
