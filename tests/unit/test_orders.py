"""The rules for an order, and the arithmetic of its total."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from operations.validation import expected_value
from worker.orders import (
    Order,
    dollars,
    instance_id_of,
    order_output,
    total_of,
)

GOOD = {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]}
CENTS = st.integers(min_value=1, max_value=100_000_000)


def refused(**changes: object) -> list[tuple[int | str, ...]]:
    """Return the locations of the errors in an order with these changes."""
    with pytest.raises(ValidationError) as error:
        Order.model_validate({**GOOD, **changes})
    return [each["loc"] for each in error.value.errors()]


def test_the_specifications_order_is_accepted() -> None:
    """The example of the specification is valid and is not changed."""
    assert Order.model_validate(GOOD).model_dump() == GOOD


@pytest.mark.parametrize("amount", [0.01, 1, 99.99, 150.00, 0.1, 0.29, 999_999.99, 1_000_000])
def test_an_amount_within_the_limits_is_accepted(amount: float) -> None:
    """An amount is a number with at most two decimals, from a cent to a million."""
    assert Order.model_validate({**GOOD, "amount": amount}).amount == amount


@pytest.mark.parametrize(
    "amount",
    [
        "99.99",
        True,
        None,
        [],
        float("nan"),
        float("inf"),
        float("-inf"),
        Decimal("1" * 5000),
        0,
        -0.01,
        -5,
        1.001,
        0.001,
        1e-320,
        10**400,
        1_000_000.01,
        1e300,
    ],
)
def test_any_other_amount_is_refused(amount: object) -> None:
    """The error is at the field `amount`."""
    assert refused(amount=amount) == [("amount",)]


@given(CENTS)
def test_every_amount_in_cents_is_accepted(cents: int) -> None:
    """The inexactness of floats refuses no amount in whole cents."""
    assert Order.model_validate({**GOOD, "amount": cents / 100}).amount == cents / 100


@pytest.mark.parametrize("order_id", ["A", "0", "ORDER-001_b", "A" * 58])
def test_an_order_id_of_a_safe_instance_id_is_accepted(order_id: str) -> None:
    """The instance id, which has 6 more characters, has at most 64."""
    Order.model_validate({**GOOD, "order_id": order_id})
    assert len(instance_id_of(order_id)) <= 64


@pytest.mark.parametrize(
    "order_id",
    ["", "_A", "-A", "A" * 59, "a||b", "a::b", "a/b", "a b", "A\n", "é", "٣", "\ud800", 1, None],
)
def test_any_other_order_id_is_refused(order_id: object) -> None:
    """The error is at the field `order_id`."""
    assert refused(order_id=order_id) == [("order_id",)]


@pytest.mark.parametrize(
    "items", [["x"], ["x"] * 500, ["x" * 200], ["é 漢 😀"], ["a", "a"], [" a\u200b"], ["."]]
)
def test_items_within_the_limits_are_accepted(items: list[str]) -> None:
    """An order has 1 to 500 items of 1 to 200 characters, in any script."""
    assert Order.model_validate({**GOOD, "items": items}).items == items


@pytest.mark.parametrize("items", [[], ["x"] * 501, "laptop", None, {"a": "b"}, ("x",)])
def test_items_must_be_a_list_of_the_right_length(items: object) -> None:
    """The error is at the field `items`."""
    assert refused(items=items) == [("items",)]


@pytest.mark.parametrize(
    "item",
    ["", "x" * 201, "a\nb", "\x00", "\x1f", "\x7f", "\x85", "\ud800", "a\udfff", 1, None, []],
)
def test_the_error_of_an_item_has_its_index(item: object) -> None:
    """An item that is empty, too long, not a text or not printable is refused."""
    assert refused(items=["laptop", item]) == [("items", 1)]


@pytest.mark.parametrize(
    "item", [" ", "   ", "\xa0", "\u2003\u3000", "\u200b", "\ufeff \u2060", "\u2800", "\xad"]
)
def test_an_item_that_shows_nothing_is_refused(item: str) -> None:
    """The published pattern says the same."""
    assert refused(items=["laptop", item]) == [("items", 1)]
    schema = Order.model_json_schema()["properties"]["items"]["items"]
    assert not re.search(schema["pattern"], item)
    assert re.search(schema["pattern"], f"{item}x")


def test_an_unknown_field_is_refused() -> None:
    """The error is at the unknown field."""
    assert refused(colour="red") == [("colour",)]


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_refused(field: str) -> None:
    """Every field is required."""
    with pytest.raises(ValidationError, match=f"{field}\n  Field required"):
        Order.model_validate({name: value for name, value in GOOD.items() if name != field})


def test_all_errors_are_reported_together() -> None:
    """One validation reports the errors of all fields."""
    assert refused(order_id="", amount=0, items=[]) == [("order_id",), ("amount",), ("items",)]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((), "a JSON object with order_id, amount and items"),
        (("order_id",), "1 to 58 letters, digits, _ or -, beginning with a letter or a digit"),
        (("amount",), "a number above 0 and up to 1000000, with at most 2 decimals"),
        (("items",), "a list of 1 to 500 items"),
        (
            ("items", 3),
            "a text of 1 to 200 characters, not only blanks and without control characters",
        ),
        (("colour",), "no such field; the fields are order_id, amount and items"),
        ((3,), "no such field; the fields are order_id, amount and items"),
    ],
)
def test_each_location_in_an_order_has_its_expected_value(
    location: tuple[int | str, ...], expected: str
) -> None:
    """The expected value comes from the description of the field."""
    assert expected_value(Order, location) == expected


def test_an_order_is_the_same_after_a_round_trip_through_json() -> None:
    """The engine stores inputs as JSON."""
    order = Order.model_validate(GOOD)
    assert Order.model_validate(json.loads(json.dumps(order.model_dump()))) == order


@given(CENTS)
def test_a_total_is_exactly_a_tenth_more(cents: int) -> None:
    """For every amount in cents the total is exact, and its float has the same digits."""
    total = total_of(cents / 100)
    assert total * 1000 == cents * 11
    assert Decimal(str(float(total))) == total


@given(CENTS)
def test_a_total_is_written_rounded_half_up(cents: int) -> None:
    """For every amount in cents the text agrees with integer arithmetic."""
    whole, rest = divmod((cents * 11 + 5) // 10, 100)
    assert dollars(float(total_of(cents / 100))) == f"{whole}.{rest:02}"


def test_the_specifications_total() -> None:
    """The total of 99.99 is 109.989, written as 109.99."""
    assert total_of(99.99) == Decimal("109.989")
    assert dollars(109.989) == "109.99"


def test_a_half_cent_is_rounded_up() -> None:
    """The total of 0.05 is 0.055, written as 0.06."""
    assert (total_of(0.05), dollars(0.055)) == (Decimal("0.055"), "0.06")


def test_the_output_has_the_specifications_shape() -> None:
    """The output has the three results and a summary, in the order of the specification."""
    results: list[dict[str, Any]] = [{"n": 1}, {"n": 2}, {"n": 3}]
    output = order_output(Order.model_validate(GOOD), *results)
    assert list(output.items()) == [
        ("workflow_status", "completed"),
        ("order_id", "ORDER001"),
        ("process_result", {"n": 1}),
        ("inventory_result", {"n": 2}),
        ("confirmation", {"n": 3}),
        (
            "execution_summary",
            {
                "parallel_activities": ["process_order", "check_inventory"],
                "sequential_activities": ["send_confirmation"],
                "total_activities": 3,
            },
        ),
    ]
