"""The form of an order: the only file of the dashboard that knows the order workflow."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import BaseModel, ConfigDict, ValidationError

from dashboard.live.banner import zone
from dashboard.orders.start_time import RequestedStart, read_start
from dashboard.orders.typed_numbers import AMOUNT, quoted, read_amount, read_count, why_no_amount
from dashboard.widgets import widget
from operations.actions import StartRequest
from operations.validation import expected_value
from worker.orders import WORKFLOW, Order, instance_id_of

MAX_BATCH = 100
FIRST = {"amount": "99.99", "count": "1", "items": ["laptop", "mouse"]}
_KEY = "order_form"  # of the widget
_STATE = "order-form-state"  # in the session state
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no ambiguous characters

Mistakes = dict[str, dict[str, Any]]
_form = widget("order_form", folder=Path(__file__).parent, scripts=("order_items",))


class StartText(BaseModel):
    """The text of the time to start."""

    model_config = ConfigDict(strict=True)

    text: str = ""
    is_incomplete: bool = False


class TypedOrder(BaseModel):
    """A submitted form: the texts of its fields.

    `is_new_id` says that the id was suggested, or that the form has sent the same texts before.
    `only` has the instance ids of the orders to start, if not all of the form.
    """

    model_config = ConfigDict(strict=True)

    submission: str
    order_id: str
    amount: str
    count: str
    items: list[str]
    start: StartText
    is_new_id: bool
    only: list[str] = []


class SubmissionResult(BaseModel):
    """The result of a submission: the page of the accepted orders, or why there are none.

    `link` leads to the orders of a batch that were started although others failed. `retry` has the
    instance ids of those that may be started later.
    """

    href: str | None = None
    error: str | None = None
    link: str | None = None
    retry: list[str] = []


def _random_id() -> str:
    return "ORDER-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


@dataclass
class FormState:
    """What the form keeps in a session: the suggested id, and the outcome of the last submission.

    `is_accepted` is True from an accepted submission until the next script run of the form.
    `is_leaving` is True from that run until the one after it, if a message waits for the next page.
    `accepted_ids` has the instance ids of the last accepted orders.

    A later click may replace a rerun. Streamlit then ends the rerun at its next access to the
    session state. Therefore this object is read before a start, and changed after it.
    """

    suggested: str = field(default_factory=_random_id)
    outcome: dict[str, Any] | None = None
    is_accepted: bool = False
    is_leaving: bool = False
    accepted_ids: list[str] = field(default_factory=list)


def form_state() -> FormState:
    """Return the state of the form in this session."""
    state: FormState = st.session_state.setdefault(_STATE, FormState())
    return state


def order_form(start: Callable[[list[StartRequest]], SubmissionResult]) -> None:
    """Show the form of an order; a valid submission calls `start`.

    `start` is called again if the submission arrives again before `start` has returned.
    """
    state = form_state()
    _form(
        key=_KEY,
        data={
            "suggested": state.suggested,
            "first": FIRST,
            "amount": AMOUNT,
            "maxBatch": MAX_BATCH,
            "zone": str(zone()),
            "start": _describe_start(),
            "outcome": state.outcome,
            "scriptRun": secrets.token_hex(4),  # the browser ignores data that do not change
        },
        default={"start": {}},
        on_start_change=lambda: None,  # the rerun describes the time
        on_submit_change=lambda: _submit(start),
    )


def _submit(start: Callable[[list[StartRequest]], SubmissionResult]) -> None:
    """Start the orders of a new submission, and keep its outcome for the browser."""
    # A click that arrives after the browser has left the form finds no widget.
    sent, state = st.session_state.get(_KEY) or {}, form_state()
    try:
        typed = TypedOrder.model_validate(sent.get("submit"))
    except ValidationError:  # no page sends this
        return
    if state.outcome and state.outcome["submission"] == typed.submission:
        state.is_accepted = state.outcome["href"] is not None
        return
    start_time = _read_start(typed.start)
    mistakes = find_mistakes(typed, start_time)
    requests = [] if mistakes else _requests(typed, start_time)
    result = start(requests) if requests else SubmissionResult()
    state.is_accepted = result.href is not None
    if state.is_accepted:
        state.suggested = _random_id()
    state.outcome = {
        "submission": typed.submission,
        # A retry sends the same texts again, whatever was typed since.
        "typed": typed.model_dump() if result.retry else None,
        "mistakes": mistakes,
        **result.model_dump(),
    }


def _describe_start() -> dict[str, str]:
    """Return what the form says about the time that was typed last."""
    try:
        typed = StartText.model_validate(st.session_state.get(_KEY, {}).get("start") or {})
    except (ValidationError, AttributeError):  # no page sends this
        typed = StartText()
    found = _read_start(typed)
    return {"text": typed.text, "note": found.note, "mistake": found.mistake}


def _read_start(typed: StartText) -> RequestedStart:
    now = datetime.now(UTC)
    return read_start(typed.text, zone(), now, is_incomplete=typed.is_incomplete)


def _requests(typed: TypedOrder, start_time: RequestedStart) -> list[StartRequest]:
    return [
        StartRequest(
            workflow=WORKFLOW,
            instance_id=instance_id_of(order["order_id"]),
            payload=order,
            scheduled_for=start_time.at,
            is_new_id=typed.is_new_id,
        )
        for order in orders_of(typed)
        if not typed.only or instance_id_of(order["order_id"]) in typed.only
    ]


def orders_of(typed: TypedOrder) -> list[dict[str, Any]]:
    """Return the requested orders: one, or a batch with numbered ids.

    A text that is no amount stays a text, which the contract refuses.
    """
    count, order_id = read_count(typed.count) or 1, typed.order_id.strip()
    count = min(count, MAX_BATCH)
    ids = [order_id] if count == 1 else [f"{order_id}-{n}" for n in range(1, count + 1)]
    amount = read_amount(typed.amount)
    return [
        {
            "order_id": each,
            "amount": typed.amount if amount is None else amount,
            "items": typed.items,
        }
        for each in ids
    ]


def find_mistakes(typed: TypedOrder, start_time: RequestedStart) -> Mistakes:
    """Return the mistakes of a form by field, in the words of the contract of an order."""
    mistakes: Mistakes = {}
    if start_time.mistake:
        mistakes["start"] = {"text": start_time.mistake}
    if not 1 <= (read_count(typed.count) or 0) <= MAX_BATCH:
        expected = f"a whole number from 1 to {MAX_BATCH}"
        mistakes["count"] = {"text": f"Found {quoted(typed.count)}, expected {expected}."}
    try:
        Order.model_validate(orders_of(typed)[-1])  # its id is the longest
    except ValidationError as error:
        for each in error.errors():
            field, *item = each["loc"]
            mistakes.setdefault(str(field), _mistake(typed, each["loc"]) | _place(item))
    return mistakes


def _place(item: list[int | str]) -> dict[str, int | str]:
    return {"item": item[0]} if item else {}


def _mistake(typed: TypedOrder, location: tuple[int | str, ...]) -> dict[str, Any]:
    field, *item = location
    expected = expected_value(Order, location)
    if item:
        number = int(item[0])
        found = f"Item {number + 1}: found {quoted(typed.items[number])}"
    elif field == "items":
        found = f"Found {len(typed.items)} items"
    else:
        found = f"Found {quoted(str(getattr(typed, str(field))))}"
    return {"text": " ".join(filter(None, (f"{found}, expected {expected}.", _hint(typed, field))))}


def _hint(typed: TypedOrder, field: int | str) -> str:
    if field == "amount":
        return why_no_amount(typed.amount)
    last = orders_of(typed)[-1]["order_id"]
    if field == "order_id" and last != typed.order_id.strip():
        return f"The last order of the batch has the id {quoted(last)}."
    return ""
