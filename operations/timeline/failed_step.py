"""Finds the step of a workflow whose failure ended an instance."""

import re
from collections.abc import Iterable

from operations.model import Failure
from operations.timeline.spans import CALLS, Ending, Span

_NUMBER = re.compile(r"task #(\d{1,9}) failed")


def failed_step(spans: Iterable[Span], failure: Failure) -> Span | None:
    """Return the last attempt of the activity or child whose failure ended an instance.

    None means that the workflow's own code failed. The SDKs repeat the message of a step at the end
    of the instance's message, or after "failed: ". A step that failed without a message is found by
    its number, which the SDK for Python writes.
    """
    in_order = sorted(spans, key=lambda span: (span.ended_at or span.scheduled_at, span.event_id))
    last = {span.lane: span for span in in_order if span.kind in CALLS}  # by call
    numbers = {int(number) for number in _NUMBER.findall(failure.message)}
    found = (
        span
        for span in reversed(in_order)
        if last.get(span.lane) is span and span.ending is Ending.FAILED
    )
    return next((span for span in found if _is_cause(span, failure.message, numbers)), None)


def _is_cause(span: Span, message: str, numbers: set[int]) -> bool:
    """Return True if the message of an instance repeats the message of a step."""
    own = span.failure.message if span.failure else ""
    if not own:
        return span.event_id in numbers
    return message == own or message.endswith(f": {own}") or f"failed: {own}" in message
