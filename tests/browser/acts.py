"""Actions and expectations on the pages."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE, OpenPage, settle
from tests.integration.stack import Stack
from tests.waiting import eventually


def submit(page: Page, order_id: str, *, count: int = 1) -> str:
    """Submit the form of a new order; return the id of its (first) instance."""
    page.get_by_role("link", name="New order").click()
    expect(page.get_by_role("heading", name="New order")).to_be_visible()
    fill(page, "Order id", order_id)
    if count > 1:
        fill(page, "How many", str(count))
    page.get_by_role("button", name=re.compile("^Submit")).click()
    return f"order_{order_id}" if count == 1 else f"order_{order_id}-1"


def fill(page: Page, label: str, text: str) -> None:
    """Type into a field, and leave it."""
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Tab")


def fill_item(
    page: Page, number: int, text: str, *, slowly: Callable[[], object] = lambda: None
) -> None:
    """Replace an item of the list; `slowly` is called after each character."""
    field = page.get_by_label(f"Item {number}", exact=True)
    field.click()
    page.keyboard.press("Control+A")
    for character in text:
        page.keyboard.type(character)
        slowly()
    expect(field).to_have_value(text)


def row(page: Page, instance_id: str) -> Locator:
    """Return the row of an instance in the table."""
    return page.locator(f'tr[data-id="{instance_id}"]')


def press(page: Page, action: str, instance_id: str) -> None:
    """Click a button of an instance in the table."""
    row(page, instance_id).get_by_role("button", name=f"{action} {instance_id}").click()


def expect_status(place: Page | Locator, status: str) -> None:
    """Wait until a badge in this place has the status."""
    expect(place.locator(f'.badge[data-status="{status}"]').first).to_be_visible()


def open_instance(page: Page, instance_id: str) -> None:
    """Open the page of an instance by its link in the table."""
    row(page, instance_id).get_by_role("link", name=instance_id).click()
    expect(page).to_have_url(re.compile(rf"/instance\?id={instance_id}$"))
    expect(page.get_by_role("heading", name=instance_id)).to_be_visible()
    settle(page)


def start_on_open_page(open_page: OpenPage, stack: Stack, order_id: str) -> Page:
    """Start an order whose page is open already: on a busy machine a page opens slowly."""
    page = open_page(f"/instance?id=order_{order_id}")
    expect(page.get_by_text("No instance has the id")).to_be_visible()
    stack.start_order(order_id)
    expect_status(page, "RUNNING")
    return page


def back_to_list(page: Page) -> Locator:
    """Return the link from an instance page back to the list."""
    return page.locator(".back a")


def bars(page: Page) -> Locator:
    """Return the bars of the Gantt chart, including baselines; some have no width."""
    return page.locator(".gantt .bars path").filter(visible=True)


def names(page: Page) -> Locator:
    """Return the names of the rows of the Gantt chart; the first one is that of the whole run."""
    return page.locator(".gantt .row .label")


def expect_bars(page: Page, count: int) -> None:
    """Wait until the Gantt chart has `count` bars of calls; a bar includes its queue time."""
    bars_of_chart = """() => {
        const traces = document.querySelector(".gantt .chart")?.data ?? [];
        const counted = traces.filter(({ meta, name }) =>
            meta && meta.actions[0] !== "select:run" && !name.endsWith("queue"));
        return counted.reduce((sum, trace) => sum + trace.x.length, 0);
    }"""
    # Playwright's `wait_for_function` needs `eval`, which the pages' policy forbids.
    wanted = f"the chart has {count} bars"
    eventually(lambda: page.evaluate(bars_of_chart) == count, PATIENCE / 1000, wanted)
