"""The forms that start workflows, by workflow: the only file of the dashboard that knows orders."""

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
NOW = {"at": None, "isPart": False}
_SUGGESTED = "suggested"  # in the session: the ids that were made up, the one on offer last
_REMEMBERED = 20  # of them
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no letter that looks like another

_items, _start = widget("items"), widget("start")


def order_form() -> list[StartRequest]:
    """Show the form of an order; return the starts that it asks for once it is submitted."""
    errors: dict[str, DeltaGenerator] = {}
    # What the browser holds of fields outlives this process: so their keys are always the same.
    with st.form("order", border=False):
        typed = _fields(_suggestions()[-1], errors)
        submitted = st.form_submit_button("Submit order", type="primary", icon=":material/send:")
    if not submitted:
        return []
    orders = _orders(typed)
    mistakes = _find_mistakes(orders[-1], typed)  # its id is the longest
    for field, told in mistakes.items():
        errors[field].error(told, icon=":material/error:")
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
    """Suggest another id from now on."""
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
        # Not `st.number_input`, which rounds what it shows, and orders its first value if emptied.
        amount = st.text_input("Amount ($)", value="99.99", key="amount")
        errors["amount"] = st.empty()
        batch, later = st.columns(2)
        count = batch.number_input(
            "How many",
            value=1,
            min_value=1,
            max_value=MAX_BATCH,
            key="count",
            help="More than one are numbered: ORDER-1, ORDER-2 and so on.",
        )
        with later:  # Not `st.datetime_input`, which keeps to itself what is typed in part.
            start = _start(
                key="start",
                data={},
                default={"moment": NOW},
                on_moment_change=_looked_at_later,
            ).moment
        errors["start"] = st.empty()
    with right:
        # Not `st.data_editor`, which forgets the last edit when the form is submitted right after.
        items = _items(
            key="items",
            data={"first": FIRST},
            default={"texts": FIRST},
            on_texts_change=_looked_at_later,
        ).texts
        errors["items"] = st.empty()
    return {
        "order_id": order_id,
        "amount": _number(amount),
        "items": [str(text) for text in items],
        "count": int(count),
        "start": _moment(start),
    }


def _looked_at_later() -> None:
    """Do nothing: what was typed is looked at on submission."""


def _moment(told: Mapping[str, Any]) -> datetime | str | None:
    """Return when to start, None for now, or what was typed that is no moment."""
    at = told["at"]
    if at is None:
        return "a part of a time" if told["isPart"] else None
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return repr(at)


def _number(text: str) -> float | str:
    """Return the number that was typed, or the text as it is, which the contract refuses."""
    try:
        return float(text) if "_" not in text else text
    except ValueError:
        return text


def _orders(typed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the orders as they are asked for: one, or a batch with numbered ids."""
    count, order_id = typed["count"], typed["order_id"]
    ids = [order_id] if count == 1 else [f"{order_id}-{n}" for n in range(1, count + 1)]
    return [{"order_id": each, "amount": typed["amount"], "items": typed["items"]} for each in ids]


def _find_mistakes(order: dict[str, Any], typed: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with an order, by field, in the words of its contract."""
    told: dict[str, str] = {}
    start = typed["start"]
    if isinstance(start, str):
        told["start"] = f"Found {plain(start)}, expected day, hour and minute, or nothing for now."
    elif start and start <= datetime.now(UTC):
        told["start"] = "Found a time that has passed, expected one to come, or none."
    try:
        Order.model_validate(order)
    except ValidationError as error:
        for each in error.errors():
            field, *number = each["loc"]
            which = f"Item {int(number[0]) + 1}: found" if number else "Found"
            found, wanted = plain(_found(each["input"])), plain(expected_value(Order, each["loc"]))
            told.setdefault(str(field), f"{which} {found}, expected {wanted}.")
    return told


def _found(value: object) -> str:
    return f"{len(value)} items" if isinstance(value, list) else repr(value)[:80]
