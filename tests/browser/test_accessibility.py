"""`axe-core` finds no serious fault on any page, in light and dark, except Streamlit's own."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from tests.browser.conftest import LIST, OpenPage, settle
from tests.browser.large_runs import add_large_run
from tests.integration.stack import Stack, unique

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SERIOUS = frozenset({"serious", "critical"})
OF_STREAMLIT = {"scrollable-region-focusable": ("pre",)}
"""Known faults of Streamlit's own elements: by the rule, parts of their selectors. The keyboard
cannot scroll the box of a long text; the switch below it shows all of the text."""


def test_no_page_has_a_serious_fault(open_page: OpenPage, stack: Stack, ledger: Ledger) -> None:
    """Each page is checked with content: runs that ended, run, wait and failed."""
    failed, running = unique("failed"), stack.start_order(unique("running"))
    add_large_run(ledger, failed, 7)
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
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
            faults += [f"{path} ({scheme}): {each}" for each in _faults(page)]
    assert not faults, "\n".join(faults)


def _faults(page: Page) -> Iterator[str]:
    """Yield the serious faults of a page: the rule, the element, and what is wrong."""
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] not in SERIOUS:
            continue
        for node in violation["nodes"]:
            if not _is_of_streamlit(violation["id"], node["target"]):
                yield f"{violation['id']}: {node['target']}: {node['failureSummary']}"


def _is_of_streamlit(rule: str, target: Sequence[Any]) -> bool:
    return any(part in str(target) for part in OF_STREAMLIT.get(rule, ()))
