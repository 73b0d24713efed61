"""Bulk jobs: from a selection over the preview to the result of each instance."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import expect_status, row
from tests.browser.conftest import OpenPage, settle
from tests.integration.stack import Stack, unique

MANY = 12
RECOVERY = 30_000  # milliseconds until a killed process is back


def started(stack: Stack) -> tuple[str, list[str]]:
    """Start orders whose ids have a text in common; return it and the ids."""
    mark = unique("bulk")
    return mark, [stack.start_order(f"{mark}-{number}") for number in range(MANY)]


def choose(page: Page, action: str) -> None:
    """Select all rows of the page, and choose a bulk action."""
    page.get_by_role("checkbox", name="Select all on this page").check()
    region = page.get_by_role("region", name="Bulk actions")
    expect(region).to_contain_text(f"{MANY} selected")
    region.get_by_role("link", name=f"{action}…").click()


def test_a_selection_is_paused_after_a_preview(open_page: OpenPage, stack: Stack) -> None:
    """Nothing happens before the button of the preview; the results lead to the instances."""
    mark, ids = started(stack)
    page = open_page(f"/instances?q={mark}")
    expect(row(page, ids[-1])).to_be_visible()
    choose(page, "Pause")
    expect(page.get_by_text(f"{MANY} of {MANY} instances")).to_be_visible()
    assert stack.status(ids[0])["status"] == "RUNNING"
    page.get_by_label("Reason (for the audit log)").fill("a test")
    page.get_by_role("button", name=f"Pause {MANY} instances").click()
    expect(page).to_have_url(re.compile(r"/bulk\?id=[0-9a-f]{16}$"))
    expect(page.get_by_text(f"{MANY} done")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"{MANY} done")).to_be_visible()
    page.locator(".items").get_by_role("link", name=ids[3]).click()
    expect_status(page, "SUSPENDED")


def test_all_that_match_are_only_those(open_page: OpenPage, stack: Stack) -> None:
    """The text of the search comes along, although Streamlit drops the search field's parameter."""
    mark, ids = started(stack)
    other = stack.start_order(unique("other"))
    page = open_page(f"/instances?q={mark}")
    expect(row(page, ids[-1])).to_be_visible()
    page.get_by_role("checkbox", name=f"Select {ids[0]}").check()
    region = page.get_by_role("region", name="Bulk actions")
    region.get_by_role("button", name=f"All {MANY} that match").click()
    region.get_by_role("link", name="Terminate…").click()
    page.get_by_role("button", name=f"Terminate {MANY} instances").click()
    expect(page.get_by_text(f"{MANY} done")).to_be_visible()
    assert stack.status(other)["status"] != "TERMINATED"


def test_a_job_is_cancelled(open_page: OpenPage, stack: Stack) -> None:
    """The instances that are left go on."""
    mark, ids = started(stack)
    page = open_page(f"/bulk?action=terminate&match={mark}")
    expect(page.get_by_text(f"{MANY} of {MANY} instances")).to_be_visible()
    rate = page.get_by_label("Instances a second, at most")
    rate.fill("1")
    rate.press("Enter")
    page.get_by_role("button", name=f"Terminate {MANY} instances").click()
    expect(page.get_by_text(re.compile(r"[1-9]\d* done, \d+ left"))).to_be_visible()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text(re.compile("· cancelled ·"))).to_be_visible()
    statuses = {stack.status(each)["status"] for each in ids}
    assert statuses > {"TERMINATED"}
    page.get_by_role("link", name="All bulk jobs").click()
    expect(page.locator(".jobs li").first).to_contain_text("Cancelled")


@pytest.mark.slow
def test_a_job_goes_on_while_the_dashboard_is_dead(open_page: OpenPage, stack: Stack) -> None:
    """The page shows the rest of it by itself."""
    mark, ids = started(stack)
    page = open_page(f"/bulk?action=terminate&match={mark}")
    rate = page.get_by_label("Instances a second, at most")
    rate.fill("2")
    rate.press("Enter")
    page.get_by_role("button", name=f"Terminate {MANY} instances").click()
    expect(page.get_by_text(re.compile(r"[1-9]\d* done, \d+ left"))).to_be_visible()
    stack.kill("dashboard")
    expect(page.get_by_text(re.compile(rf"^{MANY} done"))).to_be_visible(timeout=RECOVERY)
    settle(page)
    for each in ids:
        assert stack.status(each)["status"] == "TERMINATED"
