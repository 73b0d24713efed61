"""The size of a cached view in bytes."""

from typing import Any

import pytest

from operations.history import HistoryEvent
from operations.model import Failure
from operations.records import RunDetails
from operations.run_view import RECORD_BYTES, View
from operations.timeline import Span, SpanKind, Timeline
from tests.unit.snapshots import NOON

LONG = 2**20
TOLERANCE = 1000  # bytes


def text(letter: str) -> str:
    """Return a long text that is a new object."""
    return letter * LONG


def size(*, spans: tuple[Span, ...] = (), **fields: Any) -> int:
    """Return the size of a view that has only these spans and these fields of its details."""
    details = RunDetails(**{**dict.fromkeys(RunDetails.__annotations__), **fields})
    empty: dict[str, Any] = dict.fromkeys(View.__annotations__)
    return View(**{**empty, "details": details, "timeline": Timeline(spans=spans)}).size


def event(payload: str | None = None, failure: Failure | None = None) -> HistoryEvent:
    """Return an event."""
    return HistoryEvent(1, NOON, "taskCompleted", payload=payload, failure=failure)


def span(*texts: str, failure: Failure | None = None) -> Span:
    """Return a span with up to two payloads."""
    first, second = (*texts, None, None)[:2]
    return Span(SpanKind.ACTIVITY, "a", 0, 1, NOON, input=first, output=second, failure=failure)


def test_an_empty_view_has_size_zero() -> None:
    """An instance that has not started has no payloads."""
    assert size() == 0


def test_all_texts_count() -> None:
    """In each field of a view."""
    found = size(
        input=text("a"),
        output=text("b"),
        custom_status=text("c"),
        failure=Failure("E", text("d"), text("e")),
        history=(event(text("f")), event(failure=Failure("E", text("g"), text("h")))),
        spans=(span(text("i"), text("j")), span(failure=Failure("E", text("k"), text("l")))),
    )
    assert 12 * LONG < found < 12 * LONG + 4 * RECORD_BYTES + TOLERANCE


def test_a_text_that_is_in_two_places_counts_once() -> None:
    """Spans share their payloads with the history."""
    shared = text("a")
    assert (
        LONG
        < size(history=(event(shared),), spans=(span(shared),))
        < LONG + 2 * RECORD_BYTES + TOLERANCE
    )


def test_events_and_spans_count() -> None:
    """A long history of small events is large."""
    assert size(history=(event(),) * 3000, spans=(span(),) * 2000) == 5000 * RECORD_BYTES


@pytest.mark.parametrize(("letter", "width"), [("a", 1), ("ж", 2), ("🙂", 4)])
def test_characters_count_as_python_stores_them(letter: str, width: int) -> None:
    """One wide character makes each character of a text wide."""
    found = size(input=text("a") + letter)
    assert width * LONG < found < width * LONG + TOLERANCE
