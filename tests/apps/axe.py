"""What axe-core finds on a page that is one file, on a narrow screen, with all that folds unfolded."""

import shutil
from pathlib import Path

import pytest

AXE = Path(__file__).parent / "serve" / "vendor" / "axe-core" / "axe.min.js"
WIDTH = 390


def broken_rules(file: Path) -> dict[str, list[str]]:
    """Elements by the rule that they break, light or dark; skips the test where there is no browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium; apt-get install chromium")
    found: dict[str, list[str]] = {}
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme, rules in (("light", {"runOnly": ["color-contrast"]}), ("dark", {})):
            page = browser.new_page(viewport={"width": WIDTH, "height": 844}, color_scheme=scheme)
            page.goto(file.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
            page.evaluate(AXE.read_text(encoding="utf-8"))
            result = page.evaluate("rules => axe.run(rules)", rules)
            assert len(result["passes"]) >= (1 if rules else 10), "axe looked at little"
            for rule in result["violations"]:
                found[f"{scheme}: {rule['id']}"] = [node["html"] for node in rule["nodes"]]
        browser.close()
    return found
