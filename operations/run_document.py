"""A whole run as one JSON document."""

from datetime import datetime
from typing import Any

from operations.history import HistoryEvent
from operations.json_bodies import payload_value
from operations.model import Actor, Failure
from operations.run_view import View
from operations.time_texts import utc_text
from operations.timeline import CALLS, Span

_PAYLOADS = frozenset({"input", "output"})  # of a span: the history has them


def run_document(view: View) -> dict[str, Any]:
    """Return a run as the content of a JSON body: see `json_bodies.render`.

    `history` is null if neither the engine nor the ledger can return it. `attempts` has activities
    and children; their payloads are in the history, at their `event_id`.
    """
    summary, details = view.summary, view.details
    spans = [each for each in view.timeline.spans if each.kind in CALLS]
    return {
        "instance_id": summary.instance_id,
        "summary": _fields(summary),
        "input": payload_value(details.input),
        "output": payload_value(details.output),
        "custom_status": payload_value(details.custom_status),
        "failure": _plain(details.failure),
        "attempts": [_attempt(each) for each in spans],
        "unconsumed_events": [
            {**event_fields(each.event), "is_certain": each.is_certain} for each in view.unconsumed
        ],
        "audit_log": [_fields(entry) for entry in view.audit_entries],
        "history": _history(details.history),
    }


def event_fields(event: HistoryEvent) -> dict[str, Any]:
    """Return the fields of an event that have a value, as the content of a JSON body."""
    fields = {name: value for name, value in _fields(event).items() if value is not None}
    return fields | ({} if event.payload is None else {"payload": payload_value(event.payload)})


def _history(events: tuple[HistoryEvent, ...] | None) -> list[dict[str, Any]] | None:
    return None if events is None else [event_fields(event) for event in events]


def _attempt(span: Span) -> dict[str, Any]:
    return {name: value for name, value in _fields(span).items() if name not in _PAYLOADS}


def _fields(record: object) -> dict[str, Any]:
    return {name: _plain(value) for name, value in vars(record).items()}


def _plain(value: object) -> object:
    """Return a value as JSON has it: a time as text in UTC, a record as an object."""
    if isinstance(value, datetime):
        return utc_text(value)
    return dict(vars(value)) if isinstance(value, Actor | Failure) else value
