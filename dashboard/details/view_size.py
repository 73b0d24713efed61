"""How many bytes an answer takes that is kept for all viewers."""

from collections.abc import Iterator
from itertools import chain
from sys import getsizeof

from operations.run_view import View

EACH = 512  # bytes of an event, or of a span, beside their payloads


def view_size(shown: View) -> int:
    """Return about how many bytes a view takes; a text that is in several places is one."""
    texts = {id(text): text for text in _texts(shown) if text}
    parts = len(shown.history or ()) + len(shown.timeline.spans)
    return EACH * parts + sum(map(getsizeof, texts.values()))


def _texts(shown: View) -> Iterator[str | None]:
    history, spans = shown.history or (), shown.timeline.spans
    yield from (shown.input, shown.output, shown.custom_status)
    for event in history:
        yield from (event.payload, event.raw)
    for span in spans:
        yield from (span.input, span.output)
    failed = (event.failure for event in history), (span.failure for span in spans)
    for failure in (shown.failure, *chain(*failed)):
        if failure:
            yield from (failure.message, failure.stack_trace)
