"""Parses Dapr's trace spans into hints: which instance has changed, and when an attempt started.

Measured on Dapr 1.18.2 (Zipkin v2 JSON): the start of an instance is `create_orchestration||NAME`
(CLIENT), its end `orchestration||NAME` (SERVER), an attempt `activity||NAME` (SERVER), sent at its
end. Most trace spans are of calls to the sidecar's API, and contain no hint.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.model import is_possible_id
from operations.timeline import StartTime

_ACTIVITY = ("activity", "SERVER")
_START = ("create_orchestration", "CLIENT")
_END = ("orchestration", "SERVER")
_HINTING = frozenset({_ACTIVITY, _START, _END})
_INSTANCE_ID, _EVENT_ID = "durabletask.task.instance_id", "durabletask.task.task_id"
_NUMBER = re.compile(r"[0-9]{1,9}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = round((datetime.max.replace(tzinfo=UTC) - _EPOCH) / timedelta(microseconds=1))


@dataclass(frozen=True)
class Hint:
    """Something may have happened to an instance.

    `at` is the start of the trace span, in seconds since 1970, or 0 if it is unknown. For the end
    of an instance, this is the start of the instance. `start_time` is the start time of an attempt
    that has ended; `is_end` says that the instance has ended.
    """

    instance_id: str
    at: float = 0.0
    start_time: StartTime | None = None
    is_end: bool = False


def hints_in(body: bytes) -> list[Hint]:
    """Return the hints in a JSON list of trace spans; raise `ValueError` for any other text."""
    try:
        trace_spans = json.loads(body)
    except RecursionError as error:
        raise ValueError("found lists nested too deeply") from error
    if not isinstance(trace_spans, list):
        raise ValueError(f"found {type(trace_spans).__name__}, expected a list")  # noqa: TRY004
    return [hint for each in trace_spans if (hint := _hint(each))]


def _hint(trace_span: object) -> Hint | None:
    if not isinstance(trace_span, dict):
        return None
    name, kind, tags = trace_span.get("name"), trace_span.get("kind"), trace_span.get("tags")
    if not (isinstance(name, str) and isinstance(kind, str) and isinstance(tags, dict)):
        return None
    type_and_kind = (name.partition("||")[0], kind)
    instance_id = tags.get(_INSTANCE_ID)
    if (
        type_and_kind not in _HINTING
        or not isinstance(instance_id, str)
        or not is_possible_id(instance_id)
    ):
        return None
    timestamp = trace_span.get("timestamp")
    micros = timestamp if isinstance(timestamp, int) and 0 <= timestamp <= _LATEST else 0
    duration = trace_span.get("duration")
    is_attempt = type_and_kind == _ACTIVITY
    start_time = _start_time(instance_id, tags, micros, duration) if is_attempt else None
    return Hint(instance_id, micros / 1e6, start_time, is_end=type_and_kind == _END)


def _start_time(
    instance_id: str, tags: dict[object, object], micros: int, duration: object
) -> StartTime | None:
    event_id = tags.get(_EVENT_ID)
    if not (micros and isinstance(event_id, str) and _NUMBER.fullmatch(event_id)):
        return None
    if not (isinstance(duration, int) and 0 <= duration <= _LATEST - micros):
        return None
    at = _EPOCH + timedelta(microseconds=micros)
    return StartTime(instance_id, int(event_id), at, at + timedelta(microseconds=duration))
