"""Which hints trace spans contain."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.model import MAX_ID_LENGTH
from operations.recorder.traces.parser import Hint, hints_in
from operations.timeline import StartTime
from tests.unit.snapshots import ID, at
from tests.unit.zipkin import (
    START_MICROS,
    attempt_span,
    body,
    end_span,
    span,
    start_span,
    starting_at,
)

AT = START_MICROS / 1e6
START_TIME = StartTime(ID, 3, at(1.25), at(2.5))


def test_the_span_of_an_activity_has_a_start_time() -> None:
    """The start time has the id of the scheduling event, and microseconds."""
    assert hints_in(body(attempt_span(3, at(1.25), at(2.5)))) == [
        Hint(ID, at(1.25).timestamp(), START_TIME)
    ]


def test_the_spans_of_a_start_and_an_end_have_no_start_time() -> None:
    """The hint of an end is marked; both hints have the start of the trace span."""
    hints = hints_in(body(starting_at(start_span(), at(1)), starting_at(end_span(), at(2))))
    assert hints == [Hint(ID, at(1).timestamp()), Hint(ID, at(2).timestamp(), is_end=True)]


@pytest.mark.parametrize(
    "other",
    [
        span("/taskhubsidecarservice/getinstance", "CLIENT"),
        span("timer", None),
        span("activity||charge", "CLIENT"),
        span("orchestration||order_workflow", "CLIENT"),
        span("create_orchestration||order_workflow", "SERVER"),
        {"name": "orchestration||a", "kind": "SERVER"},
        {"name": "orchestration||a", "kind": "SERVER", "tags": {}},
        {},
        None,
        7,
        [],
    ],
)
def test_other_spans_contain_no_hint(other: object) -> None:
    """Most of them are of calls to the sidecar's API; others are no trace spans."""
    assert hints_in(body(other, start_span())) == [Hint(ID, AT)]


@pytest.mark.parametrize(
    "instance_id", ["", "a" * (MAX_ID_LENGTH + 1), "a\0b", "a\nb", "\ud800", 7, None]
)
def test_an_impossible_id_is_dropped(instance_id: Any) -> None:
    """The ledger could not store it."""
    assert hints_in(body(end_span(instance_id))) == []


@pytest.mark.parametrize("instance_id", ["a||b", "parent:0001", "a" * MAX_ID_LENGTH, "Auftrag ü"])
def test_an_id_of_another_program_is_accepted(instance_id: str) -> None:
    """An id that breaks the engine's list is accepted too, so that it is shown."""
    assert hints_in(body(end_span(instance_id))) == [Hint(instance_id, AT, is_end=True)]


@pytest.mark.parametrize("event_id", ["", "-1", "x", "3.0", "²", "9" * 10, 3, None])
def test_an_attempt_without_an_event_id_has_no_start_time(event_id: Any) -> None:
    """The trace span is still a hint."""
    attempt = span("activity||charge", "SERVER", **{"durabletask.task.task_id": event_id})
    assert hints_in(body(attempt)) == [Hint(ID, AT)]


@pytest.mark.parametrize("timestamp", [None, "1", 1.5, 10**30, -(10**30)])
def test_an_attempt_without_a_valid_time_has_no_start_time(timestamp: Any) -> None:
    """The time may be beyond the years that Python supports."""
    assert hints_in(body({**attempt_span(3, at(1), at(2)), "timestamp": timestamp})) == [Hint(ID)]


@pytest.mark.parametrize("duration", [None, "1", 1.5, -1, 10**30])
def test_an_attempt_without_a_valid_duration_has_no_start_time(duration: Any) -> None:
    """Its end could not be compared with the history."""
    attempt = {**attempt_span(3, at(1), at(2)), "duration": duration}
    assert hints_in(body(attempt)) == [Hint(ID, at(1).timestamp())]


@pytest.mark.parametrize(
    "nonsense", [b"", b"{}", b"7", b"null", b'"[]"', b"[", b"\xff", b"[" * 100_000, b"\x1f\x8b"]
)
def test_a_body_that_is_not_a_json_list_is_refused(nonsense: bytes) -> None:
    """Any such body raises `ValueError`."""
    with pytest.raises(ValueError, match=r"\S"):
        hints_in(nonsense)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
TRACE_SPANS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["activity||a", "orchestration||a", "create_orchestration||a"])
        | JSON,
        "kind": st.sampled_from(["SERVER", "CLIENT"]) | JSON,
        "timestamp": st.integers() | JSON,
        "duration": st.integers() | JSON,
        "tags": st.fixed_dictionaries(
            {},
            optional={
                "durabletask.task.instance_id": st.text() | JSON,
                "durabletask.task.task_id": st.from_regex("[0-9]{1,12}", fullmatch=True) | JSON,
            },
        )
        | JSON,
    },
)


@given(st.lists(TRACE_SPANS | JSON))
def test_hints_in_any_list_can_be_stored(trace_spans: list[Any]) -> None:
    """No list causes an error, or a hint with an impossible id, number or time."""
    for hint in hints_in(json.dumps(trace_spans).encode()):
        assert 0 < len(hint.instance_id.encode()) <= 4 * MAX_ID_LENGTH
        if hint.start_time:
            assert 0 <= hint.start_time.event_id < 2**31
            assert hint.start_time.at <= hint.start_time.ended_at
            assert hint.start_time.ended_at.astimezone(UTC) <= datetime.max.replace(tzinfo=UTC)


@given(st.binary())
def test_any_body_is_read_or_refused(nonsense: bytes) -> None:
    """No body raises another error than `ValueError`."""
    with suppress(ValueError):
        assert all(hint.instance_id for hint in hints_in(nonsense))
