"""The page in a browser: it draws what the program does, and clamps, β and keys work."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from thermofab.apps.serve.server import serving
from thermofab.apps.view.app import create_app
from thermofab.apps.view.controls import Controls
from thermofab.apps.view.demo import demo
from thermofab.apps.view.player import Scene
from thermofab.hw.spec import Schedule, fabric, open_device

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium; apt-get install chromium")
AXE = Path(__file__).parents[1] / "serve" / "vendor" / "axe-core" / "axe.min.js"


def serious(page):
    """What axe-core finds that is serious or worse."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [(f["id"], [n["html"] for n in f["nodes"]]) for f in found if f["impact"] in ("serious", "critical")]


def colours(page, sites):
    """Red, green and blue of sites on the canvas, beside their names."""
    return page.evaluate(
        """(sites) => {
          const view = document.querySelector("fabric-canvas"), { width, height } = view.canvas;
          const at = (place, from) => Math.round((place + 0.3 - from) * view.scale * devicePixelRatio);
          const pixels = view.pen.getImageData(0, 0, width, height).data;
          return sites.map((site) => {
            const first = 4 * (at(view.ys[site], view.top) * width + at(view.xs[site], view.left));
            return [...pixels.slice(first, first + 3)].join();
          });
        }""",
        sites,
    )


def test_the_page_shows_the_run_and_changes_it():
    program = demo(fabric("g4-12x12", profile="fine"), seed=1)
    several = [k for k, sites in enumerate(program.copies) if len(sites) > 1]
    assert several
    scene = Scene(program, open_device("reference", program.fabric), "reference", "a test", controls=Controls(sweeps=2))
    troubles: list[str] = []
    with serving(create_app(scene)) as place, playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.set_default_timeout(15_000)
        page.goto(place.url)
        page.wait_for_selector('connection-state[state="open"]')
        page.wait_for_function("() => document.querySelector('fabric-canvas').drawn > 3")
        page.click("#run")
        page.wait_for_function("() => document.querySelector('#rate').textContent === 'paused'")
        page.wait_for_timeout(300)
        sweeps = int(page.inner_text("#sweeps-now"))
        call = program.sample(Schedule(sweeps, 1), seed=0, device="reference")
        plain = [sites[0] for sites in program.copies if len(sites) == 1]
        drawn = set(zip(call.sites[0, 0, plain].tolist(), colours(page, plain)))
        assert len(drawn) == len({colour for _, colour in drawn}) == 2

        node = several[0]
        page.fill("#node", str(program.model.nodes[node]))
        page.press("#node", "Enter")
        for site in program.copies[node]:
            assert str(site) in page.inner_text("#chosen")
        page.focus("fabric-canvas canvas")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#clamp-count').textContent === '1 node clamped'")
        page.click("#step")
        page.wait_for_function("() => document.querySelector('#leg-now').textContent === '1'")
        assert page.inner_text("#now") == "+1 (up)"
        x, y = page.evaluate(
            """(site) => {
              const view = document.querySelector("fabric-canvas"), box = view.canvas.getBoundingClientRect();
              const at = (place, from) => (place[site] - from) * view.scale;
              return [box.left + at(view.xs, view.left), box.top + at(view.ys, view.top)];
            }""",
            plain[40],
        )
        page.mouse.click(x, y)
        page.mouse.click(x, y)
        page.wait_for_function("() => document.querySelector('#clamp-count').textContent === '2 nodes clamped'")
        page.wait_for_function("() => document.querySelector('#chosen [data-state=\"0\"]').ariaPressed === 'true'")
        page.focus("#beta")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => document.querySelector('#beta-now').textContent === '1.05'")
        page.click("#free")
        page.click("#run")
        page.wait_for_function("() => document.querySelector('#rate').textContent.includes('frames/s')")
        page.click("#code")
        page.wait_for_function("() => document.querySelector('#script pre').textContent.includes('program.sample(')")
        for width, scheme in ((1200, "light"), (360, "dark")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(150)
            assert serious(page) == [] and page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
    assert troubles == []
    newest = place.app.state.player.newest
    assert newest.leg.factor == 1.05 and newest.leg.clamp == {} and np.any(newest.frame.states)
