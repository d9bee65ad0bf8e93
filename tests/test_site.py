"""The docs site by axe-core, in headless Chromium: no page breaks a rule, light or dark (`-m soak`)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
AXE = ROOT / "tests" / "apps" / "serve" / "vendor" / "axe-core" / "axe.min.js"
NAMES = (
    "index",
    "start",
    "first-hour",
    "glossary",
    "comparison",
    "frontier",
    "view",
    "cli",
    "tutorials/index",
    "tutorials/08_cocotb_cell",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site with a file per page, so that it needs no server."""
    folder = tmp_path_factory.mktemp("site")
    config = ROOT / "site-by-files.yml"
    config.write_text("INHERIT: mkdocs.yml\nuse_directory_urls: false\n")
    try:
        build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", config, "-d", folder]
        subprocess.run(build, cwd=ROOT, check=True)
    finally:
        config.unlink()
    return folder


@pytest.mark.soak
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule(site, scheme):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(color_scheme=scheme, bypass_csp=True).new_page()
        broken = {}
        for name in NAMES:
            page.goto((site / f"{name}.html").as_uri(), wait_until="domcontentloaded")
            page.wait_for_function("document.querySelector('.md-search').hasAttribute('aria-label')")
            page.add_script_tag(path=AXE)
            found = page.evaluate("axe.run()")["violations"]
            broken |= {f"{name}: {rule['id']}": [node["html"] for node in rule["nodes"]] for rule in found}
        browser.close()
    assert broken == {}
