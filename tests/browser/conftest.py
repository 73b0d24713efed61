"""One system for all browser tests, and pages that may not load anything from another host."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from operations.ledger import Ledger, open_ledger
from tests.browser.chromium import FLAGS, find
from tests.integration.stack import Stack, unique
from tests.ports import first_port

SLOW_ORDERS = {
    "FLOWDECK_PROCESS_SECONDS": "10",
    "FLOWDECK_CHECK_SECONDS": "3",
    "FLOWDECK_CONFIRM_SECONDS": "0.5",
}
"""Seconds of the activities of an order, long enough to click while it runs."""
DEMO = {"FLOWDECK_DEMO": "true"}
"""Settings with which the worker also hosts the workflows of the demo."""
LIST = "/instances"
"""The path of the list."""
PUBLIC_HOST = "flow.example"  # at which a proxy with TLS serves the pages in one test
ALLOWED_ERRORS = (
    "ERR_CONNECTION_REFUSED",  # after a test has killed the dashboard
    "Error in connection establishment",
    "No response received when attempting to reach",
    "Streamlit server is not responding",
    "when disconnected from server",
)
"""Texts of console errors that do not fail a test."""
PATIENCE = 30_000  # milliseconds that a test waits for a page; an order takes 11 seconds
expect.set_options(timeout=PATIENCE)
DEFAULTS: dict[str, Any] = {
    "viewport": {"width": 1280, "height": 900},
    "timezone_id": "Europe/Berlin",
}

OpenPage = Callable[..., Page]

_PAGES = pytest.StashKey[list[Page]]()
_Report = Generator[None, pytest.TestReport, pytest.TestReport]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> _Report:
    """Add to the report of a failed test what its pages show."""
    report = yield
    if call.when == "call" and report.failed:
        for page in item.stash.get(_PAGES, []):
            with suppress(Error):  # the test may have closed the page, or Chromium has ended
                report.sections.append((page.url, page.locator("body").aria_snapshot()))
    return report


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return the whole system, on ports that only the browser tests use."""
    folder = tmp_path_factory.mktemp("browser")
    first = first_port(29040)
    settings = {**SLOW_ORDERS, **DEMO, "FLOWDECK_PUBLIC_URL": f"https://{PUBLIC_HOST}:{first + 13}"}
    with Stack(folder, dapr_ports=first, settings=settings) as stack:
        stack.start()
        yield stack


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Return Playwright's API."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Return a headless Chromium whose contexts cache nothing."""
    browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def first_order(stack: Stack) -> str:
    """Start an order; return its instance id."""
    return stack.start_order(unique("first"))


@pytest.fixture
def finished_order(first_order: str, stack: Stack) -> str:
    """Return the id of an order that completed."""
    stack.wait_for(first_order, "COMPLETED", PATIENCE / 1000)
    return first_order


@pytest.fixture(scope="package")
def shared_context(
    playwright: Playwright, stack: Stack, first_order: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """Return a context on disk, which also caches compiled scripts: pages open in half the time.

    It has opened a form and a chart twice: Chromium compiles a script again at its second use, and
    on a busy machine this takes as long as an order of the tests.
    """
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("chromium"), executable_path=find(), args=list(FLAGS), **DEFAULTS
    )
    for _ in range(2):
        page = context.new_page()
        page.goto(f"{stack.page}/new")
        page.get_by_role("button", name="Submit order").wait_for()
        page.goto(f"{stack.page}/instance?id={first_order}")
        page.locator(".gantt .bars path").filter(visible=True).first.wait_for()
        page.close()
    yield context
    context.close()


def _is_error(message: ConsoleMessage) -> bool:
    return message.type == "error" and not any(each in message.text for each in ALLOWED_ERRORS)


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest, shared_context: BrowserContext, stack: Stack
) -> Iterator[OpenPage]:
    """Return a function that opens a page at a path; `script` runs first.

    A page with a script or with options has a browser context of its own. A test fails for any
    request to another host, any script error and any dialog.
    """
    opened: list[Page | BrowserContext] = []
    pages = request.node.stash[_PAGES] = list[Page]()
    failures = []

    def check_message(message: ConsoleMessage) -> None:
        if _is_error(message):
            failures.append(f"console: {message.text}")

    def check_request(request: Request) -> None:
        if not request.url.startswith((stack.page, "data:", "blob:")):
            failures.append(f"other host: {request.url}")

    def open_at(path: str = LIST, *, script: str = "", **options: Any) -> Page:
        context = shared_context
        if script or options:
            browser: Browser = request.getfixturevalue("browser")
            context = browser.new_context(**{**DEFAULTS, **options})
            context.add_init_script(script)
            opened.append(context)
        page = context.new_page()
        opened.append(page)
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("console", check_message)
        page.on("request", check_request)
        page.on("pageerror", lambda error: failures.append(f"script: {error}"))
        page.on("dialog", lambda dialog: failures.append(f"dialog: {dialog.message}"))
        page.goto(stack.page + path)
        settle(page)
        return page

    yield open_at
    for each in reversed(opened):
        each.close()
    assert not failures


@pytest.fixture
def ledger(stack: Stack) -> Iterator[Ledger]:
    """Return the ledger of the system."""
    with closing(open_ledger(f"sqlite:///{stack.folder}/data/ledger.db")) as ledger:
        yield ledger


def settle(page: Page) -> None:
    """Wait until the page is connected and its script has run."""
    page.wait_for_selector(
        "[data-testid=stApp][data-test-connection-state=CONNECTED]"
        "[data-test-script-state=notRunning]"
    )
