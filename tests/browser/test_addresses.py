"""Addresses: each page can be opened by its own, and Back returns to each page as it was."""

import re

from playwright.sync_api import Page, expect

from tests.browser.acts import bars, row
from tests.browser.conftest import OpenPage, settle
from tests.integration.stack import Stack, unique

STEP = "pick_items failed: KeyError"


def test_four_backs_return_to_the_overview(open_page: OpenPage, stack: Stack) -> None:
    """From a preview over the instance, the list and the failures; each page is complete."""
    failed = stack.start_workflow("shipment", {})
    page = open_page("/")
    group = page.locator("li[data-group]").filter(has_text=STEP)
    preview = page.get_by_role("button", name="Rerun 1 instance")
    entry = page.locator(".attention li").filter(has_text=STEP)
    expect(entry).to_be_visible()
    page.get_by_role("link", name="Failures", exact=True).click()
    group.get_by_role("link", name=STEP).click()
    row(page, failed).locator("a.id").click()
    page.get_by_role("link", name="Rerun…").click()
    expect(preview).to_be_enabled()
    page.go_back()
    expect(page).to_have_url(re.compile(rf"/instance\?id={failed}$"))
    expect(page.get_by_role("heading", name=failed)).to_be_visible()
    expect(bars(page).first).to_be_visible()
    expect(preview).to_have_count(0)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/instances\?.*failure_group=[0-9a-f]{16}"))
    expect(page.get_by_role("button", name=re.compile("^Failure group"))).to_be_visible()
    expect(row(page, failed)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Failures")).to_be_visible()
    expect(group).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(entry).to_be_visible()
    expect(page.locator(".overview tbody tr").filter(has_text="shipment")).to_be_visible()


def test_addresses_open_what_they_name(open_page: OpenPage, stack: Stack) -> None:
    """A job, a kind of waits, and a period; the navigation leads from a job to all jobs."""
    running = stack.start_order(unique("linked"))
    page = open_page("/waiting?kind=activity")
    expect_choice(page, "activity")
    expect(row(page, running)).to_contain_text("process_order")
    page.goto(f"{stack.page}/failures?period=week")
    settle(page)
    expect_choice(page, "week")
    expect(page.locator(".failures")).to_be_visible()
    job = stack.post("/bulk/start", {"action": "terminate", "instances": [running]}).json()
    page.goto(f"{stack.page}/bulk?id={job['bulk_id']}")
    expect(page.get_by_role("heading", name="Terminate 1 instance")).to_be_visible()
    expect(page.get_by_text("1 done", exact=True)).to_be_visible()
    expect(page.locator(".items").get_by_role("link", name=running)).to_be_visible()
    page.get_by_role("link", name="Bulk jobs", exact=True).click()
    expect(page).to_have_url(f"{stack.page}/bulk")
    expect(page.locator(".jobs li").first).to_contain_text("Terminate 1 instance")


def expect_choice(page: Page, name: str) -> None:
    """Wait until an option of the page's choice is the chosen one."""
    expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()
