"""The queue of hints."""

from operations.recorder.limits import RecorderLimits
from operations.recorder.traces.hints import HintQueue
from operations.recorder.traces.parser import Hint

FIRST, SECOND, THIRD = Hint("a"), Hint("b"), Hint("c")


def test_hints_are_taken_once_and_in_order() -> None:
    """A second `take` returns nothing."""
    hints = HintQueue()
    hints.offer([FIRST, SECOND])
    hints.offer([THIRD])
    assert hints.take() == [FIRST, SECOND, THIRD]
    assert hints.take() == []


def test_hints_without_room_are_dropped_and_counted() -> None:
    """Queued hints stay; after `take` the queue has room again."""
    hints = HintQueue(RecorderLimits(queued_hints=2))
    hints.offer([FIRST])
    hints.offer([SECOND, THIRD])
    hints.offer([THIRD])
    assert (hints.received, hints.dropped) == (4, 2)
    assert hints.take() == [FIRST, SECOND]
    hints.offer([THIRD])
    assert (hints.take(), hints.dropped) == ([THIRD], 2)


def test_spans_without_hints_count_as_traces() -> None:
    """Traces count as absent after a while without trace spans."""
    hints = HintQueue()
    assert not hints.is_traced
    hints.offer([])
    assert hints.is_traced
    silent = HintQueue(RecorderLimits(untraced_after=0))
    silent.offer([])
    assert not silent.is_traced
