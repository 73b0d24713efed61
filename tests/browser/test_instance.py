"""The page of an instance: its actions and its payloads."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique

APART = 16  # pixels between Terminate and the next button


def test_terminate_stands_apart_and_the_menu_leads_on(open_page: OpenPage, stack: Stack) -> None:
    """The input is visible without a click; an entry of the menu opens its page."""
    instance_id = stack.start_order(unique("menu"))
    stack.post(f"/workflow/pause/{instance_id}")  # so that it does not end during the test
    page = open_page(f"/instance?id={instance_id}")
    expect(page.get_by_text('"order_id"').first).to_be_visible()
    resume, terminate, more = (
        page.get_by_role("button", name=name, exact=True)
        for name in ("Resume", "Terminate", "More")
    )
    expect(more).to_be_visible()
    assert _gap(resume, more) < _gap(more, terminate)
    assert _gap(more, terminate) >= APART
    more.click()
    page.get_by_role("link", name="Raise event…").click()
    expect(page.get_by_role("heading", name="Raise")).to_be_visible()


def _gap(left: Locator, right: Locator) -> float:
    """Return the distance of two buttons in a row, in pixels."""
    one, other = left.bounding_box(), right.bounding_box()
    assert one
    assert other
    return other["x"] - one["x"] - one["width"]
