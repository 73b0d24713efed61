"""Pages while a service is away."""

import re
from contextlib import suppress
from datetime import timedelta

import psutil
import pytest
from playwright.sync_api import Error, Locator, Page, expect

from tests.browser.acts import expect_status, fill, press, row, submit
from tests.browser.conftest import OpenPage, settle
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

RECOVERY = 60_000  # milliseconds within which a service is back

BATCH = 20  # orders, more than are started at once


def worker_banner(page: Page) -> Locator:
    """Return the line in the banner, because tooltips of buttons have the same text."""
    return page.get_by_test_id("stAlert").get_by_text("No worker connected")


def try_to_start(stack: Stack, order_id: str) -> str | None:
    """Start an order; return its instance id, None if the API refuses."""
    order = {"order_id": order_id, "amount": 1.0, "items": ["pen"]}
    answer = stack.post("/workflow/start", order)
    return str(answer.json()["instance_id"]) if answer.is_success else None


def kill_worker_until_shown(page: Page, stack: Stack) -> None:
    """Kill the worker, and each replacement, until the banner of the page names it."""
    banner = worker_banner(page)

    def shown() -> bool:
        worker = stack.process("worker")
        if worker and not banner.is_visible():
            with suppress(psutil.NoSuchProcess):  # the supervisor may have just reaped it
                worker.kill()
        return banner.is_visible()

    eventually(shown, 30, "the banner is shown")


def test_a_failed_click_stays_with_its_retry(open_page: OpenPage, stack: Stack) -> None:
    """It names action and instance until a retry, also after a reload; the page is not "Live"."""
    instance_id = stack.start_order_in(timedelta(hours=1), unique("refused"))
    page = open_page(f"/instances?q={instance_id}")
    named = re.compile(f"Terminate {instance_id}.*not carried out")
    failure = page.get_by_test_id("stMarkdown").get_by_text(named)
    status = page.locator(".live-updates")
    expect(row(page, instance_id).get_by_role("button", name="Terminate")).to_be_enabled()
    with stack.frozen("daprd"):
        press(page, "Terminate", instance_id)
        expect(failure).to_be_visible()
        expect(status).to_have_text(re.compile("^Dapr sidecar unavailable"))
        page.get_by_role("link", name="New order").click()
        expect(failure).to_be_visible()
        page.reload()
        expect(failure).to_be_visible()
    expect(status).to_have_text("Live", timeout=RECOVERY)
    retry = page.get_by_role("button", name="Retry")

    def is_carried_out() -> bool:
        """Click “Retry”: daprd may restart after it was frozen, and then acts only later."""
        with suppress(Error):
            retry.click(timeout=1000)
        with suppress(AssertionError):
            expect(retry).to_be_hidden(timeout=6000)
        return not retry.is_visible()

    eventually(is_carried_out, RECOVERY / 1000, "a retry is carried out")
    expect(failure).to_be_hidden()
    assert stack.status(instance_id)["status"] == "TERMINATED"


def test_the_page_is_not_live_without_the_recorder(open_page: OpenPage, stack: Stack) -> None:
    """One state, beside the banner that explains it."""
    page = open_page()
    status = page.locator(".live-updates")
    expect(status).to_have_text("Live")
    with stack.frozen("recorder"):
        expect(page.get_by_test_id("stAlert").get_by_text("Recorder unavailable")).to_be_visible()
        expect(status).to_have_text("Recorder unavailable")
        expect(status).not_to_have_class(re.compile(r"(^| )live( |$)"))
    expect(status).to_have_text("Live")


@pytest.mark.slow
def test_a_click_that_is_not_answered_is_named_in_its_row(
    open_page: OpenPage, stack: Stack
) -> None:
    """Until the dashboard answers it."""
    instance_id = stack.start_order_in(timedelta(hours=1), unique("unanswered"))
    page = open_page(f"/instances?q={instance_id}")
    line = row(page, instance_id)
    expect(line.get_by_role("button", name="Terminate")).to_be_enabled()
    with stack.frozen("dashboard"):
        press(page, "Terminate", instance_id)
        expect(line.get_by_role("alert")).to_contain_text("Terminate: no answer.")
        expect(line.get_by_role("button", name=f"Retry {instance_id}")).to_be_enabled()
    expect_status(line, "TERMINATED")
    expect(line.get_by_role("alert")).to_be_hidden()


@pytest.mark.slow
def test_a_killed_worker_is_shown_and_recovers(open_page: OpenPage, stack: Stack) -> None:
    """The banner names it while it is away, and the order completes."""
    instance_id = stack.start_order(unique("survivor"))
    page = open_page()
    kill_worker_until_shown(page, stack)
    expect(row(page, instance_id)).to_be_visible()
    expect(worker_banner(page)).to_be_hidden(timeout=RECOVERY)
    expect(row(page, instance_id).locator('[data-status="COMPLETED"]')).to_be_visible(
        timeout=RECOVERY
    )


@pytest.mark.slow
def test_a_frozen_worker_is_shown_and_recovers(open_page: OpenPage, stack: Stack) -> None:
    """The banner has the reason that only the probe finds."""
    page = open_page()
    with stack.frozen("worker"):
        shown = page.get_by_test_id("stAlert").filter(has_text="No worker connected")
        expect(shown).to_contain_text("the worker does not answer")
    expect(worker_banner(page)).to_be_hidden(timeout=RECOVERY)
    stack.wait_until_healthy(RECOVERY / 1000)


