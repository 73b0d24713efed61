"""The form of a new order."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from unittest.mock import ANY
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from operations.ledger import Ledger
from operations.records import Filter
from tests.browser.acts import expect_bars, expect_status, fill, fill_item, row, submit
from tests.browser.conftest import PATIENCE, OpenPage
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

MISTAKES = [
    ("Order id", "two words", "expected 1 to 58 letters"),
    ("Amount ($)", "0", "expected a number above 0"),
    ("Amount ($)", "10.999", "at most 2 decimals"),
    ("Amount ($)", "", "Found nothing, expected a number above 0"),
    ("Amount ($)", "1,000.50", "Write it without thousands separators: 1000.50."),
    ("How many", "٣", "Found '٣', expected a whole number from 1 to 100."),
    ("Item 2", "  ", "Item 2: found '  ', expected a text"),
]
"""Label, text and message."""


def wait_for_form(page: Page) -> None:
    """Wait until the form is shown."""
    expect(page.get_by_label("Order id")).to_have_value(re.compile("^ORDER-"))
    expect(page.get_by_label("Item 1")).to_have_value("laptop")


def open_form(page: Page, connect: Callable[[WebSocketRoute], None]) -> None:
    """Open the form over a connection to the server that the test connects itself."""
    page.route_web_socket(re.compile("/_stcore/stream"), connect)
    page.goto(urljoin(page.url, "/new"))
    wait_for_form(page)


def test_a_triple_click_is_one_order(open_page: OpenPage, ledger: Ledger) -> None:
    """Three quick clicks start one instance, and open its page."""
    page = open_page("/new")
    wait_for_form(page)
    order_id = page.get_by_label("Order id").input_value()
    page.get_by_role("button", name="Submit order").click(click_count=3, delay=30)
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect_bars(page, 2)
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    newest = ledger.search.page(Filter(id_part="ORDER-"), limit=10).runs
    assert [summary.instance_id for summary in newest] == [f"order_{order_id}"]


def test_a_second_order_right_after_the_first(open_page: OpenPage) -> None:
    """The form is shown again with another id, and starts another instance."""
    page = open_page()
    first = submit(page, unique("first"))
    expect(page).to_have_url(re.compile(rf"/instance\?id={first}$"))
    page.get_by_role("link", name="New order").click()
    wait_for_form(page)
    expect(page).to_have_url(re.compile("/new$"))
    second = submit(page, unique("second"))
    expect(page).to_have_url(re.compile(rf"/instance\?id={second}$"))


def test_the_form_is_opened_while_the_browser_leaves_it(open_page: OpenPage) -> None:
    """The server sees only the second of two quick requests, as Streamlit may merge them."""
    page = open_page()
    requests = list[bytes]()

    def connect(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def forward(message: str | bytes) -> None:
            if isinstance(message, bytes) and b"id=order_" in message and not requests:
                requests.append(message)
            else:
                server.send(message)

        browser.on_message(forward)

    open_form(page, connect)
    page.get_by_role("link", name="New order").evaluate(
        'link => addEventListener("popstate", () => setTimeout(() => link.click()), { once: true })'
    )
    submit(page, unique("left"))
    wait_for_form(page)
    expect(page.get_by_role("button", name="Submit order")).to_be_enabled()
    expect(page).to_have_url(re.compile("/new$"))
    assert len(requests) == 1
    second = submit(page, unique("second"))
    expect(page).to_have_url(re.compile(rf"/instance\?id={second}$"))


def test_a_click_arrives_together_with_the_submission(open_page: OpenPage) -> None:
    """Streamlit may drop the first of two messages; the form then sends it again."""
    page = open_page()
    held = list[str | bytes]()
    released = list[str | bytes]()

    def connect(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def forward(message: str | bytes) -> None:
            held.append(message)
            if isinstance(message, bytes) and b"submission" in message and not released:
                return
            for each in held:
                server.send(each)
            released.extend(held)
            held.clear()

        browser.on_message(forward)

    open_form(page, connect)
    released.clear()
    order_id = page.get_by_label("Order id").input_value()
    page.get_by_role("button", name="Submit order").click()
    page.get_by_role("link", name="New order").click()
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect(page.get_by_text(f"order_{order_id} submitted.")).to_be_visible()


def test_a_click_while_the_start_is_awaited(open_page: OpenPage, stack: Stack) -> None:
    """The form shows the answer, although the page has been run again in the meantime."""
    page = open_page()
    sent = list[str | bytes]()

    def connect(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def forward(message: str | bytes) -> None:
            sent.append(message)
            server.send(message)

        browser.on_message(forward)

    open_form(page, connect)
    order_id = page.get_by_label("Order id").input_value()
    with stack.frozen("daprd"):
        sent.clear()
        page.get_by_role("button", name="Submit order").click()
        page.get_by_role("link", name="New order").click()

        def are_sent() -> bool:
            page.evaluate("null")  # Playwright forwards the messages meanwhile
            return len(sent) >= 2

        eventually(are_sent, PATIENCE / 1000, "both are sent")
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect_status(page, "RUNNING")


@pytest.mark.parametrize(
    ("role", "name", "heading"),
    [("link", "Waiting", "Waiting"), ("button", "Navigate to home page", "Overview")],
)
def test_another_page_is_opened_before_the_answer(
    open_page: OpenPage, role: Literal["link", "button"], name: str, heading: str
) -> None:
    """The browser stays on this page, which has the order; the form offers another one."""
    page = open_page()
    held: list[str | bytes] | None = None
    servers = list[WebSocketRoute]()

    def connect(browser: WebSocketRoute) -> None:
        servers.append(browser.connect_to_server())
        browser.on_message(forward)

    def forward(message: str | bytes) -> None:
        nonlocal held
        if held is None:
            servers[-1].send(message)
            held = [] if isinstance(message, bytes) and b"submission" in message else None
        else:
            held.append(message)

    open_form(page, connect)
    instance_id = f"order_{page.get_by_label('Order id').input_value()}"
    page.get_by_role("button", name="Submit order").click()
    page.get_by_role(role, name=name).click()
    draft = "sessionStorage.getItem('flowdeck-order-draft')"
    eventually(lambda: page.evaluate(draft) is None, PATIENCE / 1000, "the form has the answer")
    for each in held or []:
        servers[-1].send(each)
    held = None
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.get_by_role("link", name="Instances").click()
    expect(row(page, instance_id)).to_be_visible()
    expect(page).to_have_url(re.compile("/instances$"))
    page.get_by_role("link", name="New order").click()
    wait_for_form(page)
    expect(page.get_by_label("Order id")).not_to_have_value(instance_id.removeprefix("order_"))


def test_markup_is_shown_as_text(open_page: OpenPage) -> None:
    """A script that is typed as an item is text in the input and in the history."""
    script = "<script>alert(1)</script>"
    page = open_page("/new")
    wait_for_form(page)
    fill_item(page, 3, script)
    page.get_by_role("button", name="Submit order").click()
    expect_bars(page, 2)
    expect(page.get_by_text(script).first).to_be_visible()
    assert page.locator("script", has_text="alert(1)").count() == 0


def test_items_are_numbered_in_order(open_page: OpenPage) -> None:
    """Pasted lines are items, an emptied item is removed, and an error names the right one."""
    page = open_page("/new")
    wait_for_form(page)
    page.get_by_label("Item 3").evaluate(
        """field => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", "pen\\n\\n" + "x".repeat(201) + "\\r\\nink");
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }"""
    )
    expect(page.get_by_label("Item 5")).to_have_value("ink")
    page.get_by_label("Item 1").fill("")
    page.get_by_label("Item 2").focus()
    expect(page.get_by_label("Item 1")).to_have_value("mouse")
    page.get_by_role("button", name="Submit order").click()
    expect(page.get_by_text("Item 3: found 'xxx")).to_be_visible()
    page.get_by_label("Item 3").focus()
    page.get_by_label("Item 3").locator("xpath=..").get_by_title("Remove").click()
    page.get_by_role("button", name="Submit order").click()
    items = ["mouse", "pen", "ink"]
    for item in items:
        expect(page.get_by_text(f'"{item}"').first).to_be_visible()
    expect(page.get_by_text('"laptop"')).to_have_count(0)


def test_typing_an_item_is_not_disturbed(open_page: OpenPage, stack: Stack) -> None:
    """Although other orders update the page in the meantime."""
    page = open_page("/new")
    wait_for_form(page)
    fill_item(page, 1, "phone", slowly=lambda: stack.start_order(unique("meanwhile")))
    page.get_by_role("button", name="Submit order").click()
    expect(page.get_by_text('"phone"').first).to_be_visible()


def test_a_mistake_is_shown_at_its_field(open_page: OpenPage) -> None:
    """In the words of the contract; the typed values stay, and a correction removes the message."""
    page = open_page("/new")
    wait_for_form(page)
    for label, text, message in MISTAKES:
        field = page.get_by_label(label, exact=True)
        valid = field.input_value()
        fill(page, label, text)
        page.get_by_role("button", name="Submit order").click()
        shown = page.locator(".mistake").filter(has_text=message)
        expect(shown).to_be_visible()
        expect(field).to_have_value(text)
        expect(field).to_have_attribute("aria-invalid", "true")
        fill(page, label, valid)
        expect(shown).to_be_hidden()
        expect(page.locator('[aria-invalid="true"]')).to_have_count(0)
    assert page.url.endswith("/new")


def test_an_incomplete_time_starts_nothing(open_page: OpenPage, stack: Stack) -> None:
    """A complete time starts the order then, in the time zone of the viewer."""
    page = open_page("/new")
    order_id = unique("later")
    day = datetime.now(UTC) + timedelta(days=2)
    fill(page, "Order id", order_id)
    expect(page.get_by_text("(Europe/Berlin)")).to_be_visible()
    start = page.get_by_label("Start at")
    start.focus()
    page.keyboard.type("12")
    page.get_by_role("button", name="Submit order").click()
    expect(page.get_by_text("Found an incomplete time, expected a day")).to_be_visible()
    start.fill(f"{day:%Y-%m-%d}T18:30")
    expect(page.get_by_text(re.compile(f"{day:%Y-%m-%d} 1[67]:30 UTC"))).to_be_visible()
    page.get_by_role("button", name="Submit order").click()
    expect_status(page, "PENDING")
    expect(page.locator(".header").get_by_text(f"{day:%Y-%m-%d} 18:30:00")).to_be_visible()
    page.get_by_role("button", name="Terminate").click()
    expect_status(page, "TERMINATED")
    assert stack.status(f"order_{order_id}")["status"] == "TERMINATED"


def test_an_hour_that_the_clocks_skip_is_refused(open_page: OpenPage) -> None:
    """The form says so as soon as it is typed; an hour that occurs twice is explained."""
    page = open_page("/new")
    start = page.get_by_label("Start at")
    skipped, repeated = (f"{next_change(month):%Y-%m-%d}T02:30" for month in (3, 10))
    start.fill(skipped)
    expect(page.get_by_text("expected a time that exists: in Europe/Berlin")).to_be_visible()
    start.fill(repeated)
    expect(page.get_by_text("02:30 occurs twice that day, and the first one is")).to_be_visible()
    expect(page.get_by_text("expected a time that exists")).to_be_hidden()


def next_change(month: int) -> date:
    """Return the next last Sunday of March or October, when the clocks change in Berlin."""
    days = (datetime.now(UTC).date() + timedelta(days=each) for each in range(2, 368))
    return next(day for day in days if day.month == month and day.day > 24 and day.weekday() == 6)


def expect_draft(page: Page, order_id: str) -> None:
    """Wait until the form shows the typed values."""
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    expect(page.get_by_label("Amount ($)")).to_have_value("12.5")
    expect(page.get_by_label("How many")).to_have_value("3")
    expect(page.get_by_label("Start at")).to_have_value("2030-01-02T03:04")
    expect(page.get_by_label("Item 1", exact=True)).to_have_value("phone")
    expect(page.get_by_label("Item 3", exact=True)).to_have_value("cable")


def test_a_draft_survives_reload_and_back(open_page: OpenPage) -> None:
    """And a failed submission; an accepted one ends it."""
    page = open_page("/new")
    wait_for_form(page)
    order_id = unique("draft")
    fill(page, "Order id", order_id)
    fill(page, "Amount ($)", "12.5")
    fill(page, "How many", "3")
    fill(page, "Start at", "2030-01-02T03:04")
    fill_item(page, 1, "phone")
    fill_item(page, 3, "cable")
    page.reload()
    expect_draft(page, order_id)
    page.get_by_role("link", name="Instances").click()
    expect(page.get_by_placeholder("Search by id")).to_be_visible()
    page.go_back()
    expect_draft(page, order_id)
    page.get_by_role("button", name="Submit 3 orders").click()
    expect(page.get_by_text("Found '2030-01-02 03:04', expected a time within")).to_be_visible()
    page.reload()
    expect_draft(page, order_id)
    page.get_by_label("Start at").fill("")
    page.get_by_role("button", name="Submit 3 orders").click()
    expect(page).to_have_url(re.compile(rf"q=order_{order_id}-$"))
    expect(row(page, f"order_{order_id}-3")).to_be_visible()
    page.go_back()
    wait_for_form(page)
    expect(page.get_by_label("How many")).to_have_value("1")


def test_the_next_order_is_typed_while_the_answer_is_awaited(
    open_page: OpenPage, stack: Stack
) -> None:
    """The accepted order does not end the draft of the next one, which has an unused id."""
    page = open_page("/new")
    wait_for_form(page)
    first = page.get_by_label("Order id").input_value()
    with stack.frozen("dashboard"):
        page.get_by_role("button", name="Submit order").click()
        fill(page, "Amount ($)", "7")
    expect(page.get_by_role("heading", name=f"order_{first}")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Amount ($)")).to_have_value("7")
    wait_for_form(page)
    expect(page.get_by_label("Order id")).not_to_have_value(first)


def test_a_reload_before_the_answer(open_page: OpenPage, stack: Stack) -> None:
    """The form says so; the same texts may be submitted again, although the order has ended."""
    page = open_page()
    order_id, is_submitted = unique("reloaded"), False
    servers = list[WebSocketRoute]()

    def connect(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        servers.append(server)
        # The answer may come late: the first connection must never deliver it.
        server.on_message(
            lambda each: None if is_submitted and server is servers[0] else browser.send(each)
        )

    open_form(page, connect)
    fill(page, "Order id", order_id)
    is_submitted = True
    page.get_by_role("button", name="Submit order").click()

    def is_terminated() -> bool:
        page.evaluate("null")  # Playwright forwards the messages meanwhile
        return stack.post(f"/workflow/terminate/order_{order_id}").is_success

    eventually(is_terminated, PATIENCE / 1000, "the order has started, and is terminated")
    page.reload()
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    expect(page.get_by_text("The dashboard has not answered. Submit again")).to_be_visible()
    page.get_by_role("button", name="Submit order").click()
    expect(page.get_by_text(f"order_{order_id} was already submitted.")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect_status(page, "TERMINATED")


def test_a_draft_belongs_to_its_tab(open_page: OpenPage) -> None:
    """Another tab suggests another order."""
    page, other = open_page("/new"), open_page("/new")
    wait_for_form(page)
    fill(page, "Amount ($)", "1.25")
    other.reload()
    wait_for_form(other)
    expect(other.get_by_label("Amount ($)")).to_have_value("99.99")


def test_a_batch_is_previewed(open_page: OpenPage) -> None:
    """With its ids and its total, before it is submitted."""
    page = open_page("/new")
    wait_for_form(page)
    fill(page, "Order id", "B")
    fill(page, "Amount ($)", "1000.05")
    fill(page, "How many", "20")
    summary = page.locator(".summary")
    expect(summary).to_have_text("B-1 … B-2020 \u00d7 $1,000.05 = $20,001.00")
    fill(page, "Amount ($)", "1e3")
    expect(summary).to_have_text("B-1 … B-20")
    fill(page, "How many", "1")
    expect(summary).to_be_empty()


def test_the_button_stays_in_its_place(open_page: OpenPage) -> None:
    """While items are added and a batch is previewed; nothing is wider than the window."""
    page = open_page("/new")
    button = page.get_by_role("button", name=re.compile("^Submit"))
    for width in (1280, 420):
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        wait_for_form(page)
        before = button.bounding_box()
        for number in range(3, 12):
            page.get_by_label(f"Item {number}", exact=True).fill(f"item {number}")
        fill(page, "How many", "20")
        expect(button).to_have_text("Submit 20 orders")
        assert before
        assert button.bounding_box() == {**before, "width": ANY}
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("sessionStorage.clear()")  # the draft


@pytest.mark.slow
def test_typed_values_survive_a_killed_dashboard(open_page: OpenPage, stack: Stack) -> None:
    """The form is unchanged after kill -9 of the dashboard, and can be submitted."""
    page = open_page("/new")
    wait_for_form(page)
    order_id = unique("typed")
    fill(page, "Order id", order_id)
    fill(page, "Amount ($)", "12.50")
    fill_item(page, 1, "phone")
    live = page.get_by_role("status").get_by_text("Live")
    expect(live).to_be_visible()
    stack.kill("dashboard")
    expect(live).to_be_hidden()
    expect(live).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Order id")).to_have_value(order_id)
    page.get_by_role("button", name="Submit order").click()
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect_status(page, "COMPLETED")
    started = stack.status(f"order_{order_id}")["output"]
    assert started["process_result"]["total"] == pytest.approx(12.5 * 1.1)
    expect(page.get_by_text('"phone"').first).to_be_visible()


def test_a_batch_opens_the_list_of_its_orders(open_page: OpenPage) -> None:
    """It shows no other orders."""
    page = open_page()
    batch = unique("few")
    first = submit(page, batch, count=3)
    expect(row(page, first)).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(3)
