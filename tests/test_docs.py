"""The Python blocks of some pages run, in order, as one program per page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/tutorial.md",
        "docs/foresight.md",
        "docs/routing-sets.md",
        "docs/pytorch.md",
        "docs/continuous.md",
        "docs/optimise.md",
    ],
)
def test_python_blocks_run(page):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), page, "exec"), {})