@pytest.mark.slow
def test_the_open_tab_stays_open(open_page: OpenPage, stack: Stack) -> None:
    """A banner that appears above the tabs does not switch to another tab."""
    instance_id = stack.start_order(unique("tabbed"))
    page = open_page(f"/instance?id={instance_id}")
    tab = page.get_by_role("tab", name="Audit log")
    tab.click()
    kill_worker_until_shown(page, stack)
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(worker_banner(page)).to_be_hidden(timeout=RECOVERY)
    expect(page.locator('.badge[data-status="COMPLETED"]').first).to_be_visible(timeout=RECOVERY)
    expect(tab).to_have_attribute("aria-selected", "true")


@pytest.mark.slow
def test_the_form_shows_an_outage_and_keeps_its_values(open_page: OpenPage, stack: Stack) -> None:
    """The banner appears and disappears, and the order can be submitted."""
    page = open_page("/new")
    order_id = unique("patient")
    fill(page, "Order id", order_id)
    kill_worker_until_shown(page, stack)
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    expect(worker_banner(page)).to_be_hidden(timeout=RECOVERY)
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    page.get_by_role("button", name="Submit order").click()
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect(page.locator('.badge[data-status="COMPLETED"]').first).to_be_visible(timeout=RECOVERY)


@pytest.mark.slow
def test_the_rest_of_a_batch_is_started_after_an_outage(open_page: OpenPage, stack: Stack) -> None:
    """One click starts the orders that were not tried; the draft of the next order stays."""
    page = open_page("/new")
    batch, other = unique("batch"), unique("other")
    with stack.frozen("daprd"):
        submit(page, batch, count=BATCH)
        answer = page.get_by_role("alert").filter(
            has_text=re.compile(rf"Not tried.*{batch}-{BATCH}")
        )
        expect(answer).to_be_visible()
        page.reload()
        expect(answer).to_be_visible()
    expect(page.get_by_role("status").get_by_text("Live")).to_be_visible(timeout=RECOVERY)
    fill(page, "Order id", other)
    page.get_by_role("button", name=f"Retry {BATCH} orders").click()
    expect(page).to_have_url(re.compile(rf"\?q=order_{batch}-$"))
    expect(page.locator('.chip[data-status="ALL"]')).to_have_text(f"All{BATCH}")
    page.go_back()
    expect(page.get_by_label("Order id")).to_have_value(other)
    expect(page.get_by_label("How many")).to_have_value(str(BATCH))


@pytest.mark.slow
def test_a_submission_without_an_answer_keeps_the_form(open_page: OpenPage, stack: Stack) -> None:
    """A late answer opens the page of the order."""
    page = open_page("/new")
    order_id = unique("late")
    fill(page, "Order id", order_id)
    with stack.frozen("dashboard"):
        page.get_by_role("button", name="Submit order").click()
        expect(page.get_by_role("button", name="Submitting…")).to_be_disabled()
        expect(page.get_by_role("alert").get_by_text("has not answered")).to_be_visible()
        expect(page.get_by_role("button", name="Submit order")).to_be_enabled()
        expect(page.get_by_label("Order id")).to_have_value(order_id)
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))


@pytest.mark.slow
def test_an_open_page_survives_a_killed_dashboard(open_page: OpenPage, stack: Stack) -> None:
    """After kill -9 of the dashboard the page reconnects, with its filter, and is live."""
    page = open_page("/instances?q=order_revived")
    live = page.get_by_role("status").get_by_text("Live")
    expect(live).to_be_visible()
    stack.kill("dashboard")
    expect(live).to_be_visible(timeout=RECOVERY)
    instance_id = stack.start_order(unique("revived"))
    expect(row(page, instance_id)).to_be_visible(timeout=RECOVERY)


@pytest.mark.slow
def test_a_lost_click_does_not_act_later(open_page: OpenPage, stack: Stack) -> None:
    """A killed dashboard never received it; the button can be clicked again."""
    instance_id = stack.start_order(unique("lost"))
    stack.post(f"/workflow/pause/{instance_id}")
    page = open_page(f"/instances?q={instance_id}")
    expect_status(row(page, instance_id), "SUSPENDED")
    button = row(page, instance_id).get_by_role("button", name="Terminate")
    page.mouse.move(10, 10)
    process = stack.process("dashboard")
    assert process
    process.kill()
    press(page, "Terminate", instance_id)
    expect(button).to_be_disabled()
    expect(page.get_by_role("status").get_by_text("Live")).to_be_visible(timeout=RECOVERY)
    expect(button).to_be_enabled(timeout=RECOVERY)
    expect(row(page, instance_id).get_by_role("alert")).to_contain_text("Terminate: no answer.")
    assert stack.status(instance_id)["status"] == "SUSPENDED"
    settle(page)  # the page runs again after a restart, and refuses input until then
    row(page, instance_id).get_by_role("button", name="Retry").click()
    expect_status(row(page, instance_id), "TERMINATED")


@pytest.mark.slow
def test_a_deleted_ledger_is_rebuilt(open_page: OpenPage, stack: Stack) -> None:
    """The recorder fills a new file with the instances that the engine still has."""
    instance_id = stack.start_order(unique("kept"))
    stack.wait_for(instance_id, "COMPLETED")
    page = open_page(f"/instances?q={instance_id}")
    expect_status(row(page, instance_id), "COMPLETED")
    for file in (stack.folder / "data").glob("ledger.db*"):
        file.unlink()
    # The first request notices that the ledger is gone, and is refused; the next opens the new one.
    later = eventually(lambda: try_to_start(stack, unique("kept-too")), 10, "an order is accepted")
    page.get_by_placeholder("Search by id").fill("order_kept")
    expect_status(row(page, later), "COMPLETED")
    expect_status(row(page, instance_id), "COMPLETED")
