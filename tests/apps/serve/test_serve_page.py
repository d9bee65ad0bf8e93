"""The page in a browser: it connects, updates, comes back after a restart, and can be used without eyes or mouse."""

import contextlib
import shutil
import socket as sockets
import time
from pathlib import Path

import pytest

from tests.apps.serve.serve_kit import Told, payload
from thermofab.apps.serve.access import Access
from thermofab.apps.serve.app import create_app
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.prediction import PREDICTION
from thermofab.apps.serve.server import serving
from thermofab.apps.trading.portfolio.live.message import RISK
from thermofab.apps.trading.portfolio.live.record import Record

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium; apt-get install chromium")
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
PLAN = {
    "device": "jax", "fabric": "g4-2x2", "replicas": 4, "spins": [[0, 1, 1, 0], [1, 1, 1, 1]],
    "marginals": [0.1, 0.9, 0.5, 0.3], "allocation": [{"label": "day +1", "probability": 0.4}], "spread": 0.2,
}  # fmt: skip


def days(first, count, **changes):
    """Messages of successive days in January 2026."""
    realised = {"hits": 3, "count": 7, "baseline_hits": 4, "definition": "As the test says."}
    return [
        payload(as_of=f"2026-01-{day:02}", price=100.0 + day, plan=PLAN, realised=realised, **changes)
        for day in range(first, first + count)
    ]


class Place:
    """A server that can be stopped and started again at the same port with the same journal."""

    def __init__(self, folder, access=None):
        with sockets.create_server(("127.0.0.1", 0)) as line:
            self.port = line.getsockname()[1]
        self.folder, self.access = folder, access
        self._running = contextlib.ExitStack()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, *names, journal="journal.sqlite", further=()):
        self.told = [*(Told(name) for name in names or ("SPY",)), *further]
        limits = Limits(heartbeat_seconds=0.5, retry_seconds=0.05)
        app = create_app(
            self.told, Journal(self.folder / journal), access=self.access, limits=limits, kinds=(PREDICTION, RISK)
        )
        self._running.enter_context(serving(app, port=self.port, limits=limits))
        return self.told[0]

    def stop(self):
        self._running.close()


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.stop()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page that must end without errors in its console."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.troubles = []
        page.on("console", lambda message: message.type in ("error", "warning") and page.troubles.append(message.text))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.set_default_timeout(20_000)
        yield page
        assert page.troubles == []


def live(page):
    page.wait_for_selector('connection-state[state="open"]')


def says(page, selector, text):
    page.wait_for_function("([s, t]) => document.querySelector(s)?.textContent.includes(t)", arg=[selector, text])


