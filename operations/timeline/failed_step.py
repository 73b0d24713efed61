"""Finds the step of a workflow whose failure ended an instance."""

import re
from collections.abc import Sequence

from operations.model import Failure
from operations.timeline.spans import Ending, Span, SpanKind

_STEPS = (SpanKind.ACTIVITY, SpanKind.CHILD)
_NUMBER = re.compile(r"task #(\d+) failed")


def failed_step(spans: Sequence[Span], failure: Failure) -> Span | None:
    """Return the last attempt of the call that caused a failure; None if it was another code.

    The failure repeats the message of the call. A call that failed without a message is found by
    its number, which the SDK for Python writes.
    """
    failed = [span for span in spans if span.kind in _STEPS and span.ending is Ending.FAILED]
    failed.sort(key=lambda span: (span.ended_at or span.scheduled_at, span.event_id))
    numbers = {int(number) for number in _NUMBER.findall(failure.message)}
    for span in reversed(failed):
        message = span.failure.message if span.failure else ""
        if message in failure.message if message else span.event_id in numbers:
            return span
    return None
