"""Frames per second of ``thermofab view`` in headless Chromium, on 70 × 70 sites.

``python benchmarks/view.py`` writes docs/results/view.json and the table of docs/view.md; ``--screenshot`` writes
docs/images/view.png instead. Server and browser share this machine. A frame counts when the page has drawn it.
"""

import argparse
import io
import shutil
from contextlib import contextmanager

import numpy as np
from page_tables import fill, results
from PIL import Image
from playwright.sync_api import sync_playwright
from results import ROOT, write_results

from thermofab.apps.serve.server import serving
from thermofab.apps.view.app import create_app
from thermofab.apps.view.command import DEMO_FABRIC, program_of
from thermofab.apps.view.controls import Controls
from thermofab.apps.view.player import Scene
from thermofab.hw.spec import open_device

SECONDS = 10
CASES = (  # device, chains, sweeps per frame, frames per second asked for
    ("native", 32, 5, 20),
    ("native", 32, 5, 60),
    ("native", 32, 200, 20),
    ("jax", 32, 5, 20),
    ("jax", 32, 5, 60),
    ("reference", 1, 1, 20),
)
_WATCH = """async (seconds) => {
  const canvas = document.querySelector("fabric-canvas canvas"), times = [];
  const observer = new MutationObserver(() => times.push(performance.now()));
  observer.observe(canvas, { attributes: true, attributeFilter: ["data-drawn"] });
  const first = Number(canvas.dataset.drawn), began = performance.now();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  observer.disconnect();
  return { drawn: Number(canvas.dataset.drawn) - first, seconds: (performance.now() - began) / 1000, times };
}"""


@contextmanager
def page_of(scene, **options):
    """The page of a scene in a browser of its own, connected."""
    with serving(create_app(scene)) as place, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, **options)
        page.goto(place.url)
        page.wait_for_selector('connection-state[state="open"]')
        page.wait_for_function("() => document.querySelector('fabric-canvas').drawn > 5")
        yield page, place
        browser.close()


def measured(program, device, chains, sweeps, fps):
    """A row of the table."""
    controls = Controls(sweeps=sweeps)
    scene = Scene(program, open_device(device, program.fabric), device, "demo", chains, fps, controls)
    with page_of(scene) as (page, place):
        found = page.evaluate(_WATCH, SECONDS)
        frame = place.app.state.player.newest.frame
    gaps = np.diff(found["times"])
    return {
        "device": device, "chains": chains, "sweeps_per_frame": sweeps, "asked": fps,
        "drawn_per_second": round(found["drawn"] / found["seconds"], 2),
        "gap_ms": {"p50": round(float(np.median(gaps)), 1), "p99": round(float(np.quantile(gaps, 0.99)), 1)},
        "device_ms": round(1000 * frame.seconds, 2), "frame_bytes": len(frame.to_bytes()),
    }  # fmt: skip


def table():
    """Frames per second asked for and drawn, and milliseconds between frames."""
    found = results("view")
    lines = [
        "| device | chains | sweeps per frame | `--fps` | drawn per second | median and 99% time between frames |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        gap = row["gap_ms"]
        lines.append(
            f"| `{row['device']}` | {row['chains']} | {row['sweeps_per_frame']} | {row['asked']} "
            f"| {row['drawn_per_second']:.1f} | {gap['p50']:.0f} ms, {gap['p99']:.0f} ms |"
        )
    return "\n".join([*lines, "", f"{found['fabric']}, {found['rows'][0]['frame_bytes']:,} bytes per frame; "
                      f"{found['machine']}, which runs server and browser; `{found['command']}`."])  # fmt: skip


def screenshot(program):
    """docs/images/view.png: states of the demo with large domains, and a node on several sites that is clamped."""
    scene = Scene(program, open_device("native", program.fabric), "native", "demo, seed 0", 32)
    several = max(range(len(program.copies)), key=lambda node: len(program.copies[node]))
    with page_of(scene, color_scheme="light") as (page, _):
        page.evaluate("(value) => { const b = document.getElementById('beta'); b.value = value; "
                      "b.dispatchEvent(new Event('input')); }", "1.15")  # fmt: skip
        page.fill("#node", str(program.model.nodes[several]))
        page.press("#node", "Enter")
        page.click("#chosen [data-state='1']")
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(15_000)
        shot = Image.open(io.BytesIO(page.screenshot()))
    # Few colours: a third of the bytes, and no difference to be seen.
    few = shot.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(ROOT / "docs" / "images" / "view.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screenshot", action="store_true", help="Write the picture of the page instead.")
    arguments = parser.parse_args()
    program, _ = program_of(None, None, 1.0, 0)
    if arguments.screenshot:
        screenshot(program)
        return
    rows = []
    for case in CASES:
        rows.append(measured(program, *case))
        print(rows[-1], flush=True)
    write_results("view", {"fabric": DEMO_FABRIC, "seconds": SECONDS, "rows": rows})
    fill(["view.md"], {"frames": table})


if __name__ == "__main__":
    main()
