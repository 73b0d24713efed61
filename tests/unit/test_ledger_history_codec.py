"""Encoding and decoding of histories."""

import json
import zlib
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.history import HistoryEvent, TimerOrigin
from operations.ledger.runs.history_codec import decode, encode
from operations.model import Failure, Status
from tests.unit.histories import RECORDED, recorded
from tests.unit.snapshots import at

TIMES = st.datetimes(timezones=st.just(UTC))
TEXTS = st.none() | st.text()
EVENTS = st.builds(
    HistoryEvent,
    event_id=st.integers(),
    timestamp=TIMES,
    kind=st.text(),
    name=TEXTS,
    answers=st.none() | st.integers(),
    task_execution_id=TEXTS,
    payload=TEXTS,
    failure=st.none() | st.builds(Failure, st.text(), st.text(), TEXTS),
    fire_at=st.none() | TIMES,
    origin=st.none() | st.sampled_from(TimerOrigin),
    instance_id=TEXTS,
    execution_id=TEXTS,
    status=st.none() | st.sampled_from(Status),
    rerun_of=TEXTS,
    parent_app_id=TEXTS,
    app_id=TEXTS,
    version=TEXTS,
    patches=st.none() | st.lists(st.text(), min_size=1).map(tuple),
    raw=TEXTS,
)


@given(st.lists(EVENTS))
def test_any_history_is_decoded_as_it_was_encoded(history: list[HistoryEvent]) -> None:
    """Including the types of the values."""
    found = decode(encode(history))
    assert found == tuple(history)
    assert [(type(event.origin), type(event.status)) for event in found] == [
        (type(event.origin), type(event.status)) for event in history
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_history_is_decoded_as_it_was_encoded(name: str) -> None:
    """The same holds for histories of the real engine."""
    assert decode(encode(recorded(name))) == recorded(name)


def test_a_history_is_compressed() -> None:
    """Similar events take little space."""
    history = [HistoryEvent(number, at(number), "taskScheduled", "work") for number in range(1000)]
    assert len(encode(history)) < 20_000


def archived(version: int, **event: object) -> bytes:
    """Return a history of one event as another version of Flowdeck might encode it."""
    values = {"event_id": 1, "timestamp": at(0).isoformat(), "kind": "timerCreated", **event}
    return zlib.compress(json.dumps({"version": version, "events": [values]}).encode())


def test_fields_of_a_later_version_are_ignored() -> None:
    """After a downgrade, Flowdeck still reads the fields that it knows."""
    later = archived(
        2, name="soon", colour="red", failure={"error_type": "E", "message": "m", "code": 7}
    )
    failure = Failure("E", "m")
    assert decode(later) == (HistoryEvent(1, at(0), "timerCreated", "soon", failure=failure),)


def test_an_unknown_name_is_none() -> None:
    """Such as a timer origin or a status of a later version."""
    assert decode(archived(2, origin="moonPhase", status="DREAMING")) == (
        HistoryEvent(1, at(0), "timerCreated"),
    )


def test_an_archive_has_a_version() -> None:
    """A later format can be distinguished from this one."""
    assert json.loads(zlib.decompress(encode([])))["version"] == 1
