"""`python -m tests.browser.screenshots` writes screenshots of all pages to docs/screenshots/."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from operations.actions import ActionContext, Actions, StartRequest
from operations.ledger import open_ledger
from operations.model import LOCAL_USER
from operations.timeline import Ending
from system.dapr.settings import PROJECT
from tests.browser.acts import bars, expect_status
from tests.browser.chromium import FLAGS, find
from tests.browser.conftest import LIST, settle
from tests.integration.stack import Stack, unique
from worker.orders import WORKFLOW, instance_id_of

FOLDER = PROJECT / "docs" / "screenshots"
PORTS = 29060
MANY = 1000
TRIES, FAILURES = 30, 2
FAULTY = {"FLOWDECK_FAULT_RATE": "0.35"}
VARIANTS = {"light": (1280, 860), "dark": (1280, 860), "420": (420, 900)}


class Camera:
    """Takes screenshots of the pages of one system."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack

    @contextmanager
    def page(self, path: str, variant: str) -> Iterator[Page]:
        """Open a page in one of the variants."""
        width, height = VARIANTS[variant]
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if variant == "dark" else "light",
            timezone_id="Europe/Berlin",
        )
        page = context.new_page()
        page.goto(self._stack.page + path)
        settle(page)
        yield page
        context.close()

    def shoot(
        self, name: str, path: str, ready: str, variants: tuple[str, ...] = tuple(VARIANTS)
    ) -> None:
        """Save a page in each variant, once the element with the selector `ready` is visible."""
        for variant in variants:
            with self.page(path, variant) as page:
                page.locator(ready).filter(visible=True).first.wait_for()
                page.wait_for_load_state("networkidle")
                save(page, f"{name}-{variant}")


def save(page: Page, name: str) -> None:
    """Write a screenshot of a page."""
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"docs/screenshots/{name}.png", flush=True)


def empty(browser: Browser, stack: Stack) -> None:
    """Save the pages of an empty system, then run a thousand orders."""
    camera = Camera(browser, stack)
    camera.shoot("instances-empty", LIST, ".empty strong", ("light",))
    camera.shoot("new-order", "/new", "input[aria-label='Item 1']")
    with ThreadPoolExecutor(16) as pool:
        started = list(pool.map(stack.start_order, [unique(f"O{n:04}") for n in range(MANY)]))
    for instance_id in started:
        stack.wait_for(instance_id, "COMPLETED", 60)


def full(browser: Browser, stack: Stack) -> None:
    """Save the pages of a system with a thousand orders; some of them run, fail or wait."""
    camera = Camera(browser, stack)
    for _ in range(6):
        stack.start_order(unique("ORDER"))
    start_later(stack)
    paused = stack.start_order(unique("ORDER"))
    stack.post(f"/workflow/pause/{paused}")
    stack.post(f"/workflow/terminate/{stack.start_order(unique('ORDER'))}")
    camera.shoot("instances", LIST, "tbody tr")
    camera.shoot("overview", "/", ".overview table")
    with camera.page("/new", "light") as page:  # this page preloads Plotly
        page.wait_for_load_state("networkidle")
        page.goto(f"{stack.page}/instance?id={stack.start_order(unique('ORDER'))}")
        settle(page)
        expect_status(page, "RUNNING")
        bars(page).first.wait_for()
        save(page, "instance-running-light")
    camera.shoot("instance", f"/instance?id={retried(stack)}", ".gantt .bars path")
    camera.shoot("start", "/start?workflow=order_workflow", ".st-key-start-text textarea")
    camera.shoot("failures", "/failures", "li[data-group]", ("light",))
    job = stack.post("/bulk/start?status=FAILED", {"action": "rerun", "reason": "a test"})
    camera.shoot("bulk", f"/bulk?id={job.json()['bulk_id']}", ".items tbody tr", ("light",))
    camera.shoot("instance-paused", f"/instance?id={paused}", ".gantt .bars path", ("light",))
    with stack.frozen("daprd"):
        camera.shoot("instances-outage", LIST, "[data-testid=stAlert]")
        path = f"/instance?id={paused}"
        camera.shoot("instance-outage", path, ".gantt .bars path", ("light",))


def retried(stack: Stack) -> str:
    """Return the id of a completed order with two failed attempts."""
    with (
        closing(stack.gateway()) as gateway,
        closing(open_ledger(f"sqlite:///{stack.folder}/data/ledger.db", gateway.app_id)) as ledger,
    ):
        for _ in range(TRIES):
            order = stack.start_order(unique("ORDER"))
            body = stack.wait_for(order, ("COMPLETED", "FAILED"), 60)
            summary = ledger.runs.latest(order)
            failed = [
                span
                for span in (ledger.runs.attempts(summary.run_id) if summary else ())
                if span.ending is Ending.FAILED
            ]
            if body["status"] == "COMPLETED" and len(failed) == FAILURES:
                return order
    raise AssertionError(f"None of {TRIES} orders had {FAILURES} failed attempts.")


def start_later(stack: Stack) -> None:
    """Submit an order that starts in an hour."""
    order = {"order_id": unique("ORDER"), "amount": 10.0, "items": ["lamp"]}
    with (
        closing(stack.gateway()) as gateway,
        closing(open_ledger(f"sqlite:///{stack.folder}/data/ledger.db", gateway.app_id)) as ledger,
    ):
        instance_id = instance_id_of(str(order["order_id"]))
        later = datetime.now(UTC) + timedelta(hours=1)
        request = StartRequest(WORKFLOW, instance_id, order, scheduled_for=later)
        Actions(gateway, ledger).start(request, ActionContext(LOCAL_USER))


def main() -> None:
    """Run the system twice on one folder: first without faults, then with them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        for settings, act in ((dict[str, str](), empty), (FAULTY, full)):
            with Stack(Path(folder), PORTS, settings) as stack:
                stack.start()
                act(browser, stack)
        browser.close()


if __name__ == "__main__":
    main()
