"""Pages while a service is away."""

import re
from contextlib import suppress

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.acts import expect_status, fill, press, row
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

RECOVERY = 60_000  # milliseconds within which a service is back


def worker_banner(page: Page) -> Locator:
    """Return the line in the banner, because tooltips of buttons have the same text."""
    return page.get_by_test_id("stAlert").get_by_text("No worker connected")


def try_to_start(stack: Stack, order_id: str) -> str | None:
    """Start an order; return its instance id, None if the API refuses."""
    order = {"order_id": order_id, "amount": 1.0, "items": ["pen"]}
    answer = stack.post("/workflow/start", order)
    return str(answer.json()["instance_id"]) if answer.is_success else None


def kill_worker_until_shown(page: Page, stack: Stack) -> None:
    """Kill the worker, and each replacement, until the banner of the page names it."""
    banner = worker_banner(page)

    def shown() -> bool:
        worker = stack.process("worker")
        if worker and not banner.is_visible():
            with suppress(psutil.NoSuchProcess):  # the supervisor may have just reaped it
                worker.kill()
        return banner.is_visible()

    eventually(shown, 30, "the banner is shown")


def test_a_killed_worker_is_shown_and_recovers(open_page: OpenPage, stack: Stack) -> None:
    """The banner names it while it is away, and the order completes."""
    instance_id = stack.start_order(unique("survivor"))
    page = open_page()
    kill_worker_until_shown(page, stack)
    expect(row(page, instance_id)).to_be_visible()
    expect(worker_banner(page)).to_be_hidden(timeout=RECOVERY)
    expect(row(page, instance_id).locator('[data-status="COMPLETED"]')).to_be_visible(
        timeout=RECOVERY
    )


def test_the_open_tab_stays_open(open_page: OpenPage, stack: Stack) -> None:
    """A banner that appears above the tabs does not switch to another tab."""
    instance_id = stack.start_order(unique("tabbed"))
    page = open_page(f"/instance?id={instance_id}")
    tab = page.get_by_role("tab", name="Audit log")
    tab.click()
    kill_worker_until_shown(page, stack)
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(worker_banner(page)).to_be_hidden(timeout=RECOVERY)
    expect(page.locator('.badge[data-status="COMPLETED"]').first).to_be_visible(timeout=RECOVERY)
    expect(tab).to_have_attribute("aria-selected", "true")


@pytest.mark.slow
def test_the_form_shows_an_outage_and_keeps_its_values(open_page: OpenPage, stack: Stack) -> None:
    """The banner appears and disappears, and the order can be submitted."""
    page = open_page("/new")
    order_id = unique("patient")
    fill(page, "Order id", order_id)
    kill_worker_until_shown(page, stack)
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    expect(worker_banner(page)).to_be_hidden(timeout=RECOVERY)
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    page.get_by_role("button", name="Submit order").click()
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect(page.locator('.badge[data-status="COMPLETED"]').first).to_be_visible(timeout=RECOVERY)


@pytest.mark.slow
def test_an_open_page_survives_a_killed_dashboard(open_page: OpenPage, stack: Stack) -> None:
    """After kill -9 of the dashboard the page reconnects, with its filter, and is live."""
    page = open_page("/?q=order_revived")
    live = page.get_by_role("status").get_by_text("Live")
    expect(live).to_be_visible()
    stack.kill("dashboard")
    expect(live).to_be_visible(timeout=RECOVERY)
    instance_id = stack.start_order(unique("revived"))
    expect(row(page, instance_id)).to_be_visible(timeout=RECOVERY)


@pytest.mark.slow
def test_a_lost_click_does_not_act_later(open_page: OpenPage, stack: Stack) -> None:
    """A killed dashboard never received it; the button can be clicked again."""
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
    expect(page.get_by_role("status").get_by_text("Live")).to_be_visible(timeout=RECOVERY)
    expect(button).to_be_enabled(timeout=RECOVERY)
    assert stack.status(instance_id)["status"] == "SUSPENDED"
    press(page, "Terminate", instance_id)
    expect_status(row(page, instance_id), "TERMINATED")


@pytest.mark.slow
def test_a_deleted_ledger_is_rebuilt(open_page: OpenPage, stack: Stack) -> None:
    """The recorder fills a new file with the instances that the engine still has."""
    instance_id = stack.start_order(unique("kept"))
    stack.wait_for(instance_id, "COMPLETED")
    page = open_page(f"/?q={instance_id}")
    expect_status(row(page, instance_id), "COMPLETED")
    for file in (stack.folder / "data").glob("ledger.db*"):
        file.unlink()
    # The first request notices that the ledger is gone, and is refused; the next opens the new one.
    later = eventually(lambda: try_to_start(stack, unique("kept-too")), 10, "an order is accepted")
    page.get_by_placeholder("Search by id").fill("order_kept")
    expect_status(row(page, later), "COMPLETED")
    expect_status(row(page, instance_id), "COMPLETED")
