"""The Gantt chart as a way to act: bars that are selected, unfolded and run again."""

import re
from dataclasses import replace

from playwright.sync_api import expect

from operations.ledger import Ledger
from system.dapr.settings import DaprSettings
from tests.browser.acts import expect_bars, expect_status, names
from tests.browser.conftest import OpenPage
from tests.unit.snapshots import recorded_snapshot


def test_an_order_runs_again_from_a_bar(open_page: OpenPage, finished_order: str) -> None:
    """A click shows the attempt; its rerun keeps the steps before, and is a click away."""
    page = open_page(f"/instance?id={finished_order}")
    expect_bars(page, 3)
    name = names(page).filter(has_text="send_confirmation").bounding_box()
    plot = page.locator(".gantt .nsewdrag").bounding_box()
    assert name
    assert plot
    page.mouse.click(plot["x"] + plot["width"] * 0.985, name["y"] + name["height"] / 2)
    expect(page).to_have_url(re.compile(r"span=\d+"))
    expect(page.get_by_text("confirmation_sent").first).to_be_visible()
    page.get_by_role("button", name="Rerun from here…").click()
    expect(page.get_by_text("Kept, with the results")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="process_order").last).to_be_visible()
    page.get_by_role("button", name="Rerun", exact=True).click()
    page.get_by_role("link", name="Open the new instance").click()
    expect(page).to_have_url(re.compile("-rerun-"))
    expect_status(page, "COMPLETED")
    expect_bars(page, 3)


def test_a_child_is_unfolded_by_keyboard(open_page: OpenPage, ledger: Ledger) -> None:
    """Its rows appear below it; Escape closes a selected span, and a reload keeps it until then."""
    app_id = DaprSettings().app_id
    snapshots = [recorded_snapshot(name) for name in ("child", "child_instance")]
    ledger.runs.ingest([replace(each, app_id=app_id) for each in snapshots])
    page = open_page("/instance?id=child")
    expect(names(page)).to_have_text(["parent", "parallel"])
    arrow = page.get_by_role("button", name="Steps of parallel")
    arrow.focus()
    page.keyboard.press("Enter")
    expect(names(page)).to_have_text(["parent", "parallel", "work", "work", "work"])
    expect(arrow).to_be_focused()
    expect(arrow).to_have_attribute("aria-expanded", "true")
    names(page).last.get_by_role("button").click()
    expect(page.get_by_text("work in the child")).to_be_visible()
    page.reload()
    expect(page.get_by_text("work in the child")).to_be_visible()
    expect(names(page)).to_have_count(5)
    page.locator(".gantt .row.selected .name").click()
    expect(page.get_by_text("work in the child")).to_be_hidden()
    names(page).last.get_by_role("button").click()
    expect(page.get_by_text("work in the child")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("work in the child")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("span="))
