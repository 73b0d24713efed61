"""Measures the page of an instance with 5,000 activities, in a real Chromium."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.pages import report, seconds_until
from operations.ledger import Ledger, open_ledger
from system.dapr.settings import PROJECT, DaprSettings
from tests.browser.acts import bars, names, row
from tests.browser.chromium import FLAGS, find
from tests.browser.conftest import settle
from tests.browser.large_runs import add_large_run
from tests.http_client import http_client
from tests.waiting import STARTUP, eventually

ACTIVITIES = 5000
INSTANCE = "large-1"
PORT = 29190
ROUNDS = 7
STEPS = 40  # of each wheel scroll and of each drag
WATCH = """() => {
    window.longest = 0;
    let last = performance.now();
    const next = (now) => {
        longest = Math.max(longest, now - last);
        last = now;
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
}"""


@contextmanager
def dashboard(folder: Path) -> Iterator[tuple[Ledger, str]]:
    """Run a dashboard without Dapr; yield its ledger, which gets heartbeats, and its address."""
    url, address = f"sqlite:///{folder}/data/ledger.db", f"http://127.0.0.1:{PORT}"
    environment = {
        **os.environ,
        "FLOWDECK_HOME": str(folder),
        "FLOWDECK_LEDGER_URL": url,
        "FLOWDECK_PAGE_PORT": str(PORT),
        "DAPR_GRPC_ENDPOINT": "127.0.0.1:9",
    }
    app_id = DaprSettings().app_id
    with ExitStack() as resources:
        ledger = resources.enter_context(closing(open_ledger(url, lambda: app_id)))
        resources.enter_context(_heartbeats(ledger))
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        resources.callback(process.wait)
        resources.callback(process.terminate)
        eventually(lambda: answers(f"{address}/health"), STARTUP, "the dashboard answers")
        yield ledger, address


@contextmanager
def _heartbeats(ledger: Ledger) -> Iterator[None]:
    """Write heartbeats as the recorder does."""
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(1):
            ledger.write_heartbeat(datetime.now(UTC), ())

    ledger.write_heartbeat(datetime.now(UTC), ())
    thread = threading.Thread(target=write)
    thread.start()
    yield
    ended.set()
    thread.join()


def answers(address: str) -> bool:
    """Return True if an HTTP server answers a GET request with 200."""
    try:
        return http_client.get(address).status_code == 200  # noqa: PLR2004
    except httpx.HTTPError:
        return False


@contextmanager
def _opened(browser: Browser, address: str) -> Iterator[Page]:
    """Open the list in a browser window of its own, which has Plotly's script."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/new")  # this page preloads Plotly
    settle(page)
    eventually(lambda: page.evaluate("Boolean(window.Plotly)"), STARTUP, "the chart's script")
    page.get_by_role("link", name="Instances").first.click()
    row(page, INSTANCE).wait_for()
    yield page
    context.close()


def _first_bars(page: Page) -> float:
    """Return the seconds from the click on the row to the first bars."""
    return seconds_until(row(page, INSTANCE).get_by_role("link").click, bars(page).first.wait_for)


def _another_section(page: Page, number: int) -> float:
    """Return the seconds from the click on Next to the names of the rows of section `number`."""
    first = names(page).nth(1)

    def shown() -> None:
        expect(first).to_have_text(f"ship_{50 * number}")

    return seconds_until(page.get_by_role("button", name="Next rows").click, shown)


def _longest_frame(page: Page) -> float:
    """Return the milliseconds of the longest frame while a viewer scrolls and zooms."""
    page.evaluate(WATCH)
    box = page.locator(".gantt .nsewdrag").bounding_box()
    if box is None:
        sys.exit("The chart is not visible.")
    left, top = box["x"] + 50, box["y"] + 50
    page.mouse.move(left, top)
    for direction in (1, -1):
        for _ in range(STEPS):
            page.mouse.wheel(0, 20 * direction)
    page.mouse.down()
    page.mouse.move(left + 400, top + 5, steps=STEPS)
    page.mouse.up()
    page.mouse.dblclick(left + 100, top)
    time.sleep(1)
    return float(page.evaluate("longest"))


def _heap(page: Page) -> float:
    """Return the MiB of the JavaScript heap of a page after a garbage collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20


def measure() -> None:
    """Print one line for each measurement."""
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        ledger, address = resources.enter_context(dashboard(folder))
        add_large_run(ledger, INSTANCE, ACTIVITIES)
        playwright = resources.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        first, further, frames, heaps = list[float](), list[float](), list[float](), list[float]()
        for _ in range(ROUNDS):
            with _opened(browser, address) as page:
                first.append(_first_bars(page))
                settle(page)
                further += [_another_section(page, number) for number in (1, 2, 3)]
                frames.append(_longest_frame(page))
                heaps.append(_heap(page))
        report(f"{ACTIVITIES} activities: from the row to the first bars", first)
        report("another section", further)
        print(
            f"longest frame: median {statistics.median(frames):.0f} ms, {max(frames):.0f} at most"
        )
        print(
            f"JavaScript heap: median {statistics.median(heaps):.0f} MiB, {max(heaps):.0f} at most"
        )
        browser.close()
