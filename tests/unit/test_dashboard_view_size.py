"""How many bytes a view takes."""

from typing import Any

import pytest

from dashboard.details.view_size import EVENT_BYTES, view_size
from operations.history import HistoryEvent
from operations.model import Failure
from operations.run_view import View
from operations.timeline import Span, SpanKind, Timeline
from tests.unit.snapshots import NOON

LONG = 2**20
LITTLE = 1000  # bytes that no test looks at


def text(letter: str) -> str:
    """Return a long text of its own."""
    return letter * LONG


def size(*, spans: tuple[Span, ...] = (), **told: Any) -> int:
    """Return the size of a view with nothing else."""
    baseline: dict[str, Any] = dict.fromkeys(View.__annotations__)
    return view_size(View(**{**baseline, "timeline": Timeline(spans=spans), **told}))


def event(payload: str | None = None, failure: Failure | None = None) -> HistoryEvent:
    """Return an event."""
    return HistoryEvent(1, NOON, "taskCompleted", payload=payload, failure=failure)


def span(*texts: str, failure: Failure | None = None) -> Span:
    """Return a span with up to two payloads."""
    given, returned = (*texts, None, None)[:2]
    return Span(SpanKind.ACTIVITY, "a", 0, 1, NOON, input=given, output=returned, failure=failure)


def test_a_view_of_nothing_takes_nothing() -> None:
    """An instance that is yet to begin has no payloads."""
    assert size() == 0


def test_all_texts_count() -> None:
    """Wherever a view has them."""
    found = size(
        input=text("a"),
        output=text("b"),
        custom_status=text("c"),
        failure=Failure("E", text("d"), text("e")),
        history=(event(text("f")), event(failure=Failure("E", text("g"), text("h")))),
        spans=(span(text("i"), text("j")), span(failure=Failure("E", text("k"), text("l")))),
    )
    assert 12 * LONG < found < 12 * LONG + 4 * EVENT_BYTES + LITTLE


def test_a_text_that_is_in_two_places_counts_once() -> None:
    """A span has its payloads from the history."""
    same = text("a")
    assert (
        LONG < size(history=(event(same),), spans=(span(same),)) < LONG + 2 * EVENT_BYTES + LITTLE
    )


def test_events_and_spans_take_room_themselves() -> None:
    """A long history of small events is large."""
    assert size(history=(event(),) * 3000, spans=(span(),) * 2000) == 5000 * EVENT_BYTES


@pytest.mark.parametrize(("letter", "width"), [("a", 1), ("ж", 2), ("🙂", 4)])
def test_letters_count_as_python_keeps_them(letter: str, width: int) -> None:
    """One that is wide makes the whole text wide."""
    found = size(input=text("a") + letter)
    assert width * LONG < found < width * LONG + LITTLE
