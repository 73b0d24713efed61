"""What trace spans hint at."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.model import MAX_ID_LENGTH
from operations.recorder.traces.spans import Hint, hints_in
from operations.records import StartTime
from tests.unit.snapshots import ID, at
from tests.unit.zipkin import BEGAN, begun, body, over, ran, span, started

AT = BEGAN / 1e6
BEGIN = StartTime(ID, 3, at(1.25))


def test_an_activity_tells_when_which_attempt_began() -> None:
    """The id of the event that scheduled it, and its time to the microsecond."""
    assert hints_in(body(ran(3, at(1.25)))) == [Hint(ID, at(1.25).timestamp(), BEGIN)]


def test_a_start_and_an_end_only_hint_at_an_instance() -> None:
    """An end is told from a start, and each tells when it began."""
    told = hints_in(body(begun(started(), at(1)), begun(over(), at(2))))
    assert told == [Hint(ID, at(1).timestamp()), Hint(ID, at(2).timestamp(), is_end=True)]


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
def test_everything_else_hints_at_nothing(other: object) -> None:
    """The calls of the sidecar's API above all, and what is no span."""
    assert hints_in(body(other, started())) == [Hint(ID, AT)]


@pytest.mark.parametrize(
    "instance_id", ["", "a" * (MAX_ID_LENGTH + 1), "a\0b", "a\nb", "\ud800", 7, None]
)
def test_an_id_that_no_instance_has_is_dropped(instance_id: Any) -> None:
    """What the ledger could not hold never reaches it."""
    assert hints_in(body(over(instance_id))) == []


@pytest.mark.parametrize("instance_id", ["a||b", "parent:0001", "a" * MAX_ID_LENGTH, "Auftrag ü"])
def test_an_id_of_anybody_else_s_making_is_taken(instance_id: str) -> None:
    """Also one that breaks the engine's list: it is one to be seen."""
    assert hints_in(body(over(instance_id))) == [Hint(instance_id, AT, is_end=True)]


@pytest.mark.parametrize("event_id", ["", "-1", "x", "3.0", "²", "9" * 10, 3, None])
def test_an_attempt_without_a_number_has_no_begin(event_id: Any) -> None:
    """It hints at the instance all the same."""
    told = span("activity||charge", "SERVER", **{"durabletask.task.task_id": event_id})
    assert hints_in(body(told)) == [Hint(ID, AT)]


@pytest.mark.parametrize("timestamp", [None, "1", 1.5, 10**30, -(10**30)])
def test_an_attempt_without_a_time_has_no_begin(timestamp: Any) -> None:
    """Nor has one whose time Python cannot express."""
    assert hints_in(body({**ran(3, at(1)), "timestamp": timestamp})) == [Hint(ID)]


@pytest.mark.parametrize(
    "nonsense", [b"", b"{}", b"7", b"null", b'"[]"', b"[", b"\xff", b"[" * 100_000, b"\x1f\x8b"]
)
def test_what_is_no_json_list_is_refused(nonsense: bytes) -> None:
    """By a `ValueError`, whatever is wrong with it."""
    with pytest.raises(ValueError, match=r"\S"):
        hints_in(nonsense)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
SPANS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["activity||a", "orchestration||a", "create_orchestration||a"])
        | JSON,
        "kind": st.sampled_from(["SERVER", "CLIENT"]) | JSON,
        "timestamp": st.integers() | JSON,
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


@given(st.lists(SPANS | JSON))
def test_whatever_is_in_a_list_it_hints_at_what_the_ledger_can_hold(spans: list[Any]) -> None:
    """Nothing in a list makes an error, or a hint with an id, a number or a time that cannot be."""
    for hint in hints_in(json.dumps(spans).encode()):
        assert 0 < len(hint.instance_id.encode()) <= 4 * MAX_ID_LENGTH
        if hint.start_time:
            assert 0 <= hint.start_time.event_id < 2**31
            assert hint.start_time.at.astimezone(UTC) <= datetime.max.replace(tzinfo=UTC)


@given(st.binary())
def test_whatever_a_body_is_it_is_read_or_refused(nonsense: bytes) -> None:
    """No other error comes of it than the one that is answered."""
    try:
        hints_in(nonsense)
    except ValueError:
        return
