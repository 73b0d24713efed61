"""The page that starts any workflow."""

import re

from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from tests.browser.acts import expect_status
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique
from tests.waiting import eventually


def start(page: Page, instance_id: str, clicks: int) -> None:
    """Start an instance by some quick clicks, and wait for its page."""
    page.get_by_label("Instance id").fill(instance_id)
    page.get_by_role("button", name="Start workflow").click(click_count=clicks, delay=30)
    expect(page).to_have_url(re.compile(rf"/instance\?id={instance_id}$"))
    expect(page.get_by_text(f"{instance_id} was started.")).to_be_visible()
    expect_status(page, "RUNNING")


def test_three_clicks_start_one_instance(open_page: OpenPage, stack: Stack, ledger: Ledger) -> None:
    """Its page opens with a message; after one click, Back leads to the page of the start."""
    first, once, thrice = stack.start_order(unique("like")), unique("once"), unique("thrice")
    eventually(lambda: ledger.for_app("workflow-app").runs.latest(first), 20, "it is recorded")
    page = open_page(f"/start?like={first}")
    expect(page.get_by_label("Input (JSON; empty: null)")).to_have_value(re.compile('"laptop"'))
    start(page, once, 1)
    page.go_back()
    expect(page.get_by_role("heading", name="Start")).to_be_visible()
    expect(page.get_by_label("Instance id")).not_to_have_value(once)
    page.goto(f"{stack.page}/start?like={first}")
    expect(page.get_by_label("Input (JSON; empty: null)")).to_have_value(re.compile('"laptop"'))
    start(page, thrice, 3)
    reservations = ledger.for_app("workflow-app").reservations.latest(thrice)
    assert reservations
    assert reservations.sequence == 1
