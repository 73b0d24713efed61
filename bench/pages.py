"""Measures the time from a click to its effect, and what viewers cost the dashboard and Dapr."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from bench.orders import start
from operations.actions import Actions
from tests.browser.acts import bars, row
from tests.browser.chromium import FLAGS, find
from tests.browser.conftest import LIST, settle
from tests.integration.stack import Stack
from tests.waiting import STARTUP, eventually

ROUNDS = 7
VIEWERS = (0, 1, 10)
MEASURED = 20.0  # seconds during which the CPU time is measured
INTERVAL = 1.0  # seconds between two orders meanwhile
PROCESSES = ("dashboard", "daprd")  # whose CPU time is measured


class PageBench:
    """Clicks on the pages as a user does, and measures the time until the effect is visible."""

    def __init__(self, browser: Browser, address: str, actions: Actions) -> None:
        self._browser = browser
        self._address = address
        self._actions = actions

    @contextmanager
    def page(self, path: str) -> Iterator[Page]:
        """Open a page in a browser window of its own."""
        context = self._browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(self._address + path)
        settle(page)
        yield page
        context.close()

    def order(self) -> str:
        """Start an order."""
        return start(self._actions, f"BENCH-{time.time_ns()}")

    def submit(self) -> float:
        """Return the seconds from the click on Submit to the bars of the order.

        The click waits until the page has loaded, as a user would. Chromium takes a second to
        compile the chart's script, and does nothing else meanwhile.
        """
        with self.page("/new") as page:
            page.wait_for_load_state("networkidle")
            script = "Boolean(window.Plotly)"
            eventually(lambda: page.evaluate(script), STARTUP, "the chart's script")
            button = page.get_by_role("button", name="Submit order")
            return seconds_until(button.click, bars(page).first.wait_for)

    def appear(self, page: Page) -> float:
        """Return the seconds from a start outside the page to its row in the open list."""
        started = time.monotonic()
        row(page, self.order()).wait_for()
        return time.monotonic() - started

    def act(self, page: Page, action: str, status: str, instance_id: str) -> float:
        """Return the seconds from the click on a row's button to the status in the row."""
        line = row(page, instance_id)
        badge = line.locator(f'[data-status="{status}"]')
        button = line.get_by_role("button", name=action)
        button.wait_for()
        seconds = seconds_until(button.click, badge.wait_for)
        page.mouse.move(0, 0)  # while the pointer is on a row, no new row is inserted
        return seconds

    def cpu_shares(self, viewers: int, processes: Sequence[psutil.Process]) -> list[float]:
        """Return the share of one core that each process uses while orders start and end."""
        with ExitStack() as pages:
            for _ in range(viewers):
                pages.enter_context(self.page(LIST))
            before, started = [_cpu_seconds(each) for each in processes], time.monotonic()
            while time.monotonic() - started < MEASURED:
                self.order()
                time.sleep(INTERVAL)
            elapsed = time.monotonic() - started
            after = [_cpu_seconds(each) for each in processes]
        return [(end - start) / elapsed for start, end in zip(before, after, strict=True)]


def seconds_until(action: Callable[[], object], wait_for_effect: Callable[[], object]) -> float:
    """Return the seconds from an action to its effect."""
    started = time.monotonic()
    action()
    wait_for_effect()
    return time.monotonic() - started


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def report(name: str, seconds: list[float]) -> None:
    """Print the median and the slowest of some measurements."""
    median, slowest = statistics.median(seconds), max(seconds)
    print(f"{name}: median {median:.2f} s, slowest {slowest:.2f} s ({len(seconds)} times)")


def measure(stack: Stack, actions: Actions) -> None:
    """Print one line for each kind of click, and one for each number of viewers."""
    processes = [found for name in PROCESSES if (found := stack.process(name))]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        bench = PageBench(browser, stack.page, actions)
        report("submit to bars", [bench.submit() for _ in range(ROUNDS)])
        with bench.page(LIST) as page:
            report("a start elsewhere to its row", [bench.appear(page) for _ in range(ROUNDS)])
            orders = (bench.order() for _ in range(ROUNDS))  # each starts right before its pause
            paused = {each: bench.act(page, "Pause", "SUSPENDED", each) for each in orders}
            report("pause to its badge", [*paused.values()])
            ended = [bench.act(page, "Terminate", "TERMINATED", each) for each in paused]
            report("terminate to its badge", ended)
        for viewers in VIEWERS:
            shares = zip(PROCESSES, bench.cpu_shares(viewers, processes), strict=True)
            words = ", ".join(f"{name} {share:.1%} of a core" for name, share in shares)
            print(f"{viewers} viewers of the list, an order a second: {words}")
        browser.close()
