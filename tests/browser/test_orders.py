"""Orders from the form to their end, and actions on them."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from operations.ledger import Ledger
from operations.model import Status
from tests.browser.acts import (
    back_to_list,
    expect_bars,
    expect_status,
    names,
    open_instance,
    press,
    row,
    start_on_open_page,
    submit,
)
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique


def test_a_submitted_order_is_shown_until_its_end(open_page: OpenPage) -> None:
    """The form opens its page, whose chart grows to three bars until it completes."""
    page = open_page()
    instance_id = submit(page, unique("watched"))
    expect(page).to_have_url(re.compile(rf"/instance\?id={instance_id}$"))
    expect_status(page, "RUNNING")
    expect_bars(page, 2)
    expect_status(page, "COMPLETED")
    expect_bars(page, 3)
    steps = ["order_workflow", "process_order", "check_inventory", "send_confirmation"]
    expect(names(page)).to_have_text(steps)
    expect(page.get_by_text('"confirmation_sent"').first).to_be_visible()


def test_pause_and_resume_in_the_table(open_page: OpenPage, stack: Stack) -> None:
    """One click each; the row shows the new status, by whom, and the buttons that it allows."""
    page = open_page()
    instance_id = stack.start_order(unique("in-table"))
    press(page, "Pause", instance_id)
    expect_status(row(page, instance_id), "SUSPENDED")
    expect(row(page, instance_id)).to_contain_text(re.compile(r"suspended .* by local"))
    expect(row(page, instance_id)).to_contain_text("continues when resumed")
    expect(row(page, instance_id).get_by_role("button", name="Pause")).to_have_count(0)
    press(page, "Resume", instance_id)
    expect_status(row(page, instance_id), "RUNNING")


def test_pause_and_resume_on_its_page(open_page: OpenPage, stack: Stack) -> None:
    """The three buttons follow the status, and the suspension is a bar."""
    page = start_on_open_page(open_page, stack, unique("on-page"))
    page.get_by_role("button", name="Pause").click()
    expect_status(page, "SUSPENDED")
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    expect(names(page).filter(has_text="suspended")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect_status(page, "RUNNING")
    page.get_by_role("button", name="Terminate").click()
    expect_status(page, "TERMINATED")
    for action in ("Pause", "Resume", "Terminate"):
        expect(page.get_by_role("button", name=action, exact=True)).to_have_count(0)
    page.get_by_role("link", name="Rerun…").click()
    expect(page.get_by_role("heading", name="Rerun order_on-page")).to_be_visible()


def test_terminate_in_the_table(open_page: OpenPage, stack: Stack) -> None:
    """One click; the engine reports the same status."""
    page = open_page()
    instance_id = stack.start_order(unique("ended"))
    press(page, "Terminate", instance_id)
    expect_status(row(page, instance_id), "TERMINATED")
    expect(row(page, instance_id).locator(".actions button")).to_have_count(0)
    assert stack.status(instance_id)["status"] == "TERMINATED"


def test_quick_clicks_on_several_rows_all_count(open_page: OpenPage, stack: Stack) -> None:
    """Four rows are terminated by four clicks within one rerun."""
    page = open_page()
    ids = [stack.start_order(unique("quick")) for _ in range(4)]
    for instance_id in ids:
        expect(row(page, instance_id)).to_be_visible()
    page.evaluate(
        """ids => ids.forEach(id => {
            const widgets = [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")];
            const rows = widgets.map(each => each.shadowRoot.querySelector(`tr[data-id="${id}"]`));
            rows.find(Boolean).querySelector("button.terminate").click();
        })""",
        ids,
    )
    for instance_id in ids:
        expect_status(row(page, instance_id), "TERMINATED")


def test_terminate_on_its_page(open_page: OpenPage, stack: Stack) -> None:
    """The running activity is shown as cut off."""
    page = start_on_open_page(open_page, stack, unique("cut"))
    page.get_by_role("button", name="Terminate").click()
    expect_status(page, "TERMINATED")
    expect(page.get_by_text("cut off: the instance ended or stalled")).to_be_visible()


@pytest.mark.slow
def test_a_batch_of_five(open_page: OpenPage) -> None:
    """It opens the list of its orders, which all complete."""
    page = open_page()
    batch = unique("batch")
    submit(page, batch, count=5)
    for number in range(1, 6):
        expect_status(row(page, f"order_{batch}-{number}"), "COMPLETED")
    assert f"q=order_{batch}-" in page.url


def test_rows_do_not_move_under_the_pointer(
    open_page: OpenPage, stack: Stack, ledger: Ledger
) -> None:
    """New rows appear after the pointer has left the table."""
    page = open_page()
    instance_id = stack.start_order(unique("aimed"))
    button = row(page, instance_id).get_by_role("button", name="Terminate")
    page.mouse.move(10, 10)
    button.hover()
    before = button.bounding_box()
    others = [stack.start_order(unique("other")) for _ in range(3)]
    expect(page.get_by_role("button", name="3 new")).to_be_visible()
    assert button.bounding_box() == before
    page.mouse.down()
    page.mouse.up()
    expect_status(row(page, instance_id), "TERMINATED")
    page.mouse.move(10, 10)
    for other in others:
        expect(row(page, other)).to_be_visible()
        summary = ledger.runs.latest(other)
        assert summary
        assert summary.status is not Status.TERMINATED


@pytest.mark.slow
def test_a_button_stays_when_another_one_appears(open_page: OpenPage, stack: Stack) -> None:
    """A pending instance has only “Terminate”; “Pause” must not take its place under a click."""
    page = open_page()
    instance_id = stack.start_order_in(timedelta(seconds=8), unique("soon"))
    button = row(page, instance_id).get_by_role("button", name="Terminate")
    expect_status(row(page, instance_id), "PENDING")
    before = button.bounding_box()
    expect(row(page, instance_id).get_by_role("button", name="Pause")).to_be_visible()
    assert button.bounding_box() == before


@pytest.mark.slow
def test_two_browsers_show_the_same(open_page: OpenPage, stack: Stack) -> None:
    """An action in one appears in the other without a reload."""
    one, other = open_page(), open_page()
    instance_id = submit(one, unique("shared"))
    expect_status(row(other, instance_id), "RUNNING")
    one.get_by_role("button", name="Pause").click()
    expect_status(row(other, instance_id), "SUSPENDED")
    press(other, "Terminate", instance_id)
    expect_status(one, "TERMINATED")
    assert stack.status(instance_id)["status"] == "TERMINATED"


@pytest.mark.slow
def test_an_earlier_run_is_opened_from_its_row(open_page: OpenPage, stack: Stack) -> None:
    """An id that was purged and used again has two rows, each with its own page."""
    order_id = unique("twice")
    instance_id = stack.start_order(order_id, amount=11)
    stack.wait_for(instance_id, "COMPLETED")
    page = open_page(f"/instances?q={instance_id}")
    expect_status(row(page, instance_id), "COMPLETED")
    stack.purge(instance_id)
    stack.start_order(order_id, amount=22)
    rows = row(page, instance_id)
    expect(rows).to_have_count(2)
    expect_status(rows.nth(0), "RUNNING")
    rows.nth(1).get_by_role("link", name=instance_id).click()
    expect(page.get_by_text("earlier run")).to_be_visible()
    expect_status(page, "COMPLETED")
    expect_bars(page, 3)
    expect(page.get_by_text('"amount": 11').first).to_be_visible()
    page.get_by_role("link", name="later").click()
    expect(page.get_by_text("earlier run")).to_be_hidden()
    expect(page.get_by_text('"amount": 22').first).to_be_visible()
    expect_status(page, "COMPLETED")


def test_the_list_can_be_opened_in_another_tab(open_page: OpenPage, stack: Stack) -> None:
    """The address of the link back has the filter of the list."""
    instance_id = stack.start_order(unique("beside"))
    page = open_page("/instances?q=order_beside-")
    open_instance(page, instance_id)
    address = back_to_list(page).evaluate("link => link.href")
    beside = open_page(address.removeprefix(stack.page))
    expect(beside.get_by_placeholder("Search by id")).to_have_value("order_beside-")
    expect(row(beside, instance_id)).to_be_visible()


def test_the_back_button_keeps_the_filter(open_page: OpenPage, stack: Stack) -> None:
    """One click leads back to the list with the same statuses and the same search."""
    instance_id = stack.start_order(unique("found"))
    page = open_page("/instances?q=order_found-&status=running&status=completed")
    entries = page.evaluate("history.length")
    open_instance(page, instance_id)
    assert page.evaluate("history.length") == entries + 1
    page.go_back()
    expect(page.get_by_placeholder("Search by id")).to_have_value("order_found-")
    for status in ("RUNNING", "COMPLETED"):
        chip = page.locator(f'.chip[data-status="{status}"]')
        expect(chip).to_have_attribute("aria-pressed", "true")
    expect(row(page, instance_id)).to_be_visible()


def test_ignored_values_in_the_address_are_named(open_page: OpenPage) -> None:
    """The rest of the filter applies, and stays when they are removed."""
    page = open_page("/instances?status=BOGUS&status=terminated&cursor=xyz&at=xyz")
    ignored = page.get_by_text("Ignored in the address")
    expect(ignored).to_contain_text("status 'BOGUS' (expected one of pending")
    expect(ignored).to_contain_text("'cursor' (expected status, q, workflow")
    expect(page.locator('.chip[data-status="TERMINATED"]')).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(ignored).to_be_hidden()
    expect(page).to_have_url(re.compile(r"\?status=terminated$"))
