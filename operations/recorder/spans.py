"""What Dapr's trace spans hint at: that something happened, and when an attempt began to run.

Measured on Dapr 1.18.2 (Zipkin v2 JSON): a start is `create_orchestration||NAME` (CLIENT), an end
`orchestration||NAME` (SERVER), an activity's run `activity||NAME` (SERVER), sent when it is over.
Every call of the sidecar's API makes a span too: those are most, and hint at nothing.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.model import is_possible_id
from operations.records import StartTime

_ACTIVITY, _START, _END = (
    ("activity", "SERVER"),
    ("create_orchestration", "CLIENT"),
    ("orchestration", "SERVER"),
)
_HINTING = frozenset({_ACTIVITY, _START, _END})
_INSTANCE_ID, _EVENT_ID = "durabletask.task.instance_id", "durabletask.task.task_id"
_NUMBER = re.compile(r"[0-9]{1,9}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = round((datetime.max.replace(tzinfo=UTC) - _EPOCH) / timedelta(microseconds=1))


@dataclass(frozen=True)
class Hint:
    """That something happened to an instance, if it is true.

    `at` is when it began, in seconds since 1970, 0 if that is not told: an end began when its
    instance did. `begin` is there if an attempt has ended; `is_end` says that the instance has.
    """

    instance_id: str
    at: float = 0.0
    begin: StartTime | None = None
    is_end: bool = False


def hints_in(body: bytes) -> list[Hint]:
    """Return what spans hint at; those that hint at nothing are left out.

    Raises `ValueError` for what is no JSON list.
    """
    try:
        spans = json.loads(body)
    except RecursionError as error:
        raise ValueError("lists within lists without end") from error
    if not isinstance(spans, list):
        raise ValueError(f"found {type(spans).__name__}, expected a list")  # noqa: TRY004
    return [hint for span in spans if (hint := _hint(span))]


def _hint(span: object) -> Hint | None:
    if not isinstance(span, dict):
        return None
    name, kind, tags = span.get("name"), span.get("kind"), span.get("tags")
    if not (isinstance(name, str) and isinstance(kind, str) and isinstance(tags, dict)):
        return None
    what = (name.partition("||")[0], kind)
    instance_id = tags.get(_INSTANCE_ID)
    if what not in _HINTING or not isinstance(instance_id, str) or not is_possible_id(instance_id):
        return None
    began = span.get("timestamp")
    microseconds = began if isinstance(began, int) and 0 <= began <= _LATEST else 0
    begin = _begin(instance_id, tags, microseconds) if what == _ACTIVITY else None
    return Hint(instance_id, microseconds / 1e6, begin, is_end=what == _END)


def _begin(instance_id: str, tags: dict[object, object], microseconds: int) -> StartTime | None:
    event_id = tags.get(_EVENT_ID)
    if not (microseconds and isinstance(event_id, str) and _NUMBER.fullmatch(event_id)):
        return None
    return StartTime(instance_id, int(event_id), _EPOCH + timedelta(microseconds=microseconds))
