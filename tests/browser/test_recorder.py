"""The metrics of the recorder on the pages, and queue times from its traces."""

import re
from contextlib import closing
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from tests.browser.acts import expect_bars, expect_status, row
from tests.browser.conftest import PATIENCE, OpenPage
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

RELIST = 30_000  # milliseconds within which the recorder lists the instances again
ACTIVITIES = 3  # per order


def expect_queue_times(page: Page, count: int) -> None:
    """Wait for `count` bars of queue time, each directly before a bar of execution time."""
    matching = """() => {
        const traces = document.querySelector(".gantt .chart")?.data ?? [];
        const attempts = traces.filter(({ meta }) => meta && meta.actions[0] !== "select:run");
        const times = (trace, end) => trace.base.map((at, index) =>
            `${trace.y[index]} ${Date.parse(at) + (end ? trace.x[index] : 0)}`);
        const [queues, executions] = [true, false].map((isPale) =>
            attempts.filter(({ marker }) => marker.opacity < 1 === isPale));
        const ends = queues.flatMap((trace) => times(trace, true));
        const starts = new Set(executions.flatMap((trace) => times(trace, false)));
        return ends.every((end) => starts.has(end)) ? ends.length : -1;
    }"""
    wanted = f"{count} bars of queue time"
    eventually(lambda: page.evaluate(matching) == count, PATIENCE / 1000, wanted)


def test_queue_and_execution_time_are_two_bars(open_page: OpenPage, finished_order: str) -> None:
    """The paler bar ends where the solid one starts, and the legend names both."""
    page = open_page(f"/instance?id={finished_order}")
    expect_bars(page, ACTIVITIES)
    expect_queue_times(page, ACTIVITIES)
    expect(page.locator(".gantt .legend")).to_contain_text("in Dapr's queue")
    entries = page.locator(".gantt .legend .entry")
    expect(entries.filter(has_text="in Dapr's queue")).to_have_count(1)


@pytest.mark.slow
def test_recorder_metrics_are_one_click_away(open_page: OpenPage, stack: Stack) -> None:
    """Its lag, its reads, and whether traces arrive."""
    instance_id = stack.start_order(unique("measured"))
    page = open_page()
    expect_status(row(page, instance_id), "RUNNING")
    page.get_by_role("button", name=re.compile("^Up to date")).click()
    metrics = page.get_by_test_id("stPopoverBody")
    expect(metrics).to_contain_text("From an event to its row")
    expect(metrics).to_contain_text("reads per second")
    expect(metrics).to_contain_text("Traces arrive")


def test_the_backlog_is_updated(open_page: OpenPage, stack: Stack, ledger: Ledger) -> None:
    """While the recorder catches up; without a backlog the text disappears."""
    page = open_page()
    backlog = page.get_by_text("Runs left to read")
    with stack.frozen("recorder"):
        for runs in (12_345, 678):
            ledger.write_heartbeat(datetime.now(UTC), (), runs)
            expect(backlog).to_contain_text(f"Runs left to read: {runs:,}.")
    expect(backlog).to_be_hidden()


@pytest.mark.slow
def test_a_failing_list_is_shown_with_its_remedy(open_page: OpenPage, stack: Stack) -> None:
    """The banner names the id and what to do; recovery is not automatic."""
    broken = unique("broken||list")
    page = open_page()
    banner = page.get_by_test_id("stAlert")
    with closing(stack.gateway()) as gateway:
        gateway.start("no_such_workflow", broken, "{}")
    try:
        expect(banner).to_contain_text("Dapr's list of instances unavailable", timeout=RELIST)
        expect(banner).to_contain_text(broken)
        expect(banner).to_contain_text("Terminate that instance and purge it")
        expect(banner).not_to_contain_text("Recovery is automatic")
        expect_status(row(page, stack.start_order(unique("unharmed"))), "COMPLETED")
    finally:
        stack.purge(broken)
    expect(banner).to_be_hidden(timeout=RELIST)
