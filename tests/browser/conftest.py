"""One system for all browser tests, and a browser that tolerates nothing foreign on a page."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from operations.ledger import Ledger, open_ledger
from tests.browser.chromium import FLAGS, find
from tests.integration.stack import Stack

SLOW_ENOUGH = {
    "FLOWDECK_PROCESS_SECONDS": "5",
    "FLOWDECK_CHECK_SECONDS": "3",
    "FLOWDECK_CONFIRM_SECONDS": "0.5",
}
"""Time enough to click while an order runs."""
KNOWN = (
    "404",  # Streamlit asks for its health below the page's own path first
    "ERR_CONNECTION_REFUSED",  # a dashboard that was killed
    "Error in connection establishment",
    "No response received when attempting to reach",
    "Streamlit server is not responding",
    "when disconnected from server",
)
"""What the browser may complain of."""
PATIENCE = 15_000  # milliseconds to wait for anything on a page
expect.set_options(timeout=PATIENCE)
WIDE = {"width": 1280, "height": 900}

OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return the whole system, dashboard included, on ports of these tests' own."""
    folder = tmp_path_factory.mktemp("browser")
    with Stack(folder, engine_ports=29040, settings=SLOW_ENOUGH) as stack:
        stack.start()
        yield stack


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, stack: Stack) -> Iterator[OpenPage]:
    """Return what opens a page in a browser of its own, at a path; `script` runs before its own.

    A test fails for any request to another host, any script error and any dialog.
    """
    contexts, troubles = [], []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in KNOWN):
            troubles.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith((stack.page, "data:", "blob:")):
            troubles.append(f"foreign: {request.url}")

    def opened(path: str = "/", *, script: str = "", **options: Any) -> Page:
        context = browser.new_context(
            **{"viewport": WIDE, "timezone_id": "Europe/Berlin", **options}
        )
        context.add_init_script(script)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", said)
        page.on("request", asked)
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.goto(stack.page + path)
        settle(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles


@pytest.fixture
def ledger(stack: Stack) -> Iterator[Ledger]:
    """Return the system's ledger."""
    with closing(open_ledger(f"sqlite:///{stack.folder}/data/ledger.db")) as ledger:
        yield ledger


def settle(page: Page) -> None:
    """Wait until the page is connected and its script has run."""
    page.wait_for_selector(
        "[data-testid=stApp][data-test-connection-state=CONNECTED]"
        "[data-test-script-state=notRunning]"
    )