def violations(page):
    """What axe-core finds that is serious or worse."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run()")
    assert len(result["passes"]) >= 10, "axe looked at little"
    found = result["violations"]
    return [(f["id"], [n["html"] for n in f["nodes"]]) for f in found if f["impact"] in ("serious", "critical")]


def test_it_connects_updates_and_comes_back_after_a_restart(place, page):
    spy = place.start()
    spy.say(*days(1, 5))
    page.goto(place.url)
    live(page)
    says(page, "strategy-card", "2026-01-05")
    says(page, "strategy-card", "Growth")
    says(page, "#accuracy", "14.3 points below always making the same call")
    says(page, "#banners", "No trained model is behind this")
    assert "100" in page.locator("#price").get_attribute("aria-label") or "101" in page.locator("#price").get_attribute(
        "aria-label"
    )
    probabilities = dict(payload()["probabilities"], growth=0.1, defensive=0.3)
    spy.say(*days(6, 1, strategy_id=1, strategy_name="defensive", probabilities=probabilities))
    says(page, "strategy-card", "Defensive")
    says(page, "#announce", "the strategy is now Defensive, confidence 30%")
    page.wait_for_function("() => document.querySelector('fabric-view canvas')?.ariaLabel?.includes('4 sites')")
    page.locator("#price .u-over").hover()
    says(page, "#price .readout", "2026-01-0")
    place.stop()
    page.wait_for_selector('connection-state[state="closed"]')
    spy = place.start()
    spy.say(*days(7, 3))
    says(page, "strategy-card", "2026-01-09")
    live(page)
    page.locator("summary", has_text="Newest values").click()
    page.wait_for_function("() => document.querySelectorAll('#values tbody tr').length === 9")
    # While the server was away the browser itself reports connections that failed; nothing else may be said.
    page.troubles[:] = [text for text in page.troubles if "ERR_CONNECTION_REFUSED" not in text]


def test_another_journal_begins_anew(place, page):
    place.start().say(*days(1, 9))
    page.goto(place.url)
    says(page, "strategy-card", "2026-01-09")
    place.stop()
    place.start(journal="other.sqlite").say(*days(1, 2))
    says(page, "strategy-card", "2026-01-02")
    live(page)
    page.troubles[:] = [text for text in page.troubles if "ERR_CONNECTION_REFUSED" not in text]


def test_what_is_refused_is_told_and_the_page_goes_on(place, page):
    spy = place.start()
    spy.say(*days(1, 1))
    page.goto(place.url)
    live(page)
    spy.say(payload(confidence=float("nan")), *days(2, 1))
    says(page, "#log", "data.confidence is not a finite number")
    says(page, "strategy-card", "2026-01-02")


def test_markup_in_messages_is_text(place, page):
    spy = place.start()
    spy.say(*days(1, 1, source={"kind": "tail", "name": "<img src=x onerror=alert(1)>"}))
    page.goto(place.url)
    says(page, "strategy-card", "<img src=x")
    assert page.locator("strategy-card img").count() == 0


def test_several_symbols_are_chosen_by_keyboard(place, page):
    place.start("SPY", "TLT")
    place.told[0].say(*days(1, 2))
    place.told[1].say(*days(3, 2, symbol="TLT"))
    page.goto(place.url)
    page.wait_for_selector("#topic-choice:not([hidden])")
    page.focus("#topic")
    page.keyboard.press("T")
    says(page, "strategy-card", "TLT")
    says(page, "strategy-card", "2026-01-04")


def test_the_token_is_asked_for_and_kept_out_of_the_address(tmp_path, browser):
    place = Place(tmp_path, Access("sesame-open"))
    place.start().say(*days(1, 1))
    try:
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(place.url)
            page.locator("token-form input").fill("wrong-token")
            page.keyboard.press("Enter")
            time.sleep(0.3)
            assert page.locator("connection-state").get_attribute("state") == "token"
            page.locator("token-form input").fill("sesame-open")
            page.keyboard.press("Enter")
            says(page, "strategy-card", "2026-01-01")
            page.locator("token-form").wait_for(state="hidden")
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(place.url + "/#token=sesame-open")
            says(page, "strategy-card", "2026-01-01")
            assert "sesame" not in page.url
    finally:
        place.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(place, page, scheme, width):
    place.start("SPY", "TLT").say(*days(1, 9, stale=True, drift={"features": ["vix_level"], "calibration": True}))
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)
    page.goto(place.url)
    says(page, "strategy-card", "2026-01-09")
    for summary in page.locator("summary:visible").all():
        summary.click()
    page.wait_for_timeout(300)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


class ToldRisk(Told):
    """A portfolio's risk."""

    message_type = RISK.type


