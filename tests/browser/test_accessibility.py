"""`axe-core` finds no serious fault on any page, in light and dark, except Streamlit's own."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from tests.browser.acts import expect_status, row
from tests.browser.conftest import LIST, OpenPage, settle
from tests.browser.large_runs import add_large_run
from tests.integration.stack import Stack, unique

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
ACTIVITIES = 5  # of a failed run; runs of other tests fail in other activities
QUICK = {"resultTypes": ["violations"], "preload": False}
"""Options of axe: what has no fault is not described, and no style sheet is fetched again."""
SERIOUS = frozenset({"serious", "critical"})
OF_STREAMLIT = {"scrollable-region-focusable": ("pre",)}
"""Known faults of Streamlit's own elements: by the rule, parts of their selectors. The keyboard
cannot scroll the box of a long text; the switch below it shows all of the text."""


def test_no_page_has_a_serious_fault(open_page: OpenPage, stack: Stack, ledger: Ledger) -> None:
    """Each page is checked with content: runs that ended, run, wait and failed."""
    failed, running = unique("failed"), stack.start_order(unique("running"))
    add_large_run(ledger, failed, ACTIVITIES)
    pages = {
        "/": ".overview tbody tr",
        LIST: "tr[data-id]",
        "/waiting": ".waiting",
        "/failures": "li[data-group]",
        "/bulk": ".jobs",
        "/audit": "tr[data-id], li[data-id]",
        "/start": "button:has-text('Start')",
        "/new": "button:has-text('Submit order')",
        f"/bulk?action=rerun&instance={failed}": "button:has-text('Rerun')",
        f"/instance?id={failed}": ".gantt .bars path",
        f"/instance?id={running}": ".gantt .bars path",
    }
    page = open_page("/")
    faults = list[str]()
    for path, ready in pages.items():
        page.goto(stack.page + path)
        settle(page)
        page.locator(ready).filter(visible=True).first.wait_for()
        faults += _faults_of(page, path)
    assert not faults, "\n".join(faults)


def test_no_state_of_a_page_has_a_serious_fault(open_page: OpenPage, stack: Stack) -> None:
    """What appears after a click: panels, questions, tables, and the results of a bulk job."""
    running = stack.start_order(unique("running"))
    failed = stack.start_workflow("shipment", {})
    page = open_page(f"{LIST}?q={running}")
    expect_status(row(page, running), "RUNNING")  # the ledger has it
    job = stack.post("/bulk/start", {"action": "pause", "instances": [running]}).json()
    page.goto(f"{stack.page}/bulk?id={job['bulk_id']}")
    expect(page.locator(".items tbody tr")).to_be_visible()
    faults = [*_faults_of(page, "a job")]
    page.goto(f"{stack.page}{LIST}?q={running}")
    expect_status(row(page, running), "SUSPENDED")
    page.get_by_role("checkbox", name=f"Select {running}").check()
    page.get_by_test_id("stPopoverButton").filter(has_text="Filters").click()
    expect(page.get_by_label("Took at most")).to_be_visible()
    faults += _faults_of(page, "the panel of filters")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Took at most")).to_be_hidden()
    row(page, running).locator("a.id").focus()
    page.keyboard.press("Shift+T")
    expect(page.get_by_role("dialog")).to_be_visible()
    faults += _faults_of(page, "the question before Terminate")
    page.goto(f"{stack.page}/instance?id={failed}")
    page.get_by_text("Show as table").click()
    page.locator(".bars").get_by_role("button", name="pick_items").click()
    expect(page.locator(".bars tr.selected")).to_be_visible()
    page.get_by_test_id("stDataFrame").click(position={"x": 20, "y": 55})
    expect(page.get_by_role("strong").filter(has_text="executionStarted")).to_be_visible()
    page.get_by_role("button", name="Rerun from here…").click()
    expect(page.get_by_text("Kept, with the results")).to_be_visible()
    faults += _faults_of(page, "a selected bar")
    assert not faults, "\n".join(faults)


def _faults_of(page: Page, words: str) -> Iterator[str]:
    """Yield the serious faults of a page in each scheme, after words for what it shows."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        for each in _faults(page):
            yield f"{words} ({scheme}): {each}"


def _faults(page: Page) -> Iterator[str]:
    """Yield the serious faults that a page has now: the rule, the element, and what is wrong."""
    for violation in Axe().run(page, options=QUICK).response["violations"]:
        if violation["impact"] not in SERIOUS:
            continue
        for node in violation["nodes"]:
            if not _is_of_streamlit(violation["id"], node["target"]):
                yield f"{violation['id']}: {node['target']}: {node['failureSummary']}"


def _is_of_streamlit(rule: str, target: Sequence[Any]) -> bool:
    return any(part in str(target) for part in OF_STREAMLIT.get(rule, ()))
