"""The page of runs that wait: a person decides, and the run goes on."""

import re

from playwright.sync_api import expect

from tests.browser.acts import expect_status, fill, row
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack
from worker.demo.mix import Mix
from worker.demo.workflows import APPROVAL


def test_a_refund_is_approved(open_page: OpenPage, stack: Stack) -> None:
    """From its row over the payload to the run, which completes and no longer waits."""
    wanted = Mix().refund()
    instance_id = stack.start_workflow(wanted.workflow, wanted.payload)
    page = open_page("/waiting")
    expect(row(page, instance_id)).to_contain_text(APPROVAL)
    row(page, instance_id).get_by_role("link", name="Approve or raise an event").click()
    expect(page.get_by_text("1 of 1 instances")).to_be_visible()
    expect(page.get_by_label("Event", exact=True)).to_have_value(APPROVAL)
    fill(page, "Comment (optional)", "fine")
    expect(page.get_by_test_id("stCode")).to_contain_text('"comment": "fine"')
    page.get_by_role("button", name="Raise an event to 1 instance").click()
    expect(page).to_have_url(re.compile(r"/bulk\?id=[0-9a-f]{16}$"))
    page.locator(".items").get_by_role("link", name=instance_id).click()
    expect_status(page, "COMPLETED")
    expect(page.get_by_text("approved", exact=True)).to_be_visible()
    page.get_by_role("link", name="Waiting", exact=True).click()
    expect(page.locator(".waiting")).to_be_visible()
    expect(row(page, instance_id)).to_have_count(0)
