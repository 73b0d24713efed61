"""Pages stay whole where the server is far away, though the bell rings at any moment."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import back_to_list, bars, row, submit
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique

ROUNDS, MANY = 4, 12
BUSY = 0.4  # seconds between two orders
SLOW = """(late => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        if (this.url.includes("_stcore/stream")) setTimeout(() => send.call(this, data), late);
        else send.call(this, data);
    };
})"""
"""What is asked of Streamlit's server comes `late` milliseconds later; the bell rings at once."""


@contextmanager
def orders(stack: Stack) -> Iterator[None]:
    """Have orders come in all the time, so that the bell rings as often as it may."""
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
    """Wait until the list is there, with all that belongs to it."""
    expect(page.get_by_placeholder("Search by id")).to_be_visible()
    expect(page.locator('.chip[data-status="ALL"]')).to_be_visible()
    expect(page.locator("tbody tr").first).to_be_visible()


def expect_instance(page: Page) -> None:
    """Wait until the page of an instance is there, with all that belongs to it."""
    expect(page).to_have_url(re.compile(r"/instance\?id="))
    expect(page.locator("h1 + button.copy")).to_be_visible()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(bars(page).first).to_be_visible()
    expect(page.get_by_role("tab", name="History")).to_be_visible()


@pytest.mark.parametrize(
    ("late", "rounds"),
    [(300, ROUNDS), *(pytest.param(late, MANY, marks=pytest.mark.slow) for late in (0, 250, 700))],
)
def test_each_page_is_whole_however_the_bell_rings(
    open_page: OpenPage, stack: Stack, late: int, rounds: int
) -> None:
    """From the list to the form, to the instance, back, by a row, and back once more."""
    page = open_page(script=f"{SLOW}({late})")
    with orders(stack):
        for _ in range(rounds):
            submit(page, unique("far"))
            expect_instance(page)
            back_to_list(page).click()
            expect_list(page)
            page.locator("tbody tr").nth(1).get_by_role("link").click()
            expect_instance(page)
            page.go_back()
            expect_list(page)


def test_a_page_that_lost_everything_is_loaded_anew(open_page: OpenPage, stack: Stack) -> None:
    """Whatever took its parts away, it is there again without a person's doing."""
    instance_id = stack.start_order(unique("lost-and-found"))
    page = open_page()
    expect(row(page, instance_id)).to_be_visible()
    page.evaluate("globalThis.isTheSame = true; document.querySelector('.stMain').remove()")
    page.wait_for_function("globalThis.isTheSame === undefined")
    expect(row(page, instance_id)).to_be_visible()
