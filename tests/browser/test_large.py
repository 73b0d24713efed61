"""The chart and the history of an instance with thousands of activities."""

from dataclasses import replace

import pytest
from playwright.sync_api import Locator, Page, expect

from operations.ledger import Ledger
from system.dapr.settings import DaprSettings
from tests.browser.acts import expect_bars
from tests.browser.conftest import OpenPage
from tests.browser.large_runs import add_large_run
from tests.integration.stack import unique
from tests.unit.snapshots import recorded_snapshot

ACTIVITIES = 5000


@pytest.fixture
def instance_id(ledger: Ledger) -> str:
    """Return the id of a run with 5,000 activities, of which the last one failed."""
    instance_id = unique("large")
    add_large_run(ledger, instance_id, ACTIVITIES)
    return instance_id


@pytest.mark.parametrize(("width", "name"), [(1280, "flaky · 3 attempts"), (420, "flaky 3×")])  # noqa: RUF001
def test_a_retried_activity_has_its_number_of_attempts(
    open_page: OpenPage, ledger: Ledger, width: int, name: str
) -> None:
    """In the name of its row, in few characters on a narrow page."""
    instance_id = unique("retried")
    found = recorded_snapshot("retried")
    renamed = replace(found.instance, instance_id=instance_id)
    ledger.runs.ingest([replace(found, instance=renamed, app_id=DaprSettings().app_id)])
    page = open_page(f"/instance?id={instance_id}", viewport={"width": width, "height": 900})
    expect(names(page)).to_have_text([name])


def names(page: Page) -> Locator:
    """Return the names of the rows."""
    return page.locator(".gantt .ytick text")


def test_five_thousand_activities_are_shown_in_sections(
    open_page: OpenPage, instance_id: str
) -> None:
    """The first rows are drawn; the next ones and the failed one are a click away."""
    page = open_page(f"/instance?id={instance_id}")
    expect_bars(page, 50)
    expect(names(page)).to_have_count(50)
    expect(page.get_by_text("Folded: 4,950 rows (1 failed, 4,949 completed).")).to_be_visible()
    page.get_by_role("button", name="Next rows").click()
    expect(names(page).first).to_have_text("ship_50")
    page.get_by_label("Rows that are drawn").select_option("4950")
    expect(names(page).first).to_have_text("ship_4950")
    page.get_by_role("button", name="Failed").click()
    expect(names(page)).to_have_text(["ship_4999"])
    page.get_by_role("button", name="All").click()
    expect(names(page).first).to_have_text("ship_0")
