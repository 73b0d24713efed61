"""The overview and the page of failures: from what needs a person to the place where one acts."""

import re

from playwright.sync_api import expect

from operations.ledger import Ledger
from operations.model import Failure
from tests.browser.acts import expect_status, row
from tests.browser.conftest import LIST, OpenPage
from tests.browser.large_runs import WORKFLOW, add_large_run
from tests.integration.stack import Stack, unique


def test_a_new_failure_leads_to_its_runs(open_page: OpenPage, ledger: Ledger) -> None:
    """It appears by itself, and leaves the overview once it is marked as known."""
    page = open_page("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    instance_id, words = unique("failed"), "ship_6 failed: CardError"  # of no other test
    add_large_run(ledger, instance_id, 7, Failure("CardError", "No such card."))
    entry = page.locator(".attention li").filter(has_text=words)
    expect(entry).to_contain_text("new")
    entry.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/instances\?failure_group=[0-9a-f]{16}&ended_last=1d$"))
    expect_status(row(page, instance_id), "FAILED")
    page.go_back()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.get_by_role("link", name="Failures").click()
    failed = page.locator("li[data-group]").filter(has_text=words)
    failed.get_by_role("button", name="Mark as known…").click()
    page.keyboard.type("TICKET-7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("TICKET-7")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.locator(".overview table")).to_contain_text(WORKFLOW)
    expect(page.locator(".attention li").filter(has_text=words)).to_have_count(0)


def test_the_overview_counts_what_happens(open_page: OpenPage, stack: Stack) -> None:
    """The row of a workflow leads to its unfinished runs."""
    instance_id = stack.start_order(unique("counted"))
    page = open_page("/?period=hour")
    line = page.locator(".overview tbody tr").filter(has_text="order_workflow")
    line.get_by_role("link").nth(1).click()
    expect(page).to_have_url(re.compile("workflow=order_workflow"))
    expect_status(row(page, instance_id), "RUNNING")


def test_each_page_has_a_title_of_its_own(open_page: OpenPage, stack: Stack) -> None:
    """The tab of an instance shows its status and its id."""
    page = open_page("/")
    for path, title in (("/", "Overview"), (LIST, "Instances"), ("/failures", "Failures")):
        page.goto(stack.page + path)
        expect(page).to_have_title(f"{title} · Flowdeck")
    instance_id = stack.start_order(unique("titled"))
    page.goto(f"{stack.page}/instance?id={instance_id}")
    expect(page).to_have_title(f"▶ {instance_id} · Flowdeck")
    page.get_by_role("button", name="Terminate").click()
    expect(page).to_have_title(f"■ {instance_id} · Flowdeck")
