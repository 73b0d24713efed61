"""The pages of an instance with thousands of activities, or with a loud failure."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from operations.model import Failure
from system.dapr.settings import DaprSettings
from tests.browser.acts import expect_bars, expect_status, names, row
from tests.browser.conftest import OpenPage
from tests.browser.large_runs import add_large_run
from tests.integration.stack import unique
from tests.unit.snapshots import recorded_snapshot

ACTIVITIES = 5000
LOUD = {
    "words": "The card was refused. " * 9091,  # 200,002 characters
    "unbroken": "x" * 200_000,
    "lines": "\n".join(f"at line {number}" for number in range(3000)),
}
"""Messages of failures."""
MAX_HEIGHT = 2200  # pixels of a page with one row in its chart, or in its list
SIZE = """() => {
    const pages = [document.documentElement, document.querySelector("[data-testid=stMain]")];
    const largest = (size) => Math.max(...pages.map((each) => each[size]));
    return [largest("scrollWidth"), largest("scrollHeight")];
}"""
"""Returns the width and the height of the page's content."""


@pytest.fixture
def instance_id(ledger: Ledger) -> str:
    """Return the id of a run whose last of 5,000 activities failed."""
    instance_id = unique("large")
    add_large_run(ledger, instance_id, ACTIVITIES)
    return instance_id


def test_a_retried_activity_has_its_number_of_attempts(open_page: OpenPage, ledger: Ledger) -> None:
    """In the name of its row, in few characters on a narrow page."""
    instance_id = unique("retried")
    found = recorded_snapshot("retried")
    renamed = replace(found.instance, instance_id=instance_id)
    ledger.runs.ingest([replace(found, instance=renamed, app_id=DaprSettings().app_id)])
    page = open_page(f"/instance?id={instance_id}")
    expect(names(page).last).to_have_text("flaky · 3 attempts")
    page.set_viewport_size({"width": 420, "height": 900})
    expect(names(page).last).to_have_text("flaky 3×")  # noqa: RUF001


def test_five_thousand_activities_are_shown_in_sections(
    open_page: OpenPage, instance_id: str
) -> None:
    """The first rows are drawn; the next ones and the failed one are a click away."""
    page = open_page(f"/instance?id={instance_id}")
    expect_bars(page, 50)
    expect(names(page)).to_have_count(51)
    expect(page.get_by_text("Folded: 4,950 rows (1 failed, 4,949 completed).")).to_be_visible()
    page.get_by_role("button", name="Next rows").click()
    expect(names(page).nth(1)).to_have_text("ship_50")
    page.get_by_label("Rows that are drawn").select_option("4950")
    expect(names(page).nth(1)).to_have_text("ship_4950")
    page.get_by_role("button", name="Failed").click()
    expect(names(page)).to_have_text(["large_workflow", "ship_4999"])
    page.get_by_role("button", name="All").click()
    expect(names(page).nth(1)).to_have_text("ship_0")


def expect_bounded(page: Page, width: int) -> None:
    """Check that the page does not scroll sideways, and is not high."""
    found = page.evaluate(SIZE)
    assert found[0] <= width
    assert found[1] <= MAX_HEIGHT


@pytest.mark.parametrize(
    "kind",
    [each if each == "unbroken" else pytest.param(each, marks=pytest.mark.slow) for each in LOUD],
)
def test_a_loud_failure_leaves_the_pages_small(
    open_page: OpenPage, ledger: Ledger, kind: str
) -> None:
    """The whole message is a click away, in a box that scrolls."""
    instance_id, message = unique("loud"), LOUD[kind]
    add_large_run(ledger, instance_id, 1, Failure("CardError", message, message))
    page = open_page(f"/instance?id={instance_id}")
    toggles = page.get_by_test_id("stCheckbox").filter(has_text=f"Show all {len(message):,}")
    for width in (1280, 420):
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.get_by_test_id("stAlert").filter(has_text="CardError")).to_be_visible()
        expect(toggles.first).to_be_visible()
        expect_bars(page, 1)
        expect_bounded(page, width)
    toggles.first.locator("label").click()
    shown = page.get_by_test_id("stCode").first
    expect(shown).to_be_visible()
    assert shown.locator("code").text_content() == message
    expect_bounded(page, 420)
    page.goto(page.url.replace("/instance?id=", "/instances?q="))
    for width in (420, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        expect_status(row(page, instance_id), "FAILED")
        expect_bounded(page, width)
