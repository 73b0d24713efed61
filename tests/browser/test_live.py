"""Live updates keep pages current, cost nothing without changes, and do not disturb the viewer."""

import re

import pytest
from playwright.sync_api import Page, ViewportSize, WebSocket, expect

from tests.browser.acts import back_to_list, expect_bars, expect_status, row, start_on_open_page
from tests.browser.conftest import LIST, PATIENCE, OpenPage, settle
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

NARROW: ViewportSize = {"width": 420, "height": 900}
QUIET = 2000  # milliseconds that an idle page is observed
RENDER = re.compile("[0-9a-f]{8}")  # the id of a render


REDRAW = """() => {
    const { data, layout } = document.querySelector(".gantt .chart");
    return Plotly.react(document.querySelector(".gantt .chart"), data, layout).then(() => null);
}"""


def axis(page: Page) -> list[str]:
    """Return the start and the end of the axis of the Gantt chart."""
    return list(page.evaluate("document.querySelector('.gantt .chart').layout.xaxis.range"))


@pytest.mark.slow
def test_zoom_survives_growing_bars(open_page: OpenPage, stack: Stack) -> None:
    """A zoomed range stays while the instance runs, until a double click.

    Plotly alone forgets the first click if the chart is redrawn before the second one.
    """
    page = start_on_open_page(open_page, stack, unique("zoomed"))
    expect_bars(page, 2)
    box = page.locator(".gantt .nsewdrag").bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 12, steps=5)
    page.mouse.up()
    zoomed = axis(page)
    expect_status(page, "COMPLETED")
    assert axis(page) == zoomed
    expect_bars(page, 3)
    page.mouse.click(box["x"] + 100, box["y"] + 10)
    page.evaluate(REDRAW)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    eventually(lambda: axis(page)[1] != zoomed[1], PATIENCE / 1000, "the whole chart is shown")


def test_typing_is_not_disturbed(open_page: OpenPage, stack: Stack) -> None:
    """The search field keeps its text and its focus while rows appear."""
    page = open_page()
    search = page.get_by_placeholder("Search by id")
    search.focus()
    page.keyboard.type("order_typ", delay=20)
    instance_id = stack.start_order(unique("typed"))
    expect(row(page, instance_id)).to_be_visible()
    expect(search).to_be_focused()
    expect(search).to_have_value("order_typ")
    expect(page).to_have_url(re.compile("q=order_typ"))


def test_the_cells_of_a_row_are_aligned(open_page: OpenPage, stack: Stack) -> None:
    """One line separates two rows."""
    page = open_page()
    line = row(page, stack.start_order(unique("line")))
    expect(line).to_be_visible()
    bottom = "cell => cell.getBoundingClientRect().bottom"
    bottoms = line.evaluate(f"row => [...row.cells].map({bottom})")
    assert len(set(bottoms)) == 1, bottoms


@pytest.mark.slow
def test_an_idle_page_sends_nothing(open_page: OpenPage, stack: Stack) -> None:
    """No browser polls or asks: the server reruns the page for the next order.

    The browser only reports each render that it shows.
    """
    sent: list[object] = []

    def record(frame: object) -> None:
        sent.append(frame)

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", record)

    page = open_page("/new")
    page.on("websocket", watch)
    page.goto(stack.page + LIST)
    expect(page.get_by_role("status").get_by_text("Live")).to_be_visible()
    expect(page.locator('.chip[data-status="RUNNING"]')).to_have_text(re.compile("Running0"))
    before = len(sent)
    page.wait_for_timeout(QUIET)
    assert len(sent) == before
    expect(row(page, stack.start_order(unique("new")))).to_be_visible()
    page.wait_for_timeout(QUIET)
    assert all(RENDER.fullmatch(str(frame)) for frame in sent[before:]), sent


def test_filters_are_in_the_address(open_page: OpenPage, stack: Stack, finished_order: str) -> None:
    """A selected status hides the others, and the address restores the list."""
    page = open_page(f"/instances?q={finished_order}")
    expect_status(row(page, finished_order), "COMPLETED")
    page.locator('.chip[data-status="FAILED"]').click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(page).to_have_url(re.compile("status=failed"))
    page.locator('.chip[data-status="COMPLETED"]').click()
    expect(row(page, finished_order)).to_be_visible()
    again = open_page(page.url.removeprefix(stack.page))
    expect(row(again, finished_order)).to_be_visible()
    expect(again.locator('.chip[data-status="COMPLETED"]')).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_narrow_page_does_not_scroll_sideways(open_page: OpenPage, stack: Stack) -> None:
    """At a width of 420 pixels no page is wider than the window."""
    instance_id = stack.start_order(unique("narrow"))
    page = open_page()
    page.set_viewport_size(NARROW)
    for path in (LIST, "/new", f"/instance?id={instance_id}"):
        page.goto(stack.page + path)
        settle(page)
        shown = page.locator("input, tbody tr, .gantt .bars path").filter(visible=True)
        expect(shown.first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_each_search_shows_its_own_rows(open_page: OpenPage, stack: Stack) -> None:
    """Whatever was searched before; a reload keeps the search."""
    ids = [stack.start_order(unique(f"searched-{n}")) for n in range(3)]
    page = open_page()
    search = page.get_by_placeholder("Search by id")
    for instance_id in ids:
        search.fill(instance_id)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(row(page, instance_id)).to_be_visible()
        expect(page.locator('.chip[data-status="ALL"]')).to_have_text("All1")
        expect(page).to_have_url(re.compile(f"q={instance_id}"))
    page.reload()
    expect(search).to_have_value(ids[-1])
    for instance_id in ids[:2]:
        search.fill(instance_id)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(row(page, instance_id)).to_be_visible()
    page.wait_for_timeout(QUIET)
    expect(row(page, ids[1])).to_be_visible()
    row(page, ids[1]).locator("a.id").click()
    back_to_list(page).click()
    expect(search).to_have_value(ids[1])
    expect(page.locator("tbody tr")).to_have_count(1)