def risks(profits, first=1):
    """Messages of successive days: the forecast is always the same, and the days' profits are these."""
    record, made = Record((0.01, 0.05)), []
    levels = [{"level": 0.01, "var": 0.02, "es": 0.025}, {"level": 0.05, "var": 0.012, "es": 0.016}]
    for k, profit in enumerate(profits):
        scored = None
        if profit is not None:
            record = record.after(profit, 0.004 if profit < -0.02 else 0.6, (0.02, 0.012))
            beyond = [{"level": o["level"], "var": o["var"], "hit": profit < -o["var"]} for o in levels]
            scored = {"profit": profit, "pit": 0.6, "beyond": beyond}
        made.append(
            {
                "schema_version": "1.0", "symbol": "Book", "as_of": f"2026-01-{first + k:02}", "stale": False,
                "mock": False, "source": {"kind": "replay", "name": "AAA.csv, BBB.csv"}, "assets": ["AAA", "BBB"],
                "money": 5000.0,
                "positions": [
                    {"symbol": "AAA", "share": 0.8, "es": 0.018, "volatility": 0.2, "price": 101.5},
                    {"symbol": "BBB", "share": -0.2, "es": -0.002, "volatility": 0.1, "price": 20.25},
                ],
                "model": {
                    "name": "static machine, GJR", "device": "jax", "seed": 0, "draws": 4000, "basis": "0" * 16,
                    "until": "2025-12-31", "fitted": "2025-12-31", "days": 2000, "fits": 1, "refit": None,
                },
                "forecast": {"levels": levels, "volatility": 0.15, "contributions_at": 0.05},
                "scored": scored, "record": {"since": "2026-01-02", **record.to_message()},
                "left_out": {"rows": 1, "last": "2026-01-02: no price of AAA."},
            }
        )  # fmt: skip
    return made


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_portfolios_risk_has_its_own_panels(place, page, width, scheme):
    book = ToldRisk("Book")
    spy = place.start("SPY", further=[book])
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)
    book.say(*risks([None, 0.01, -0.03, 0.002]))
    page.goto(place.url)
    live(page)
    says(page, "#risk-next", "2.00% VaR at 1%, the day after 2026-01-04")
    says(page, "#risk-next", "2.50% (125)")
    says(page, "#what", "portfolio risk, live")
    says(page, "#risk-held", "−13%")
    says(page, "#risk-cover", "3 days scored since 2026-01-02")
    says(page, "#risk-drift", "Rows left out: 1. 2026-01-02: no price of AAA.")
    label = page.locator("#risk-chart").get_attribute("aria-label")
    assert label == "Profits of Book, 2026-01-02 to 2026-01-04, 3 days, 1 of them beyond VaR at 1%."
    assert not page.locator("strategy-card").is_visible()
    for summary in page.locator("summary:visible").all():
        summary.click()
    says(page, "#risk-days", "beyond 1%")
    assert violations(page) == [] and page.evaluate("document.documentElement.scrollWidth") <= width
    book.say(*risks([None] + [-0.03] * 20, first=5))
    says(page, "#announce", "Book: losses larger than forecast")
    says(page, "#risk-drift", "Alarm: losses larger than forecast")
    spy.say(*days(1, 5))
    page.select_option("#topic", "SPY")
    says(page, "strategy-card", "2026-01-05")
    assert page.locator("strategy-card").is_visible() and not page.locator("#risk-next").is_visible()
    page.select_option("#topic", "Book")
    page.wait_for_selector("#risk-next")


def test_everything_can_be_reached_and_used_by_keyboard(place, page):
    spy = place.start()
    spy.say(*days(1, 3))
    page.goto(place.url)
    says(page, "strategy-card", "2026-01-03")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert reached[0].startswith("Skip") and "pause" in reached and "features" in reached
    assert {"Regimes as a table", "Newest values as a table"} <= set(reached)
    page.focus("#pause")
    page.keyboard.press("Space")
    assert page.locator("#pause").get_attribute("aria-pressed") == "true"
    spy.say(*days(4, 1))
    page.wait_for_timeout(400)
    assert "2026-01-03" in page.locator("strategy-card").inner_text()
    page.keyboard.press("Space")
    says(page, "strategy-card", "2026-01-04")


def test_the_card_alone(place, page):
    spy = place.start()
    spy.say(*days(1, 2))
    page.goto(place.url + "/embed/card")
    says(page, "strategy-card", "2026-01-02")
    spy.say(*days(3, 1))
    says(page, "strategy-card", "2026-01-03")
    assert violations(page) == []


def test_the_card_in_a_frame_only_where_it_may(tmp_path, browser):
    import functools
    import http.server
    import threading

    (tmp_path / "outside").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "outside")
    handler.func.log_message = lambda *_: None
    outside = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=outside.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{outside.server_port}"
    try:
        for access, expected in ((Access(origins=(origin,)), True), (Access(), False)):
            place = Place(tmp_path, access)
            place.start()
            place.told[0].say(*days(1, 1))
            (tmp_path / "outside" / "index.html").write_text(f'<iframe src="{place.url}/embed/card"></iframe>')
            with browser.new_context() as context:
                page = context.new_page()
                page.goto(origin)
                frame = page.frame_locator("iframe").locator("strategy-card .name")
                if expected:
                    frame.wait_for(timeout=20_000)
                else:
                    page.wait_for_timeout(700)
                assert (frame.count() == 1) is expected
            place.stop()
    finally:
        outside.shutdown()
        outside.server_close()
