"""Pages stay complete over a slow connection while live updates arrive at any time."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import back_to_list, bars, row, submit
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique

BUSY = 0.4  # seconds between two orders
UPDATES = 4000  # milliseconds, long enough for three live updates
GAPS = (100, 200, 300, 400, 600)  # milliseconds between two clicks
DELAYED = """(late => {
    const { send } = WebSocket.prototype;
    const isStream = (socket) => socket.url.includes("_stcore/stream");
    WebSocket.prototype.send = function (data) {
        if (isStream(this)) setTimeout(() => send.call(this, data), late);
        else send.call(this, data);
    };
    const { addEventListener } = WebSocket.prototype;
    WebSocket.prototype.addEventListener = function (type, handler, ...rest) {
        const later = (event) => setTimeout(() => handler.call(this, event), late);
        const isDelayed = type === "message" && isStream(this);
        addEventListener.call(this, type, isDelayed ? later : handler, ...rest);
    };
})"""
"""Delays each message to and from Streamlit's server by `late` milliseconds."""
IN_BURSTS = """(() => {
    const { addEventListener } = WebSocket.prototype;
    const held = [];
    setInterval(() => { for (const show of held.splice(0)) show(); }, 1500);
    WebSocket.prototype.addEventListener = function (type, handler, ...rest) {
        const isHeld = type === "message" && this.url.includes("_stcore/stream");
        const hold = (event) => held.push(() => handler.call(this, event));
        addEventListener.call(this, type, isHeld ? hold : handler, ...rest);
    };
})()"""
"""Delivers the messages of Streamlit's server in bursts, every 1.5 seconds."""
CLICK_TWICE = """gap => {
    const link = (path) => [...document.querySelectorAll("a[data-testid=stTopNavLink]")]
        .find(({ pathname }) => pathname.endsWith(path));
    link("/new").click();
    return new Promise((done) => setTimeout(() => { link("/instances").click(); done(); }, gap));
}"""
"""Clicks "New order", and `gap` milliseconds later "Instances"."""


@contextmanager
def orders(stack: Stack) -> Iterator[None]:
    """Start orders continuously, so that live updates come as often as possible."""
    end = Event()

    def start() -> None:
        while not end.wait(BUSY):
            stack.start_order(unique("other"))

    starting = Thread(target=start)
    starting.start()
    try:
        yield
    finally:
        end.set()
        starting.join()


def expect_list(page: Page) -> None:
    """Wait until the list is complete."""
    expect(page.get_by_placeholder("Search by id")).to_be_visible()
    expect(page.locator('.chip[data-status="ALL"]')).to_be_visible()
    expect(page.locator("tbody tr").first).to_be_visible()


def expect_instance(page: Page) -> None:
    """Wait until the page of an instance is complete."""
    expect(page).to_have_url(re.compile(r"/instance\?id="))
    expect(page.locator("h1 + button.copy")).to_be_visible()
    expect(bars(page).first).to_be_visible()
    expect(page.get_by_role("tab", name="History")).to_be_visible()
    expect(page.get_by_role("button", name="Download the run")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(("late", "rounds"), [(0, 100), (250, 40)])
def test_no_click_is_lost_and_each_page_is_complete(
    open_page: OpenPage, stack: Stack, late: int, rounds: int
) -> None:
    """Each round submits an order, and navigates by link, row and browser button."""
    page = open_page(script=f"{DELAYED}({late})")
    with orders(stack):
        for _ in range(rounds):
            instance_id = submit(page, unique("far"))
            expect(page).to_have_url(re.compile(rf"/instance\?id={instance_id}$"))
            expect_instance(page)
            back_to_list(page).click()
            expect_list(page)
            page.locator("tbody tr").nth(1).locator("a.id").click()
            expect_instance(page)
            page.go_back()
            expect_list(page)
            page.go_forward()
            expect_instance(page)
            page.go_back()
            expect_list(page)


@pytest.mark.slow
def test_a_page_is_complete_although_its_messages_arrive_at_once(
    open_page: OpenPage, stack: Stack
) -> None:
    """The browser would drop most of a page that arrives together with its first live update."""
    page = open_page(script=IN_BURSTS)
    with orders(stack):
        for _ in range(2):
            page.get_by_role("link", name="New order").click()
            expect(page.get_by_label("Order id", exact=True)).to_be_visible()
            page.get_by_role("link", name="Instances").click()
            expect_list(page)


@pytest.mark.slow
def test_quick_navigation_leaves_the_page_alive(open_page: OpenPage, stack: Stack) -> None:
    """The second click comes before the browser has received the whole page of the first click.

    At that time the browser drops the messages of the list after it has reported that it has them.
    """
    instance_id = stack.start_order(unique("quick"))
    stack.wait_for(instance_id, "COMPLETED")
    page = open_page(f"/instances?q={instance_id}", script=f"{DELAYED}(400)")
    for gap in GAPS:
        row(page, instance_id).locator("a.id").click()
        expect_instance(page)
        with orders(stack):
            page.wait_for_timeout(UPDATES)
        page.evaluate(CLICK_TWICE, gap)
        expect_list(page)
        expect(row(page, instance_id)).to_be_visible()
