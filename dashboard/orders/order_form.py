"""The form of an order: the only file of the dashboard that knows the order workflow."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from dashboard.markdown import plain
from dashboard.widgets import widget
from operations.actions import StartRequest
from operations.validation import expected_value
from worker.orders import WORKFLOW, Order, instance_id_of

MAX_BATCH = 100
FIRST = ["laptop", "mouse"]
NOW = {"at": None, "isIncomplete": False}
_SUGGESTED = "suggested"  # in the session state: generated ids, the suggested one last
_REMEMBERED = 20  # generated ids
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no ambiguous characters

_items, _start = widget("items"), widget("start")


def order_form() -> list[StartRequest]:
    """Show the form of an order; return the requested starts once a valid form is submitted."""
    errors: dict[str, DeltaGenerator] = {}
    # The browser keeps the fields after a restart of this process, because their keys never change.
    with st.form("order", border=False):
        typed = _fields(_suggestions()[-1], errors)
        submitted = st.form_submit_button("Submit order", type="primary", icon=":material/send:")
    if not submitted:
        return []
    orders = _orders(typed)
    mistakes = _find_mistakes(orders[-1], typed)  # its id is the longest
    for field, message in mistakes.items():
        errors[field].error(message, icon=":material/error:")
    if mistakes:
        return []
    return [
        StartRequest(
            workflow=WORKFLOW,
            instance_id=instance_id_of(order["order_id"]),
            payload=order,
            scheduled_for=typed["start"],
            is_new_id=typed["order_id"] in _suggestions(),
        )
        for order in orders
    ]


def suggest_new_id() -> None:
    """Make the form suggest another id."""
    st.session_state[_SUGGESTED] = [*_suggestions(), _random_id()][-_REMEMBERED:]


def _suggestions() -> list[str]:
    return list(st.session_state.setdefault(_SUGGESTED, [_random_id()]))


def _random_id() -> str:
    return "ORDER-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


def _fields(suggested: str, errors: dict[str, DeltaGenerator]) -> dict[str, Any]:
    left, right = st.columns(2, gap="large")
    with left:
        order_id = st.text_input("Order id", value=suggested, key="order_id")
        errors["order_id"] = st.empty()
        # Not `st.number_input`: it rounds the value, and an emptied field returns its first value.
        amount = st.text_input("Amount ($)", value="99.99", key="amount")
        errors["amount"] = st.empty()
        batch, later = st.columns(2)
        count = _count(batch)
        with later:  # Not `st.datetime_input`: it does not report an incomplete time.
            start = _start(
                key="start",
                data={},
                default={"start": NOW},
                on_start_change=_validated_on_submission,
            ).start
        errors["start"] = st.empty()
    with right:
        # Not `st.data_editor`: it loses an edit right before the form is submitted.
        items = _items(
            key="items",
            data={"first": FIRST},
            default={"texts": FIRST},
            on_texts_change=_validated_on_submission,
        ).texts
        errors["items"] = st.empty()
    return {
        "order_id": order_id,
        "amount": _number(amount),
        "items": [str(text) for text in items],
        "count": count,
        "start": _start_time(start),
    }


def _count(column: DeltaGenerator) -> int:
    count = column.number_input(
        "How many",
        value=1,
        min_value=1,
        max_value=MAX_BATCH,
        key="count",
        help="Several orders get numbered ids: ORDER-1, ORDER-2 and so on.",
    )
    return int(count)


def _validated_on_submission() -> None:
    """Do nothing: the form is validated when it is submitted."""


def _start_time(value: Mapping[str, Any]) -> datetime | str | None:
    """Return the time to start, None for now; an invalid value as text."""
    at = value["at"]
    if at is None:
        return "an incomplete time" if value["isIncomplete"] else None
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return repr(at)


def _number(text: str) -> float | str:
    """Return the typed number; any other text unchanged, which the contract refuses."""
    try:
        return float(text) if "_" not in text else text
    except ValueError:
        return text


def _orders(typed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the requested orders: one, or a batch with numbered ids."""
    count, order_id = typed["count"], typed["order_id"]
    ids = [order_id] if count == 1 else [f"{order_id}-{n}" for n in range(1, count + 1)]
    return [{"order_id": each, "amount": typed["amount"], "items": typed["items"]} for each in ids]


def _find_mistakes(order: dict[str, Any], typed: dict[str, Any]) -> dict[str, str]:
    """Return the mistakes of an order by field, in the words of its contract."""
    mistakes: dict[str, str] = {}
    start = typed["start"]
    if isinstance(start, str):
        expected = "a day, hour and minute, or an empty field to start now"
        mistakes["start"] = f"Found {plain(start)}, expected {expected}."
    elif start and start <= datetime.now(UTC):
        mistakes["start"] = "Found a time in the past, expected a later time or an empty field."
    try:
        Order.model_validate(order)
    except ValidationError as error:
        for each in error.errors():
            field, *number = each["loc"]
            which = f"Item {int(number[0]) + 1}: found" if number else "Found"
            found = plain(_found(each["input"]))
            expected = plain(expected_value(Order, each["loc"]))
            mistakes.setdefault(str(field), f"{which} {found}, expected {expected}.")
    return mistakes


def _found(value: object) -> str:
    return f"{len(value)} items" if isinstance(value, list) else repr(value)[:80]
