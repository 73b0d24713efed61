"""The size of a view that is cached for all viewers."""

from collections.abc import Iterator
from itertools import chain
from sys import getsizeof

from operations.run_view import View

EVENT_BYTES = 512  # size of an event or a span without its payloads


def view_size(shown: View) -> int:
    """Return the approximate size of a view in bytes; a text in several places counts once."""
    texts = {id(text): text for text in _texts(shown) if text}
    records = len(shown.history or ()) + len(shown.timeline.spans)
    return EVENT_BYTES * records + sum(map(getsizeof, texts.values()))


def _texts(shown: View) -> Iterator[str | None]:
    history, spans = shown.history or (), shown.timeline.spans
    yield from (shown.input, shown.output, shown.custom_status)
    for event in history:
        yield from (event.payload, event.raw)
    for span in spans:
        yield from (span.input, span.output)
    failures = (event.failure for event in history), (span.failure for span in spans)
    for failure in (shown.failure, *chain(*failures)):
        if failure:
            yield from (failure.message, failure.stack_trace)
