"""Measures the list of 100,000 runs: the script of its page, and its first row in a browser."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.large import answers, dashboard
from bench.ledger import fill
from bench.pages import report
from bench.synthetic_runs import END, SyntheticRuns
from dashboard import services
from operations.ledger import Ledger
from tests.browser.chromium import FLAGS, find
from tests.unit.pages import LIST, open_app, run
from tests.waiting import STARTUP, eventually

RUNS = 100_000
SCRIPT_ROUNDS, PAGE_ROUNDS = 60, 15
EMPTY_PORT = 29191
EMPTY_TEXT = "An empty page."
EMPTY_SETTINGS = {
    "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
    "STREAMLIT_SERVER_PORT": str(EMPTY_PORT),
    "STREAMLIT_SERVER_HEADLESS": "true",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}
EMPTY_APP = f"import streamlit as st\nst.write({EMPTY_TEXT!r})\n"
ROW, TEXT = "tr[data-id]", f"text={EMPTY_TEXT}"


@contextmanager
def _empty_app(folder: Path) -> Iterator[str]:
    """Run a Streamlit app that shows one line of text; yield its address."""
    (folder / "empty.py").write_text(EMPTY_APP)
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "empty.py"],
        cwd=folder,
        env={**os.environ, **EMPTY_SETTINGS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{EMPTY_PORT}"
    try:
        eventually(lambda: answers(f"{address}/_stcore/health"), STARTUP, "the empty app answers")
        yield address
    finally:
        process.terminate()
        process.wait()


def _script(ledger: Ledger, url: str) -> list[float]:
    """Return the seconds of each rerun of the page's script, right after a write to the ledger.

    A write makes all viewers' results stale, so that each rerun reads the page and the counts.
    """
    os.environ["FLOWDECK_LEDGER_URL"] = url
    os.environ["DAPR_GRPC_ENDPOINT"] = "127.0.0.1:9"
    app, seconds = open_app(LIST), list[float]()
    fresh = iter(SyntheticRuns(SCRIPT_ROUNDS, seed=2, shift=datetime.now(UTC) - END))
    for snapshot in fresh:
        ledger.runs.ingest([snapshot])
        ledger.write_heartbeat(datetime.now(UTC), ())
        started = time.perf_counter()
        run(app)
        seconds.append(time.perf_counter() - started)
    services.services().ledger.close()
    return seconds


def _first_text(browser: Browser, address: str, selector: str) -> float:
    """Return the seconds until a page in a new window, with an empty cache, shows an element."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    started = time.monotonic()
    page.goto(address)
    page.locator(selector).first.wait_for()
    seconds = time.monotonic() - started
    context.close()
    return seconds


def measure() -> None:
    """Print the times of the script, of the first row, and of an empty page."""
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        ledger, address = resources.enter_context(dashboard(folder))
        fill(ledger, "SQLite", RUNS, datetime.now(UTC) - END)
        seconds = sorted(_script(ledger, f"sqlite:///{folder}/data/ledger.db"))
        p95 = seconds[round(0.95 * (len(seconds) - 1))]
        print(
            f"the list's script: median {statistics.median(seconds) * 1000:.0f} ms, "
            f"p95 {p95 * 1000:.0f} ms ({len(seconds)} times)"
        )
        empty = resources.enter_context(_empty_app(folder))
        playwright = resources.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        rows, texts = list[float](), list[float]()
        for _ in range(PAGE_ROUNDS):
            texts.append(_first_text(browser, empty, TEXT))
            rows.append(_first_text(browser, f"{address}/instances", ROW))
        report("an empty Streamlit page to its text", texts)
        report("the list to its first row", rows)
        ratio = statistics.median(rows) / statistics.median(texts)
        print(f"the list takes {ratio:.2f} times as long as the empty page")
        browser.close()
