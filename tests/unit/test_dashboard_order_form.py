"""The orders and the mistakes of a submitted form."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.orders.order_form import MAX_BATCH, _find_mistakes, _number, _orders, _random_id
from worker.orders import Order

LONGEST = "A" * 58
LAST = f"-{MAX_BATCH}"
AMOUNT = "a number above 0 and up to 1000000, with at most 2 decimals"
ID = "1 to 58 letters, digits, _ or -, beginning with a letter or a digit"
ITEM = "a text of 1 to 200 characters, none of them a control character"
ITEMS = "a list of 1 to 500 items"


def typed(**values: Any) -> dict[str, Any]:
    """Return the values of a form; by default, of a valid order."""
    defaults = {"order_id": "A", "amount": 99.99, "items": ["laptop"], "count": 1, "start": None}
    return {**defaults, **values}


def mistakes(**values: Any) -> dict[str, str]:
    """Return the mistakes by field, as a person reads them."""
    form = typed(**values)
    found = _find_mistakes(_orders(form)[-1], form)
    return {
        field: text.replace("\\", "").replace("\u2060", "").replace("\u00a0", " ")
        for field, text in found.items()
    }


@pytest.mark.parametrize("text", ["", "abc", "12,50", "1_000", "nan", "inf", "0x1", "1 000"])
def test_an_amount_that_is_no_number_is_a_mistake(text: str) -> None:
    """The message has the typed text, and no other amount is ordered."""
    (message,) = mistakes(amount=_number(text)).values()
    assert message.startswith(f"Found {text if text in {'nan', 'inf'} else repr(text)}")
    assert message.endswith(f"expected {AMOUNT}.")


@pytest.mark.parametrize(("text", "number"), [("99.99", 99.99), (" 5 ", 5.0), ("1e3", 1000.0)])
def test_an_amount_is_the_typed_number(text: str, number: float) -> None:
    """Without the blanks around it."""
    assert _number(text) == number


def test_one_order_keeps_its_id() -> None:
    """A single order has no number."""
    assert _orders(typed()) == [{"order_id": "A", "amount": 99.99, "items": ["laptop"]}]


def test_a_batch_is_numbered() -> None:
    """Each order of a batch has its own id."""
    assert [order["order_id"] for order in _orders(typed(count=3))] == ["A-1", "A-2", "A-3"]


def test_the_orders_of_a_batch_differ_only_in_their_ids() -> None:
    """Amount and items are the same."""
    orders = [{**order, "order_id": ""} for order in _orders(typed(count=5))]
    assert orders == [orders[0]] * 5


def test_the_largest_batch_has_distinct_ids() -> None:
    """One per order."""
    orders = _orders(typed(count=MAX_BATCH))
    assert len({order["order_id"] for order in orders}) == MAX_BATCH


def test_a_valid_order_has_no_mistakes() -> None:
    """The default form is valid."""
    assert mistakes() == {}


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"amount": 0.0}, "amount", f"Found 0.0, expected {AMOUNT}."),
        ({"amount": -1.0}, "amount", f"Found -1.0, expected {AMOUNT}."),
        ({"amount": 1.005}, "amount", f"Found 1.005, expected {AMOUNT}."),
        ({"amount": 1_000_000.01}, "amount", f"Found 1000000.01, expected {AMOUNT}."),
        ({"order_id": ""}, "order_id", f"Found '', expected {ID}."),
        ({"order_id": "a b"}, "order_id", f"Found 'a b', expected {ID}."),
        ({"order_id": "a||b"}, "order_id", f"Found 'a||b', expected {ID}."),
        ({"order_id": "A\n"}, "order_id", f"Found 'An', expected {ID}."),
        ({"items": []}, "items", f"Found 0 items, expected {ITEMS}."),
        ({"items": [""]}, "items", f"Item 1: found '', expected {ITEM}."),
        ({"items": ["a\x07"]}, "items", f"Item 1: found 'ax07', expected {ITEM}."),
        ({"items": ["x" * 201]}, "items", f"Item 1: found '{'x' * 79}, expected {ITEM}."),
    ],
)
def test_a_mistake_has_the_words_of_the_contract(
    values: dict[str, Any], field: str, message: str
) -> None:
    """The value found and the value expected; backslashes are removed here."""
    assert mistakes(**values) == {field: message}


def test_each_field_has_its_mistake() -> None:
    """All mistakes of a form are reported at once."""
    assert set(mistakes(amount=0.0, order_id="", items=[])) == {"amount", "order_id", "items"}


def test_the_first_mistake_in_the_items_is_reported() -> None:
    """A field has one message."""
    assert mistakes(items=["ok", "", "\x01"])["items"] == f"Item 2: found '', expected {ITEM}."


def test_a_typed_value_is_escaped_in_its_mistake() -> None:
    """Because messages are Markdown."""
    form = typed(order_id="<b>:red[x]")
    message = _find_mistakes(_orders(form)[0], form)["order_id"]
    assert "<" not in message.replace(r"\<", "")
    assert ":red" not in message


def test_a_start_in_the_past_is_a_mistake() -> None:
    """No order starts in the past."""
    expected = "Found a time in the past, expected a later time or an empty field."
    assert mistakes(start=datetime.now(UTC) - timedelta(seconds=1)) == {"start": expected}


def test_a_start_in_the_future_is_no_mistake() -> None:
    """The engine starts the order then."""
    assert mistakes(start=datetime.now(UTC) + timedelta(hours=1)) == {}


def test_the_longest_id_is_too_long_for_a_batch() -> None:
    """There is no room for a number; the mistake is found before any start."""
    assert mistakes(order_id=LONGEST) == {}
    assert set(mistakes(order_id=LONGEST, count=2)) == {"order_id"}


def test_all_orders_of_a_batch_are_valid_if_its_id_leaves_room_for_the_last_number() -> None:
    """The last number is the longest."""
    form = typed(order_id="A" * (len(LONGEST) - len(LAST)), count=MAX_BATCH)
    assert mistakes(**form) == {}
    ids = [Order.model_validate(order).order_id for order in _orders(form)]
    assert ids[-1].endswith(LAST)


def test_an_id_one_character_too_long_for_the_last_number_is_refused() -> None:
    """The form refuses the batch, although its first orders would be valid."""
    form = typed(order_id="A" * (len(LONGEST) - len(LAST) + 1), count=MAX_BATCH)
    Order.model_validate(_orders(form)[0])
    assert set(mistakes(**form)) == {"order_id"}


def test_generated_ids_are_valid_and_distinct() -> None:
    """The form suggests an unused id with room for the numbers of a batch."""
    generated = {_random_id() for _ in range(1000)}
    assert len(generated) == 1000
    assert not any(mistakes(order_id=each, count=MAX_BATCH) for each in generated)
