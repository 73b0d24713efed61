"""The list: children, order, the panel of filters, and the history of the browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from tests.browser.acts import expect_status, row
from tests.browser.conftest import OpenPage, settle
from tests.browser.large_runs import record
from tests.integration.stack import Stack, unique
from tests.unit.snapshots import done

MANY = 60
JANUARY = "until=2026-01-12T00:00:00Z"  # only what these tests record is so old


@pytest.fixture
def family(ledger: Ledger) -> str:
    """Record a slow parent with two quick children; return its id, with which theirs begin."""
    parent = unique("family")
    children = [
        done(instance_id=each, parent_id=parent, created=5, execution=each)
        for each in (f"{parent}-a", f"{parent}-b")
    ]
    record(ledger, done(instance_id=parent, read=90, execution=parent), *children)
    return parent


def test_children_unfold_and_the_list_is_sorted_and_filtered(
    open_page: OpenPage, family: str
) -> None:
    """By the arrow, the heads and the panel; each step is one in the browser's history."""
    page = open_page(f"/instances?{JANUARY}")
    child = row(page, f"{family}-a")
    expect(row(page, family)).to_be_visible()
    expect(child).to_have_count(0)
    page.get_by_role("button", name=f"Children of {family}").click()
    expect(child).to_be_visible()
    expect(row(page, family).get_by_role("link", name="all 2 children")).to_be_visible()
    page.get_by_role("button", name="Duration").click()
    expect(page).to_have_url(re.compile("sort=longest"))
    expect(page.locator("th.duration")).to_have_attribute("aria-sort", "descending")
    page.get_by_test_id("stPopoverButton").filter(has_text="Filters").click()
    page.get_by_label("Took at most").fill("1m")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("max_duration=1m"))
    expect(row(page, family)).to_have_count(0)
    page.go_back()
    expect(row(page, family)).to_be_visible()
    expect(page).not_to_have_url(re.compile("max_duration"))
    page.go_back()
    expect(page).not_to_have_url(re.compile("sort"))
    row(page, family).get_by_role("link", name="order_workflow").click()
    expect(child).to_be_visible()  # a workflow may be that of a child
    expect(page.get_by_role("button", name=re.compile("Workflow:.*order_workflow"))).to_be_visible()


def test_pages_and_searches_are_steps_in_the_history(open_page: OpenPage, ledger: Ledger) -> None:
    """The next page begins at its first row, and Back returns to the search before."""
    mark = unique("paged")
    ids = [f"{mark}-{number:02}" for number in range(MANY)]
    record(ledger, *(done(instance_id=each, created=n, read=99) for n, each in enumerate(ids)))
    page = open_page(f"/instances?q={mark}")
    expect(row(page, ids[-1])).to_be_visible()
    page.get_by_role("button", name="Older →").last.click()
    expect(row(page, ids[0])).to_have_count(1)
    expect(row(page, ids[9])).to_be_in_viewport()
    expect(page.locator("table")).to_be_focused()
    page.go_back()
    expect(row(page, ids[-1])).to_be_visible()
    type_search(page, ids[3])
    expect(row(page, ids[3])).to_be_visible()
    page.keyboard.press("Tab")
    type_search(page, ids[7])
    expect(row(page, ids[7])).to_be_visible()
    page.go_back()
    settle(page)
    expect(page.get_by_placeholder("Search by id")).to_have_value(ids[3])
    expect(row(page, ids[3])).to_be_visible()
    page.go_back()
    expect(page.get_by_placeholder("Search by id")).to_have_value(mark)


def type_search(page: Page, text: str) -> None:
    """Replace the text of the search field."""
    page.get_by_placeholder("Search by id").fill(text)
    expect(page).to_have_url(re.compile(f"q={text}"))


def test_shortcuts_act_on_the_chosen_row(open_page: OpenPage, stack: Stack) -> None:
    """A live update leaves the focus in the row; Shift+T asks first; a viewer can turn them off."""
    instance_id = stack.start_order(unique("keys"))
    page = open_page(f"/instances?q={instance_id}")
    expect_status(row(page, instance_id), "RUNNING")
    link = row(page, instance_id).locator("a.id")
    page.keyboard.press("j")
    expect(link).to_be_focused()
    for key, status in (("p", "SUSPENDED"), ("r", "RUNNING")):
        page.keyboard.press(key)
        expect_status(row(page, instance_id), status)
        expect(link).to_be_focused()
    page.keyboard.press("Shift+T")
    expect(page.get_by_role("dialog")).to_contain_text(instance_id)
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    page.get_by_role("button", name="Turn shortcuts off").click()
    link.focus()
    page.keyboard.press("Shift+T")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Turn shortcuts on").click()
    link.focus()
    page.keyboard.press("Shift+T")
    page.keyboard.press("Enter")
    expect_status(row(page, instance_id), "TERMINATED")
    page.keyboard.press("/")
    expect(page.get_by_label("Search by id")).to_be_focused()
