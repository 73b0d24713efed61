"""The queue of hints."""

from operations.recorder.limits import Limits
from operations.recorder.traces.hints import HintQueue
from operations.recorder.traces.spans import Hint

FIRST, SECOND, THIRD = Hint("a"), Hint("b"), Hint("c")


def test_hints_are_taken_once_and_in_order() -> None:
    """What was taken is gone."""
    hints = HintQueue()
    hints.offer([FIRST, SECOND])
    hints.offer([THIRD])
    assert hints.take() == [FIRST, SECOND, THIRD]
    assert hints.take() == []


def test_what_comes_when_there_is_no_room_is_dropped_and_counted() -> None:
    """What was there before stays, and when it is taken there is room again."""
    hints = HintQueue(Limits(queued_hints=2))
    hints.offer([FIRST])
    hints.offer([SECOND, THIRD])
    hints.offer([THIRD])
    assert (hints.received, hints.dropped) == (4, 2)
    assert hints.take() == [FIRST, SECOND]
    hints.offer([THIRD])
    assert (hints.take(), hints.dropped) == ([THIRD], 2)


def test_spans_arrive_also_if_they_hint_at_nothing() -> None:
    """Until there have been none for a while."""
    hints = HintQueue()
    assert not hints.is_traced
    hints.offer([])
    assert hints.is_traced
    silent = HintQueue(Limits(silence=0))
    silent.offer([])
    assert not silent.is_traced
