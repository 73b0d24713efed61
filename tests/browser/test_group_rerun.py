"""The rerun of a whole failure group, which stops by itself while the cause is still there."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack

MANY = 4  # runs of the group; by default the job stops when two of them have failed again
BAD_INVOICE = {"amount": "a lot"}


def test_a_group_rerun_stops_by_itself(open_page: OpenPage, stack: Stack) -> None:
    """The rest stays as it is, and the page offers to continue with it."""
    for _ in range(MANY):
        stack.start_workflow("invoice", BAD_INVOICE)
    page = open_page("/failures")
    group = page.locator("li[data-group]").filter(has_text="compute_tax failed: ValueError")
    expect(group.locator("dd").first).to_have_text(str(MANY))
    group.get_by_role("link", name="Rerun the group…").click()
    expect(page.get_by_text(f"{MANY} of {MANY} instances")).to_be_visible()
    expect(page.get_by_text(f"when 2 of the last {MANY} reruns")).to_be_visible()
    pace = page.get_by_label("Reruns a minute, at most")
    pace.fill("60")
    pace.press("Enter")
    page.get_by_role("button", name=f"Rerun {MANY} instances").click()
    expect(page).to_have_url(re.compile(r"/bulk\?id=[0-9a-f]{16}$"))
    expect(page.get_by_text("The job has stopped by itself: 2 of the last")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^[23] done, [12] left$"))).to_be_visible()
    page.get_by_role("link", name="Continue with the rest…").click()
    expect(page.get_by_text(re.compile(r"[12] of [12] instances"))).to_be_visible()
