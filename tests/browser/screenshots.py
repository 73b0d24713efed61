"""`python -m tests.browser.screenshots` writes screenshots of all pages to docs/screenshots/.

They show the runs of `make demo`.
"""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from operations.actions import Actions
from operations.ledger import Ledger, open_ledger
from operations.model import Status
from operations.records import Filter
from system.dapr.settings import PROJECT
from tests.browser.chromium import FLAGS, find
from tests.browser.conftest import DEMO, LIST, settle
from tests.integration.stack import Stack
from tests.waiting import eventually
from worker.demo.__main__ import Traffic
from worker.demo.mix import Mix

FOLDER = PROJECT / "docs" / "screenshots"
PORTS = 29060
SETTINGS = {**DEMO, "FLOWDECK_FAULT_RATE": "0.1"}  # as in the demo
SEED = 7
FAILED, COMPLETED = 14, 66  # at least so many runs ended so before the first picture
PATIENCE = 180.0  # seconds
SIZES = {"light": (1280, 860), "dark": (1280, 860), "420": (420, 900)}
BOTH, ALL = ("light", "dark"), tuple(SIZES)
CHART = ".gantt .bars path"


class Camera:
    """Takes screenshots of the pages of one system."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack

    @contextmanager
    def _page(self, path: str, variant: str) -> Iterator[Page]:
        width, height = SIZES[variant]
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
        self,
        name: str,
        path: str,
        ready: str,
        variants: tuple[str, ...] = ("light",),
        act: Callable[[Page], object] = lambda _: None,
    ) -> None:
        """Save a page in each variant, after `act`; the light one has no suffix in its name.

        `ready` is the selector of an element that the complete page has.
        """
        for variant in variants:
            with self._page(path, variant) as page:
                page.locator(ready).filter(visible=True).first.wait_for()
                act(page)
                page.wait_for_load_state("networkidle")
                file = name if variant == "light" else f"{name}-{variant}"
                page.screenshot(path=FOLDER / f"{file}.png")
                print(f"docs/screenshots/{file}.png", flush=True)


@contextmanager
def traffic(stack: Stack, ledger: Ledger) -> Iterator[None]:
    """Start the runs of the demo, and go on with them for a while."""
    stopping = threading.Event()
    with closing(stack.gateway()) as gateway:
        runs = Traffic(Actions(gateway, ledger), Mix(SEED), stopping)
        thread = threading.Thread(target=runs.run, kwargs={"is_new": True})
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def are_enough(ledger: Ledger) -> bool:
    """Return True once the ledger has enough runs that ended."""
    counts = ledger.search.counts(Filter())
    return counts[Status.FAILED].number >= FAILED and counts[Status.COMPLETED].number >= COMPLETED


def newest(ledger: Ledger, wanted: Filter) -> str:
    """Return the id of the newest run that a filter selects."""
    (run,) = ledger.search.page(wanted, limit=1).runs
    return run.instance_id


def of(workflow: str, status: Status) -> Filter:
    """Return the filter of the runs of a workflow with a status."""
    return Filter(statuses=frozenset({status}), workflows=frozenset({workflow}))


def unfold(page: Page) -> None:
    """Show the steps of the first child of a chart."""
    page.get_by_role("button", name="Steps of import_page").first.click()
    expect(page.get_by_text("read_page").first).to_be_visible()


def shoot_all(camera: Camera, stack: Stack, ledger: Ledger) -> None:
    """Save all pictures."""
    failed = newest(ledger, of("shipment", Status.FAILED))
    waiting = newest(ledger, of("refund", Status.RUNNING))
    parent = newest(ledger, of("import_catalogue", Status.COMPLETED))
    camera.shoot("overview", "/", ".overview table", BOTH)
    camera.shoot("instances", LIST, "tr[data-id]", ALL)
    camera.shoot("instance", f"/instance?id={failed}", CHART, ALL)
    camera.shoot("instance-waiting", f"/instance?id={waiting}", CHART)
    camera.shoot("instance-children", f"/instance?id={parent}", CHART, act=unfold)
    camera.shoot("waiting", "/waiting", "tr[data-id]")
    camera.shoot("failures", "/failures", "li[data-group]")
    preview = "/bulk?action=rerun&status=failed&workflow=shipment"
    camera.shoot("bulk-preview", preview, "button:has-text('Rerun')")
    for text, reason in (("declined", "The bank is back."), ("mailbox", "Addresses corrected.")):
        selection = f"/bulk/start?workflow=invoice&status=FAILED&text={text}"
        stack.post(selection, {"action": "rerun", "reason": reason}).raise_for_status()
    camera.shoot("bulk", "/bulk", ".jobs li:nth-child(2)")
    camera.shoot("audit", "/audit", "tr[data-id], li[data-id]")
    camera.shoot("start", "/start?workflow=shipment", ".st-key-start-text textarea")
    camera.shoot("new-order", "/new", "input[aria-label='Item 1']")


def main() -> None:
    """Run the system with the demo's runs, and take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        with Stack(Path(folder), PORTS, SETTINGS) as stack:
            stack.start()
            url = f"sqlite:///{folder}/data/ledger.db"
            with (
                closing(stack.gateway()) as gateway,
                closing(open_ledger(url, gateway.app_id)) as ledger,
                traffic(stack, ledger),
            ):
                eventually(lambda: are_enough(ledger), PATIENCE, "enough runs have ended")
                shoot_all(Camera(browser, stack), stack, ledger)
        browser.close()


if __name__ == "__main__":
    main()
