"""The queue of hints."""

import pytest

from operations.recorder import hints as module
from operations.recorder.hints import Hints
from operations.recorder.spans import Hint

FIRST, SECOND, THIRD = Hint("a"), Hint("b"), Hint("c")


def test_hints_are_taken_once_and_in_order() -> None:
    """What was taken is gone."""
    hints = Hints()
    hints.offer([FIRST, SECOND])
    hints.offer([THIRD])
    assert hints.take() == [FIRST, SECOND, THIRD]
    assert hints.take() == []


def test_what_comes_when_there_is_no_room_is_dropped_and_counted() -> None:
    """What was there before stays, and when it is taken there is room again."""
    hints = Hints(room=2)
    hints.offer([FIRST])
    hints.offer([SECOND, THIRD])
    hints.offer([THIRD])
    assert (hints.came, hints.dropped) == (4, 2)
    assert hints.take() == [FIRST, SECOND]
    hints.offer([THIRD])
    assert (hints.take(), hints.dropped) == ([THIRD], 2)


def test_spans_arrive_also_if_they_hint_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there have been none for a while."""
    hints = Hints()
    assert not hints.arrive
    hints.offer([])
    assert hints.arrive
    monkeypatch.setattr(module, "SILENCE", 0)
    assert not hints.arrive
