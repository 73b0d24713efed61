"""The orders and the mistakes of a submitted form, its numbers and its times."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboard.orders.order_form import (
    FIRST,
    MAX_BATCH,
    StartText,
    TypedOrder,
    _random_id,
    find_mistakes,
    orders_of,
)
from dashboard.orders.start_time import RequestedStart, read_start
from dashboard.orders.typed_numbers import quoted, read_amount, read_count, why_no_amount
from worker.orders import Order

LONGEST = "A" * 58
LAST = f"-{MAX_BATCH}"
AMOUNT = "a number above 0 and up to 1000000, with at most 2 decimals"
ID = "1 to 58 letters, digits, _ or -, beginning with a letter or a digit"
ITEM = "a text of 1 to 200 characters, not only blanks and without control characters"
DIGITS = "Write it with the digits 0 to 9 and at most one point."
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def typed(**changes: Any) -> TypedOrder:
    """Return a submitted form; by default, of a valid order."""
    other = {"submission": "1", "order_id": "A", "start": StartText(), "is_new_id": False}
    return TypedOrder.model_validate({**FIRST, **other, **changes})


def mistakes(**changes: Any) -> dict[str, str]:
    """Return the texts of the mistakes by field."""
    found = find_mistakes(typed(**changes), RequestedStart())
    return {field: each["text"] for field, each in found.items()}


@pytest.mark.parametrize(
    ("text", "amount"),
    [("99.99", 99.99), (" 5 ", 5), ("0.1", 0.1), ("007", 7), ("12.50", 12.5), ("\u00a08\t", 8)],
)
def test_an_amount_is_digits_with_at_most_two_decimals(text: str, amount: float) -> None:
    """Blanks around it are ignored."""
    assert read_amount(text) == amount
    assert why_no_amount(text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1e3", DIGITS),
        ("+5", DIGITS),
        ("-5", DIGITS),
        ("\uff11\uff10\uff10", DIGITS),
        ("٣", DIGITS),
        ("1٣", DIGITS),
        ("²", DIGITS),
        (".5", DIGITS),
        ("5.", DIGITS),
        ("1.2.3", DIGITS),
        ("0x10", DIGITS),
        ("nan", DIGITS),
        ("inf", DIGITS),
        ("$5", DIGITS),
        ("1.000,50", DIGITS),
        ("5\n6", DIGITS),
        ("10.999", DIGITS),
        ("1,000.50", "Write it without thousands separators: 1000.50."),
        ("1,000", "Write it without thousands separators: 1000."),
        ("1 000 000", "Write it without thousands separators: 1000000."),
        ("1_000", "Write it without thousands separators: 1000."),
        ("12,50", "Write it with a point: 12.50."),
    ],
)
def test_any_other_text_is_no_amount(text: str, why: str) -> None:
    """The mistake quotes the typed text, and says how it must be written."""
    assert read_amount(text) is None
    message = mistakes(amount=text)["amount"]
    assert message == f"Found {quoted(text)}, expected {AMOUNT}. {why}"


@pytest.mark.parametrize("text", ["0", "0.00", "1000000.01", "9" * 400])
def test_an_amount_beyond_the_limits_is_quoted_as_typed(text: str) -> None:
    """The contract refuses it."""
    assert mistakes(amount=text) == {"amount": f"Found {quoted(text)}, expected {AMOUNT}."}


def test_an_empty_field_is_found_as_nothing() -> None:
    """In the words of the contract."""
    assert mistakes(amount=" ")["amount"] == f"Found ' ', expected {AMOUNT}."
    assert mistakes(amount="")["amount"] == f"Found nothing, expected {AMOUNT}."
    assert mistakes(order_id="")["order_id"] == f"Found nothing, expected {ID}."


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), (" 20 ", 20), ("1.5", None), ("", None), ("٣", None)]
)
def test_a_count_is_digits(text: str, number: int | None) -> None:
    """Of ASCII."""
    assert read_count(text) == number


@pytest.mark.parametrize("text", ["0", "101", "-1", "many", "1e1", "\uff19", "9" * 30])
def test_a_count_outside_a_batch_is_a_mistake(text: str) -> None:
    """It is quoted."""
    expected = f"a whole number from 1 to {MAX_BATCH}"
    assert mistakes(count=text) == {"count": f"Found {quoted(text)}, expected {expected}."}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it's", "'it's'"),
        ("a\\b", r"'a\b'"),
        ("<b> é 😀", "'<b> é 😀'"),
        ("A1\u200b", r"'A1\u200b'"),
        ("a\tb", r"'a\tb'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 81, f"'{'x' * 80}…'"),
    ],
)
def test_a_text_is_quoted_as_typed(text: str, shown: str) -> None:
    """Only characters that show nothing are escaped, and a long text is cut."""
    assert quoted(text) == shown


def test_an_order_has_its_typed_values() -> None:
    """Blanks around id and amount are ignored; a single order has no number."""
    (order,) = orders_of(typed(order_id=" A1 ", amount=" 5 "))
    assert order == {"order_id": "A1", "amount": 5.0, "items": ["laptop", "mouse"]}


def test_the_orders_of_a_batch_differ_only_in_their_ids() -> None:
    """Each has a number."""
    orders = orders_of(typed(count="3"))
    assert [order["order_id"] for order in orders] == ["A-1", "A-2", "A-3"]
    assert len({str({**order, "order_id": ""}) for order in orders}) == 1


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"order_id": "a b"}, "order_id", f"Found 'a b', expected {ID}."),
        ({"order_id": "a||b"}, "order_id", f"Found 'a||b', expected {ID}."),
        ({"items": []}, "items", "Found 0 items, expected a list of 1 to 500 items."),
        ({"items": [""]}, "items", f"Item 1: found nothing, expected {ITEM}."),
        ({"items": ["ok", "   "]}, "items", f"Item 2: found '   ', expected {ITEM}."),
        ({"items": ["a\x07"]}, "items", rf"Item 1: found 'a\x07', expected {ITEM}."),
        ({"items": ["x" * 201]}, "items", f"Item 1: found '{'x' * 80}…', expected {ITEM}."),
    ],
)
def test_a_mistake_has_the_words_of_the_contract(
    changes: dict[str, Any], field: str, message: str
) -> None:
    """The value found and the value expected."""
    assert mistakes(**changes) == {field: message}


def test_each_field_has_its_first_mistake() -> None:
    """All are reported at once; a mistake in the items has the index of the item."""
    start = RequestedStart(mistake="wrong")
    wrong = typed(amount="0", order_id="", count="0", items=["ok", " ", "\x01"])
    found = find_mistakes(wrong, start)
    assert set(found) == {"start", "count", "amount", "order_id", "items"}
    assert found["items"]["item"] == 1


def test_the_longest_id_is_too_long_for_a_batch() -> None:
    """There is no room for a number: the mistake names the last id, before any start."""
    assert mistakes(order_id=LONGEST) == {}
    (message,) = mistakes(order_id=LONGEST, count="2").values()
    assert message.endswith(f"The last order of the batch has the id '{LONGEST}-2'.")


def test_all_orders_of_a_batch_are_valid_if_its_id_leaves_room_for_the_last_number() -> None:
    """The last number is the longest."""
    room = len(LONGEST) - len(LAST)
    form = typed(order_id="A" * room, count=str(MAX_BATCH))
    assert find_mistakes(form, RequestedStart()) == {}
    ids = [Order.model_validate(order).order_id for order in orders_of(form)]
    assert len(set(ids)) == MAX_BATCH
    assert ids[-1].endswith(LAST)
    assert set(mistakes(order_id="A" * (room + 1), count=str(MAX_BATCH))) == {"order_id"}


def test_generated_ids_are_valid_and_distinct() -> None:
    """The form suggests an unused id with room for the numbers of a batch."""
    generated = {_random_id() for _ in range(1000)}
    assert len(generated) == 1000
    assert not any(mistakes(order_id=each, count=str(MAX_BATCH)) for each in generated)


def start(text: str, zone: str = "Europe/Berlin", now: datetime = NOW) -> RequestedStart:
    """Read a time to start in a zone."""
    return read_start(text, ZoneInfo(zone), now)


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-02-01T08:30", "Europe/Berlin", "2026-02-01T07:30"),
        ("2026-07-01T08:30", "Europe/Berlin", "2026-07-01T06:30"),
        ("2026-07-01T08:30", "America/New_York", "2026-07-01T12:30"),
        ("2026-07-01T08:30", "Asia/Kolkata", "2026-07-01T03:00"),
        ("2026-07-01T08:30", "Pacific/Kiritimati", "2026-06-30T18:30"),
        ("2026-07-01T08:30:15", "UTC", "2026-07-01T08:30:15"),
        ("2026-03-29T01:59", "Europe/Berlin", "2026-03-29T00:59"),
        ("2026-03-29T03:00", "Europe/Berlin", "2026-03-29T01:00"),
    ],
)
def test_a_start_is_a_time_in_the_viewers_zone(text: str, zone: str, utc: str) -> None:
    """With the offset of that day; the note has the same time in UTC."""
    found = start(text, zone)
    expected = datetime.fromisoformat(f"{utc}+00:00")
    assert found == RequestedStart(expected, f"{expected:%Y-%m-%d %H:%M} UTC")


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-03-29T02:00", "Europe/Berlin"),
        ("2026-03-29T02:30", "Europe/Berlin"),
        ("2026-03-29T02:59", "Europe/Berlin"),
        ("2026-03-08T02:30", "America/New_York"),
        ("2026-10-04T02:15", "Australia/Lord_Howe"),
    ],
)
def test_an_hour_that_the_clocks_skip_is_a_mistake(text: str, zone: str) -> None:
    """The order does not start an hour later instead."""
    found = start(text, zone)
    assert found.at is None
    assert found.mistake.startswith(
        f"Found '{text.replace('T', ' ')}', expected a time that exists"
    )
    assert zone in found.mistake


@pytest.mark.parametrize(
    ("text", "zone", "now", "utc", "which"),
    [
        ("2026-10-25T02:30", "Europe/Berlin", NOW, "2026-10-25T00:30", "first"),
        ("2026-11-01T01:30", "America/New_York", NOW, "2026-11-01T05:30", "first"),
        (
            "2026-10-25T02:30",
            "Europe/Berlin",
            datetime(2026, 10, 25, 0, 45, tzinfo=UTC),
            "2026-10-25T01:30",
            "second",
        ),
    ],
)
def test_an_hour_that_occurs_twice_is_the_first_one_to_come(
    text: str, zone: str, now: datetime, utc: str, which: str
) -> None:
    """The note says which one is meant."""
    found = start(text, zone, now)
    assert found.at == datetime.fromisoformat(f"{utc}+00:00")
    assert found.note.endswith(f"{text[-5:]} occurs twice that day, and the {which} one is meant")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-01-15T13:00", "Found '2026-01-15 13:00', which is in the past"),
        ("0001-01-01T00:00", "Found '0001-01-01 00:00', which is in the past"),
        ("2027-01-16T13:01", "Found '2027-01-16 13:01', expected a time within 366 days"),
        ("9999-12-31T23:59", "Found '9999-12-31 23:59', expected a time within 366 days"),
        ("275760-09-13T00:00", "Found '275760-09-13T00:00', expected a day and a time"),
        ("2026-02-30T00:00", "Found '2026-02-30T00:00', expected a day and a time"),
        (
            "\uff12\uff10\uff12\uff16-02-03T00:00",
            "Found '\uff12\uff10\uff12\uff16-02-03T00:00', expected a day and a time",
        ),
        ("soon", "Found 'soon', expected a day and a time"),
    ],
)
def test_any_other_start_is_a_mistake(text: str, message: str) -> None:
    """The message has the typed text, and says that an empty field starts now."""
    found = start(text)
    assert found.at is None
    assert re.match(re.escape(message), found.mistake)
    assert found.mistake.endswith("or an empty field to start now.")


def test_the_limits_of_a_start_are_included() -> None:
    """From the next minute to 366 days ahead."""
    assert start("2026-01-15T13:01").at == NOW + timedelta(minutes=1)
    assert start("2027-01-16T13:00").at == NOW + timedelta(days=366)


def test_an_empty_start_is_now_and_an_incomplete_one_a_mistake() -> None:
    """An incomplete time does not start the order now."""
    assert start("") == RequestedStart()
    incomplete = read_start("", UTC, NOW, is_incomplete=True)
    assert incomplete.mistake.startswith("Found an incomplete time, expected a day, hour and")
