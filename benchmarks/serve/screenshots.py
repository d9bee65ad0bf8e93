"""Pictures of the live page for the docs: ``python benchmarks/serve/screenshots.py`` writes docs/images/serve-*.png."""

import argparse
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SHOTS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 1900}, "color_scheme": "light", "device_scale_factor": 2},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    command = [sys.executable, "-m", "thermofab.apps.cli", "serve", "--demo", "--port", str(port)]
    server = subprocess.Popen([*command, "--backlog", "560", "--speed", "1"], cwd=ROOT)
    try:
        wait_for(port, 500)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
            for name, options in SHOTS.items():
                page = browser.new_page(**options)
                page.on("console", lambda message: print("console:", message.text))
                page.on("pageerror", lambda error: print("error:", error))
                page.goto(f"http://127.0.0.1:{port}/")
                page.wait_for_selector('connection-state[state="open"]')
                page.wait_for_timeout(2500)
                page.screenshot(path=arguments.out / f"serve-{name}.png", full_page=name != "phone")
                page.close()
            page = browser.new_page(viewport={"width": 420, "height": 460})
            page.goto(f"http://127.0.0.1:{port}/embed/card")
            page.wait_for_selector("strategy-card .name")
            page.screenshot(path=arguments.out / "serve-card.png")
            browser.close()
    finally:
        server.terminate()
        server.wait(30)


def wait_for(port: int, messages: int) -> None:
    """Until the server has sent so many messages."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
                heads = [
                    line for line in answer.read().decode().splitlines() if line.startswith("thermofab_serve_head ")
                ]
            if float(heads[0].split()[1]) >= messages:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("the server does not stream")


if __name__ == "__main__":
    main()
