"""Every tutorial runs from its first cell to its last, in a Jupyter kernel, and keeps what a reader is promised."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytest.importorskip("nbclient")
pytest.importorskip("mkdocs")
import execute  # noqa: E402 (needs both)
import pages  # noqa: E402

from tests.test_plain_english import PHRASES, prose_of  # noqa: E402

TUTORIALS = execute.tutorials()
RTL = {"03", "08", "09"}  # build gateware
RUNS = [pytest.param(path, marks=[pytest.mark.rtl] if path.stem[:2] in RTL else [], id=path.stem) for path in TUTORIALS]


@pytest.fixture(scope="module")
def kernel() -> Iterator:
    """One kernel for all: what they import is imported once."""
    with execute.kernel() as manager:
        yield manager


@pytest.mark.parametrize("path", RUNS)
def test_a_tutorial_runs(path, kernel):
    notebook = execute.executed(path, kernel)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert notebook.cells[0].source.startswith("# ") and 5 <= len(code) <= 12
    assert "assert" in code[-1].source, "it ends with a check of what it showed"
    assert prose.rstrip().rsplit("\n## ", 1)[1].startswith("Where next")
    page, images = pages.page_of(notebook, path.stem)
    assert images and all(f"({name})" in page for name in images)
    assert not re.search(r"!\[\]", page), "a picture has no description"
    assert "Warning" not in page and "Traceback" not in page


def test_a_failing_cell_is_named(kernel, tmp_path):
    broken = tmp_path / "99_broken.py"
    broken.write_text("# %%\nx = 1\n\n# %%\nassert x == 2, 'x is one'\n\n# %%\ny = 1\n")
    with pytest.raises(execute.TutorialError, match=r"99_broken\.py, code cell 2: (.|\n)*x is one"):
        execute.executed(broken, kernel)


def test_a_tutorial_starts_with_nothing_of_the_one_before(kernel, tmp_path):
    first, second = tmp_path / "98_first.py", tmp_path / "99_second.py"
    first.write_text("# %%\nleft_over = 1\nimport matplotlib.pyplot as plt\nplt.rcParams['font.size'] = 31\n")
    second.write_text(
        "# %%\nimport matplotlib.pyplot as plt\nprint(plt.rcParams['font.size'], 'left_over' in globals())\n"
    )
    execute.executed(first, kernel)
    (cell,) = execute.executed(second, kernel).cells
    assert cell.outputs[0].text == "10.0 False\n"


def test_kept_outputs_belong_to_the_text_and_the_code(tmp_path, monkeypatch):
    path = tmp_path / "99_small.py"
    path.write_text("# %%\nprint(1)\n")
    before = execute.kept(path)
    path.write_text("# %%\nprint(2)\n")
    assert execute.kept(path) != before
    monkeypatch.setattr(execute, "sources_digest", lambda: "of other code")
    assert execute.kept(path) not in (before, tmp_path)


def test_the_site_lists_every_tutorial():
    nav, index = (ROOT / "mkdocs.yml").read_text(), (ROOT / "docs" / "tutorials" / "index.md").read_text()
    for path in TUTORIALS:
        assert f"tutorials/{path.stem}.md" in nav and f"({path.stem}.py)" in index


def test_links_to_tutorials_lead_to_pages_on_the_site():
    markdown = "[a](tutorials/08_cell.py) [b](08_cell.py) [c](./08_cell.py) [d](../boards.md) [e](other.py)"
    assert pages.on_page_markdown(markdown) == (
        "[a](tutorials/08_cell.md) [b](08_cell.md) [c](./08_cell.py) [d](../boards.md) [e](other.py)"
    )


def test_tutorials_are_in_plain_english():
    for path in TUTORIALS:
        text = " ".join(prose_of("\n".join(line.removeprefix("# ") for line in path.read_text().splitlines())).split())
        assert [found[0] for phrase in PHRASES for found in re.finditer(phrase.pattern, text)] == [], path.name
