"""A history as the ledger keeps it."""

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
    raw=TEXTS,
)


@given(st.lists(EVENTS))
def test_any_history_comes_back(history: list[HistoryEvent]) -> None:
    """What is archived is read as it was, to the type."""
    found = decode(encode(history))
    assert found == tuple(history)
    assert [(type(event.origin), type(event.status)) for event in found] == [
        (type(event.origin), type(event.status)) for event in history
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_the_engine_s_own_histories_come_back(name: str) -> None:
    """So does what the real engine said."""
    assert decode(encode(recorded(name))) == recorded(name)


def test_a_history_is_compressed() -> None:
    """What repeats itself takes little room."""
    history = [HistoryEvent(number, at(number), "taskScheduled", "work") for number in range(1000)]
    assert len(encode(history)) < 20_000


def archived(version: int, **event: object) -> bytes:
    """Return a history of one event as another version might archive it."""
    told = {"event_id": 1, "timestamp": at(0).isoformat(), "kind": "timerCreated", **event}
    return zlib.compress(json.dumps({"version": version, "events": [told]}).encode())


def test_what_a_later_version_adds_is_left_out() -> None:
    """A Flowdeck that is put back to an older version still reads what it knows."""
    later = archived(
        2, name="soon", colour="red", failure={"error_type": "E", "message": "m", "code": 7}
    )
    failure = Failure("E", "m")
    assert decode(later) == (HistoryEvent(1, at(0), "timerCreated", "soon", failure=failure),)


def test_a_name_that_is_not_known_is_none() -> None:
    """So it is with a kind of timer or a status that came later."""
    assert decode(archived(2, origin="moonPhase", status="DREAMING")) == (
        HistoryEvent(1, at(0), "timerCreated"),
    )


def test_the_archive_tells_its_version() -> None:
    """Whoever changes it can tell the old from the new."""
    assert json.loads(zlib.decompress(encode([])))["version"] == 1
