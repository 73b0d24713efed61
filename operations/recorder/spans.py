"""What Dapr's trace spans hint at: that something happened, and when an attempt began to run.

Measured on Dapr 1.18.2 (Zipkin v2 JSON): a start is `create_orchestration||NAME` (CLIENT), an end
`orchestration||NAME` (SERVER), an activity's run `activity||NAME` (SERVER), sent when it is over.
Every call of the sidecar's API makes a span too: those are most, and hint at nothing.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.records import Begin

LONGEST = 255  # characters of an id that the ledger can hold
_ACTIVITY, _START, _END = (
    ("activity", "SERVER"),
    ("create_orchestration", "CLIENT"),
    ("orchestration", "SERVER"),
)
_HINTING = frozenset({_ACTIVITY, _START, _END})
_INSTANCE_ID, _EVENT_ID = "durabletask.task.instance_id", "durabletask.task.task_id"
_NUMBER = re.compile(r"[0-9]{1,9}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Hint:
    """That something happened to an instance, if it is true.

    `begin` is there if an attempt has ended; `is_start` says that the instance was started,
    `is_end` that it has ended.
    """

    instance_id: str
    begin: Begin | None = None
    is_start: bool = False
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
    if what not in _HINTING or not isinstance(instance_id, str) or not _is_possible(instance_id):
        return None
    begin = _begin(instance_id, tags, span) if what == _ACTIVITY else None
    return Hint(instance_id, begin, is_start=what == _START, is_end=what == _END)


def _is_possible(instance_id: str) -> bool:
    """Whether an engine may have an instance with this id."""
    return 0 < len(instance_id) <= LONGEST and instance_id.isprintable()


def _begin(
    instance_id: str, tags: dict[object, object], span: dict[object, object]
) -> Begin | None:
    event_id, microseconds = tags.get(_EVENT_ID), span.get("timestamp")
    if not (isinstance(event_id, str) and _NUMBER.fullmatch(event_id)):
        return None
    if not isinstance(microseconds, int):
        return None
    try:
        return Begin(instance_id, int(event_id), _EPOCH + timedelta(microseconds=microseconds))
    except OverflowError:
        return None
