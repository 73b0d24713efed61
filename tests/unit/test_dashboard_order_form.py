"""What the form of an order asks for, before anything is started."""

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


def typed(**told: Any) -> dict[str, Any]:
    """Return what was typed into a form: by default, a good order."""
    baseline = {"order_id": "A", "amount": 99.99, "items": ["laptop"], "count": 1, "start": None}
    return {**baseline, **told}


def mistakes(**told: Any) -> dict[str, str]:
    """Return what is wrong with what was typed, as a person reads it."""
    form = typed(**told)
    found = _find_mistakes(_orders(form)[-1], form)
    return {
        field: text.replace("\\", "").replace("\u2060", "").replace("\u00a0", " ")
        for field, text in found.items()
    }


@pytest.mark.parametrize("text", ["", "abc", "12,50", "1_000", "nan", "inf", "0x1", "1 000"])
def test_an_amount_that_is_no_number_is_told(text: str) -> None:
    """As it was typed, and nothing else is ordered in its place."""
    (told,) = mistakes(amount=_number(text)).values()
    assert told.startswith(f"Found {text if text in {'nan', 'inf'} else repr(text)}")
    assert told.endswith(f"expected {AMOUNT}.")


@pytest.mark.parametrize(("text", "number"), [("99.99", 99.99), (" 5 ", 5.0), ("1e3", 1000.0)])
def test_an_amount_is_the_number_that_was_typed(text: str, number: float) -> None:
    """Without the blanks around it."""
    assert _number(text) == number


def test_one_order_keeps_its_id() -> None:
    """An order is what was typed, and nothing else."""
    assert _orders(typed()) == [{"order_id": "A", "amount": 99.99, "items": ["laptop"]}]


def test_a_batch_is_numbered() -> None:
    """Each order of a batch has an id of its own."""
    assert [order["order_id"] for order in _orders(typed(count=3))] == ["A-1", "A-2", "A-3"]


def test_a_batch_asks_for_the_same_in_each_order() -> None:
    """But for their ids they are alike."""
    rest = [{**order, "order_id": ""} for order in _orders(typed(count=5))]
    assert rest == [rest[0]] * 5


def test_the_largest_batch_has_as_many_ids() -> None:
    """No two orders share one."""
    orders = _orders(typed(count=MAX_BATCH))
    assert len({order["order_id"] for order in orders}) == MAX_BATCH


def test_a_good_order_has_no_mistakes() -> None:
    """Nothing is told of it."""
    assert mistakes() == {}


@pytest.mark.parametrize(
    ("told", "field", "words"),
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
def test_a_mistake_is_told_at_its_field_in_the_contracts_words(
    told: dict[str, Any], field: str, words: str
) -> None:
    """What was found is told, and what is expected; strokes are left out here."""
    assert mistakes(**told) == {field: words}


def test_each_field_has_its_mistake() -> None:
    """All that is wrong is told at once."""
    assert set(mistakes(amount=0.0, order_id="", items=[])) == {"amount", "order_id", "items"}


def test_of_many_mistakes_in_the_items_the_first_is_told() -> None:
    """A field has one line for what is wrong."""
    assert mistakes(items=["ok", "", "\x01"])["items"] == f"Item 2: found '', expected {ITEM}."


def test_what_was_typed_is_no_markup() -> None:
    """A mistake holds it, and is Markdown."""
    form = typed(order_id="<b>:red[x]")
    told = _find_mistakes(_orders(form)[0], form)["order_id"]
    assert "<" not in told.replace(r"\<", "")
    assert ":red" not in told


def test_a_start_that_has_passed_is_a_mistake() -> None:
    """No order starts in the past."""
    told = mistakes(start=datetime.now(UTC) - timedelta(seconds=1))
    assert told == {"start": "Found a time that has passed, expected one to come, or none."}


def test_a_start_to_come_is_none() -> None:
    """One in the future is."""
    assert mistakes(start=datetime.now(UTC) + timedelta(hours=1)) == {}


def test_the_longest_id_is_too_long_for_a_batch() -> None:
    """It has no room for a number, which is told before anything is started."""
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


def test_ids_that_are_made_up_are_good_and_differ() -> None:
    """The form suggests one that is free and that leaves room for a batch."""
    made_up = {_random_id() for _ in range(1000)}
    assert len(made_up) == 1000
    assert not any(mistakes(order_id=each, count=MAX_BATCH) for each in made_up)
