"""Density and widths: many rows on a screen, and no page that scrolls sideways."""

from functools import partial

from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from tests.browser.acts import bars, row
from tests.browser.conftest import LIST, PATIENCE, OpenPage, settle
from tests.browser.large_runs import add_large_run, record
from tests.integration.stack import Stack, unique
from tests.unit.snapshots import done
from tests.waiting import eventually

WIDTHS = (420, 768, 1280, 1920, 2560)  # pixels
MAX_CONTENT = 1610  # pixels: about 1,600
HEIGHT = 900  # pixels
SCREENS = {1280: 15, 420: 10}
"""How many rows of the list a screen of this width has at least."""
ROWS = 30
PATHS = ("/", "/waiting", "/failures", LIST, "/bulk", "/audit", "/start", "/new")
ON_SCREEN = """lines => lines.filter((line) => {
    const { top, bottom, height } = line.getBoundingClientRect();
    return height && top >= 0 && bottom <= innerHeight;
}).length"""
"""Returns how many of the elements are on the screen."""
SIZES = """() => {
    const block = document.querySelector("[data-testid=stMainBlockContainer]");
    const { paddingLeft, paddingRight } = getComputedStyle(block);
    const pages = [document.documentElement, document.querySelector("[data-testid=stMain]")];
    return [
        Math.max(...pages.map(({ scrollWidth }) => scrollWidth)),
        block.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight),
    ];
}"""
"""Returns the width of a page, and that of its content."""


def test_a_screen_has_many_rows(open_page: OpenPage, ledger: Ledger) -> None:
    """Fifteen or more on a desktop, ten or more on a phone."""
    mark = unique("dense")
    ids = [f"{mark}-{number:02}" for number in range(ROWS)]
    record(ledger, *(done(instance_id=each, created=n, read=99) for n, each in enumerate(ids)))
    page = open_page(f"{LIST}?q={mark}")
    expect(row(page, ids[-1])).to_be_visible()
    for width, least in SCREENS.items():
        page.set_viewport_size({"width": width, "height": HEIGHT})
        words = f"{least} rows or more at a width of {width}"
        eventually(partial(_has_rows, page, least), PATIENCE / 1000, words)


def test_no_page_scrolls_sideways(open_page: OpenPage, stack: Stack, ledger: Ledger) -> None:
    """At any width, with content that is no wider than can be read."""
    instance_id = unique("wide")
    add_large_run(ledger, instance_id, 3)
    page = open_page()
    page.emulate_media(reduced_motion="reduce")
    for path in (*PATHS, f"/instance?id={instance_id}"):
        page.goto(stack.page + path)
        settle(page)
        expect(page.get_by_role("status")).to_be_visible()
        if path.startswith("/instance?"):
            expect(bars(page).first).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            words = f"{path} fits into {width} pixels"
            eventually(partial(_fits, page, width), PATIENCE / 1000, words)


def _has_rows(page: Page, least: int) -> bool:
    return bool(page.locator("tr[data-id]").evaluate_all(ON_SCREEN) >= least)


def _fits(page: Page, width: int) -> bool:
    of_page, of_content = page.evaluate(SIZES)
    return bool(of_page <= width and of_content <= MAX_CONTENT)
