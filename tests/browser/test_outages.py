"""What a page says and does while a part of the system is away."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.acts import expect_status, fill, press, row
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

LONG = 60_000  # milliseconds within which everything is back


def worker_banner(page: Page) -> Locator:
    """Return the banner's line; the tooltips of buttons repeat its words."""
    return page.get_by_test_id("stAlert").get_by_text("No worker is connected")


def kill_worker_until_told(page: Page, stack: Stack) -> None:
    """Kill the worker, also the one in its place, until the page's banner names it."""
    banner = worker_banner(page)

    def told() -> bool:
        worker = stack.process("worker")
        if worker and not banner.is_visible():
            worker.kill()
        return banner.is_visible()

    eventually(told, 30, "the banner is there")


def test_a_killed_worker_is_told_and_comes_back(open_page: OpenPage, stack: Stack) -> None:
    """The banner names it while it is away, and goes by itself; the order completes."""
    instance_id = stack.start_order(unique("survivor"))
    page = open_page()
    kill_worker_until_told(page, stack)
    expect(row(page, instance_id)).to_be_visible()
    expect(worker_banner(page)).to_be_hidden(timeout=LONG)
    expect(row(page, instance_id).locator('[data-status="COMPLETED"]')).to_be_visible(timeout=LONG)


def test_the_open_tab_stays_open(open_page: OpenPage, stack: Stack) -> None:
    """What comes and goes above the tabs, a banner for one, opens no other."""
    instance_id = stack.start_order(unique("tabbed"))
    page = open_page(f"/instance?id={instance_id}")
    tab = page.get_by_role("tab", name="Audit log")
    tab.click()
    kill_worker_until_told(page, stack)
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(worker_banner(page)).to_be_hidden(timeout=LONG)
    expect(page.locator('.badge[data-status="COMPLETED"]').first).to_be_visible(timeout=LONG)
    expect(tab).to_have_attribute("aria-selected", "true")


def test_the_form_tells_of_an_outage_and_keeps_what_is_typed(
    open_page: OpenPage, stack: Stack
) -> None:
    """Its banner comes and goes by itself above what is typed, which can then be submitted."""
    page = open_page("/new")
    order_id = unique("patient")
    fill(page, "Order id", order_id)
    kill_worker_until_told(page, stack)
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    expect(worker_banner(page)).to_be_hidden(timeout=LONG)
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    page.get_by_role("button", name="Submit order").click()
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect(page.locator('.badge[data-status="COMPLETED"]').first).to_be_visible(timeout=LONG)


def test_an_open_page_outlives_the_dashboard(open_page: OpenPage, stack: Stack) -> None:
    """After kill -9 of the dashboard the page comes back by itself, with its filter, live."""
    page = open_page("/?q=order_revived")
    live = page.get_by_role("status").get_by_text("Live")
    expect(live).to_be_visible()
    stack.kill("dashboard")
    expect(live).to_be_visible(timeout=60_000)
    instance_id = stack.start_order(unique("revived"))
    expect(row(page, instance_id)).to_be_visible(timeout=60_000)


def test_a_click_that_was_lost_is_done_by_nobody(open_page: OpenPage, stack: Stack) -> None:
    """What a killed dashboard never heard of is not done later; the button can be clicked again."""
    instance_id = stack.start_order(unique("lost"))
    stack.post(f"/workflow/pause/{instance_id}")
    page = open_page(f"/?q={instance_id}")
    expect_status(row(page, instance_id), "SUSPENDED")
    button = row(page, instance_id).get_by_role("button", name="Terminate")
    page.mouse.move(10, 10)
    process = stack.process("dashboard")
    assert process
    process.kill()
    press(page, "Terminate", instance_id)
    expect(button).to_be_disabled()
    expect(page.get_by_role("status").get_by_text("Live")).to_be_visible(timeout=LONG)
    expect(button).to_be_enabled(timeout=LONG)
    assert stack.status(instance_id)["status"] == "SUSPENDED"
    press(page, "Terminate", instance_id)
    expect_status(row(page, instance_id), "TERMINATED")


def test_a_deleted_ledger_is_written_anew(open_page: OpenPage, stack: Stack) -> None:
    """Page and recorder go on with a new file; what the engine still has is there again."""
    instance_id = stack.start_order(unique("kept"))
    stack.wait_for(instance_id, "COMPLETED")
    page = open_page(f"/?q={instance_id}")
    expect_status(row(page, instance_id), "COMPLETED")
    for file in (stack.folder / "data").glob("ledger.db*"):
        file.unlink()
    later = stack.start_order(unique("kept-too"))
    page.get_by_placeholder("Search by id").fill("order_kept")
    expect_status(row(page, later), "COMPLETED")
    expect_status(row(page, instance_id), "COMPLETED")
