"""What the pages say of the recorder, and what its traces make of the bars."""

from contextlib import closing
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from operations.gateway import DaprGateway
from operations.ledger import Ledger
from tests.browser.acts import expect_bars, expect_status, row
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique

LONG = 30_000  # milliseconds within which the engine's instances are listed again
ACTIVITIES = 3  # of an order


def expect_parts(page: Page, count: int) -> None:
    """Wait until so many bars begin with their time in the queue, and each goes on as a run."""
    page.wait_for_function(
        """count => {
            const traces = document.querySelector(".gantt .chart")?.data ?? [];
            const told = traces.filter(({ hoverinfo }) => hoverinfo !== "skip");
            const places = (trace, end) => trace.base.map((at, index) =>
                `${trace.y[index]} ${Date.parse(at) + (end ? trace.x[index] : 0)}`);
            const [queues, runs] = [true, false].map((isPale) =>
                told.filter(({ marker }) => marker.opacity < 1 === isPale));
            const ends = queues.flatMap((trace) => places(trace, true));
            const begins = new Set(runs.flatMap((trace) => places(trace, false)));
            return ends.length === count && ends.every((end) => begins.has(end));
        }""",
        arg=count,
    )


def test_queue_and_run_are_two_parts_of_a_bar(open_page: OpenPage, stack: Stack) -> None:
    """The paler part ends where the solid one begins, and the legend names it."""
    instance_id = stack.start_order(unique("parts"))
    page = open_page(f"/instance?id={instance_id}")
    expect_status(page, "COMPLETED")
    expect_bars(page, ACTIVITIES)
    expect_parts(page, ACTIVITIES)
    expect(page.locator(".gantt .legend")).to_contain_text("in Dapr's queue")
    expect(page.locator(".gantt .swatch.queued")).to_have_count(1)


def test_what_the_recorder_measured_is_a_click_away(open_page: OpenPage, stack: Stack) -> None:
    """Its lag, its reads, and that traces arrive."""
    instance_id = stack.start_order(unique("measured"))
    page = open_page()
    expect_status(row(page, instance_id), "COMPLETED")
    page.get_by_test_id("stTooltipHoverTarget").get_by_test_id("stPopoverButton").click()
    told = page.get_by_test_id("stPopoverBody")
    expect(told).to_contain_text("behind in the middle")
    expect(told).to_contain_text("reads a second")
    expect(told).to_contain_text("Traces arrive")


def test_how_much_is_still_to_be_read_goes_down(
    open_page: OpenPage, stack: Stack, ledger: Ledger
) -> None:
    """By itself, while the recorder catches up, until nothing is left to tell."""
    page = open_page()
    words = page.get_by_text("are still to be read")
    with stack.frozen("recorder"):
        for left in (12_345, 678):
            ledger.write_heartbeat(datetime.now(UTC), (), left)
            expect(words).to_contain_text(f"{left:,} instances")
    expect(words).to_be_hidden()


def test_a_list_that_dapr_refuses_is_told_with_its_remedy(
    open_page: OpenPage, stack: Stack
) -> None:
    """The id is named with what to do about it; it does not heal by itself, the remedy does."""
    broken = unique("broken||list")
    page = open_page()
    banner = page.get_by_test_id("stAlert")
    with closing(DaprGateway(f"127.0.0.1:{stack.ports['dapr gRPC']}")) as gateway:
        gateway.start("no_such_workflow", broken, "{}")
    try:
        expect(banner).to_contain_text("Dapr cannot list its instances", timeout=LONG)
        expect(banner).to_contain_text(broken)
        expect(banner).to_contain_text("Terminate that instance and purge it")
        expect(banner).not_to_contain_text("heals by itself")
        expect_status(row(page, stack.start_order(unique("unharmed"))), "COMPLETED")
    finally:
        stack.purge(broken)
    expect(banner).to_be_hidden(timeout=LONG)
