"""Downloads from the list and from the audit log."""

import csv
import re
from pathlib import Path

from playwright.sync_api import Download, Page, expect

from tests.browser.acts import row
from tests.browser.conftest import LIST, OpenPage, settle
from tests.integration.stack import Stack, unique


def downloaded(page: Page, label: str) -> Download:
    """Open the menu of exports, and download a file by its link."""
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name=label, exact=True)
    expect(link).to_be_visible()
    with page.expect_download() as found:
        link.click()
    return found.value


def records(download: Download) -> list[dict[str, str]]:
    """Return the records of a CSV file."""
    assert download.suggested_filename.endswith(".csv")
    text = Path(download.path()).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_a_filtered_list_and_its_audit_log_are_exported(open_page: OpenPage, stack: Stack) -> None:
    """The files have what the pages show; an id of the audit log leads to its page.

    A page below the root asks for nothing that is not there.
    """
    missing: list[str] = []
    instance_id = stack.start_order(unique("saved"))
    page = open_page(f"{LIST}?q={instance_id}")
    expect(row(page, instance_id)).to_be_visible()
    assert [each["instance_id"] for each in records(downloaded(page, "CSV"))] == [instance_id]
    page.on("response", lambda each: missing.append(each.url) if each.status >= 400 else None)
    page.goto(f"{stack.page}/audit?which={instance_id}")
    settle(page)
    line = row(page, instance_id)
    expect(line).to_contain_text("start")
    page.keyboard.press("Escape")
    assert [each["action"] for each in records(downloaded(page, "CSV"))] == ["start"]
    page.keyboard.press("Escape")
    assert missing == []
    line.get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"/instance\?id={instance_id}$"))
