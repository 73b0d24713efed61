"""Times and durations as texts."""

from datetime import timedelta

import pytest

from operations.time_texts import duration_text, later_of, parse_duration, parse_time, time_text
from tests.unit.snapshots import at


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("500ms", 0.5), ("1.5h", 5400), ("2 M", 120), ("36500d", 3_153_600_000)],
)
def test_a_duration_has_a_number_and_a_unit(text: str, seconds: float) -> None:
    """In any case."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "h",
        "-1h",
        "1e9",
        "1w",
        "1h30m",
        "36501d",
        "999999999d",
        "\N{ARABIC-INDIC DIGIT ONE}h",
        "1_0",
    ],
)
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    """Also a duration that is too long for any time."""
    with pytest.raises(ValueError, match="a duration of at most"):
        parse_duration(text)


@pytest.mark.parametrize(
    "duration",
    [
        timedelta(0),
        timedelta(hours=2),
        timedelta(days=13, milliseconds=1),
        timedelta(days=36_500, milliseconds=-1),
        timedelta(days=36_500, microseconds=-1),
        timedelta(days=36_500),
    ],
)
def test_a_duration_is_read_as_it_was_written(duration: timedelta) -> None:
    """However long it is, and however short its unit."""
    assert parse_duration(duration_text(duration)) == duration


def test_a_time_is_written_in_utc() -> None:
    """And is read again, in whatever zone it is."""
    assert time_text(at(90)) == "2026-01-11T12:01:30Z"
    assert parse_time("2026-01-11T13:01:30+01:00") == parse_time(time_text(at(90))) == at(90)


def test_the_later_time_counts() -> None:
    """A time that is not known does not."""
    assert later_of(at(1), None, at(3)) == at(3)
    assert later_of(None, None) is None
