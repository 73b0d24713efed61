"""The form of a new order."""

import re

import pytest
from playwright.sync_api import Page, expect

from operations.ledger import Ledger
from operations.records import Filter
from tests.browser.acts import bars, expect_status, fill, fill_item, row, submit
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique


def wait_for_form(page: Page) -> None:
    """Wait until the form is shown."""
    expect(page.get_by_label("Order id")).to_have_value(re.compile("^ORDER-"))
    expect(page.get_by_label("Item 1")).to_have_value("laptop")


def test_a_triple_click_is_one_order(open_page: OpenPage, ledger: Ledger) -> None:
    """Three quick clicks start one instance, and open its page."""
    page = open_page("/new")
    wait_for_form(page)
    order_id = page.get_by_label("Order id").input_value()
    page.get_by_role("button", name="Submit order").click(click_count=3, delay=30)
    expect(page).to_have_url(re.compile(rf"/instance\?id=order_{order_id}$"))
    expect_status(page, "COMPLETED")
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


def test_markup_is_shown_as_text(open_page: OpenPage) -> None:
    """A script that is typed as an item is text in the input and in the history."""
    script = "<script>alert(1)</script>"
    page = open_page("/new")
    wait_for_form(page)
    fill_item(page, 3, script)
    page.get_by_role("button", name="Submit order").click()
    expect_status(page, "COMPLETED")
    expect(bars(page).first).to_be_visible()
    page.get_by_role("tab", name="Input and output").click()
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
    page.get_by_role("tab", name="Input and output").click()
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
    page.get_by_role("tab", name="Input and output").click()
    expect(page.get_by_text('"phone"').first).to_be_visible()


@pytest.mark.parametrize(
    ("label", "text", "message"),
    [
        ("Order id", "two words", "expected 1 to 58 letters"),
        ("Amount ($)", "0", "expected a number above 0"),
        ("Amount ($)", "10.999", "at most 2 decimals"),
        ("Amount ($)", "", "expected a number above 0"),
    ],
)
def test_a_mistake_is_shown_at_its_field(
    open_page: OpenPage, label: str, text: str, message: str
) -> None:
    """In the words of the contract; the typed values stay."""
    page = open_page("/new")
    fill(page, label, text)
    page.get_by_role("button", name="Submit order").click()
    expect(page.get_by_text(message)).to_be_visible()
    assert page.url.endswith("/new")


def test_an_incomplete_time_starts_nothing(open_page: OpenPage, stack: Stack) -> None:
    """A complete time starts the order then, in the time zone of the viewer."""
    page = open_page("/new")
    order_id = unique("later")
    fill(page, "Order id", order_id)
    start = page.get_by_label("Start at")
    start.focus()
    page.keyboard.type("12")
    page.get_by_role("button", name="Submit order").click()
    expect(page.get_by_text("Found an incomplete time, expected a day")).to_be_visible()
    start.fill("2999-12-31T18:30")
    page.get_by_role("button", name="Submit order").click()
    expect_status(page, "PENDING")
    expect(page.locator(".header").get_by_text("Dec 31, 2999, 18:30:00")).to_be_visible()
    page.get_by_role("button", name="Terminate").click()
    expect_status(page, "TERMINATED")
    assert stack.status(f"order_{order_id}")["status"] == "TERMINATED"


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
    page.get_by_role("tab", name="Input and output").click()
    expect(page.get_by_text('"phone"').first).to_be_visible()


def test_a_batch_opens_the_list_of_its_orders(open_page: OpenPage) -> None:
    """It shows no other orders."""
    page = open_page()
    batch = unique("few")
    first = submit(page, batch, count=3)
    expect(row(page, first)).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(3)
