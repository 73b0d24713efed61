"""The contract of an order, rule by rule, and its arithmetic."""

import json
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
    """Return the places that an order with these changes is refused for."""
    with pytest.raises(ValidationError) as error:
        Order.model_validate({**GOOD, **changes})
    return [mistake["loc"] for mistake in error.value.errors()]


def test_the_specifications_order_is_accepted() -> None:
    """The example of the specification is an order, and goes out as it came in."""
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
    """Whatever else comes as an amount is the amount's mistake."""
    assert refused(amount=amount) == [("amount",)]


@given(CENTS)
def test_every_amount_in_cents_is_accepted(cents: int) -> None:
    """No amount in whole cents is refused for how floats hold it."""
    assert Order.model_validate({**GOOD, "amount": cents / 100}).amount == cents / 100


@pytest.mark.parametrize("order_id", ["A", "0", "ORDER-001_b", "A" * 58])
def test_an_order_id_that_makes_a_safe_instance_id_is_accepted(order_id: str) -> None:
    """An order's id leaves room for the 6 characters that its instance's id has on top."""
    Order.model_validate({**GOOD, "order_id": order_id})
    assert len(instance_id_of(order_id)) <= 64


@pytest.mark.parametrize(
    "order_id",
    ["", "_A", "-A", "A" * 59, "a||b", "a::b", "a/b", "a b", "A\n", "é", "٣", "\ud800", 1, None],
)
def test_any_other_order_id_is_refused(order_id: object) -> None:
    """Whatever could harm the engine is the order id's mistake."""
    assert refused(order_id=order_id) == [("order_id",)]


@pytest.mark.parametrize(
    "items", [["x"], ["x"] * 500, ["x" * 200], ["é 漢 😀"], ["a", "a"], [" "], ["\u200b"]]
)
def test_items_within_the_limits_are_accepted(items: list[str]) -> None:
    """Items are 1 to 500 texts of 1 to 200 characters, in any script."""
    assert Order.model_validate({**GOOD, "items": items}).items == items


@pytest.mark.parametrize("items", [[], ["x"] * 501, "laptop", None, {"a": "b"}, ("x",)])
def test_what_is_no_list_of_the_right_length_is_refused(items: object) -> None:
    """Too few, too many, or no list at all is the items' mistake."""
    assert refused(items=items) == [("items",)]


@pytest.mark.parametrize(
    "item",
    ["", "x" * 201, "a\nb", "\x00", "\x1f", "\x7f", "\x85", "\ud800", "a\udfff", 1, None, []],
)
def test_a_wrong_item_is_refused_by_its_place(item: object) -> None:
    """An item that is empty, too long, no text, or holds what cannot be shown, is named."""
    assert refused(items=["laptop", item]) == [("items", 1)]


def test_an_unknown_field_is_refused() -> None:
    """A field that an order does not have is named."""
    assert refused(colour="red") == [("colour",)]


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_refused(field: str) -> None:
    """Every field is needed."""
    with pytest.raises(ValidationError, match=f"{field}\n  Field required"):
        Order.model_validate({name: value for name, value in GOOD.items() if name != field})


def test_every_mistake_is_told_at_once() -> None:
    """One answer names all that is wrong."""
    assert refused(order_id="", amount=0, items=[]) == [("order_id",), ("amount",), ("items",)]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((), "a JSON object with order_id, amount and items"),
        (("order_id",), "1 to 58 letters, digits, _ or -, beginning with a letter or a digit"),
        (("amount",), "a number above 0 and up to 1000000, with at most 2 decimals"),
        (("items",), "a list of 1 to 500 items"),
        (("items", 3), "a text of 1 to 200 characters, none of them a control character"),
        (("colour",), "no such field; the fields are order_id, amount and items"),
        ((3,), "no such field; the fields are order_id, amount and items"),
    ],
)
def test_each_location_in_an_order_has_its_expected_value(
    place: tuple[int | str, ...], words: str
) -> None:
    """The words are those of the contract's fields."""
    assert expected_value(Order, place) == words


def test_an_order_survives_the_engine() -> None:
    """An order that was written as JSON is read as the same order."""
    order = Order.model_validate(GOOD)
    assert Order.model_validate(json.loads(json.dumps(order.model_dump()))) == order


@given(CENTS)
def test_a_total_is_exactly_a_tenth_more(cents: int) -> None:
    """For every amount in cents the total is the exact product, also once it is a float."""
    total = total_of(cents / 100)
    assert total * 1000 == cents * 11
    assert Decimal(str(float(total))) == total


@given(CENTS)
def test_a_total_is_written_rounded_half_up(cents: int) -> None:
    """For every amount in cents the customer reads what integer arithmetic gives."""
    whole, rest = divmod((cents * 11 + 5) // 10, 100)
    assert dollars(float(total_of(cents / 100))) == f"{whole}.{rest:02}"


def test_the_specifications_total() -> None:
    """99.99 makes 109.989, written 109.99."""
    assert total_of(99.99) == Decimal("109.989")
    assert dollars(109.989) == "109.99"


def test_a_half_cent_is_rounded_up() -> None:
    """Half a cent counts for the shop: 0.05 makes 0.055, written 0.06."""
    assert (total_of(0.05), dollars(0.055)) == (Decimal("0.055"), "0.06")


def test_the_output_has_the_specifications_shape() -> None:
    """The output holds the three results and a summary, in the specification's order."""
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
