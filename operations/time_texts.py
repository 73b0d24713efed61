"""Times and durations as users and clients write them."""

import re
from datetime import UTC, datetime, timedelta

TIME_TEXT = "a time with its zone, such as 2026-01-11T12:00:00Z"
DURATION_TEXT = "a duration of at most 36500d, such as 500ms, 90s, 5m, 2h or 7d"

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"([0-9]{1,13}(?:\.[0-9]{1,6})?) ?(ms|s|m|h|d)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_LONGEST = timedelta(days=36_500)


def parse_time(text: str) -> datetime:
    """Return the time of a text of RFC 3339, aware UTC; raises `ValueError`."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(TIME_TEXT)
    time = datetime.fromisoformat(text.upper())
    try:
        return time.astimezone(UTC)
    except OverflowError:  # in UTC it would be before year 1 or after year 9999
        return time.replace(tzinfo=UTC)


def time_text(time: datetime) -> str:
    """Return a time as a text of RFC 3339, in UTC and whole seconds."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def utc_text(time: datetime | None) -> str | None:
    """Return a time as a text of RFC 3339, in UTC, with its fraction of a second."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else None


def parse_duration(text: str) -> timedelta:
    """Return the duration of a text such as 90s or 2h.

    Raises `ValueError`, also for a duration of more than 36,500 days.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(DURATION_TEXT)
    number, unit = found.groups()
    try:
        duration = float(number) * _UNITS[unit]
    except OverflowError as error:
        raise ValueError(DURATION_TEXT) from error
    if duration > _LONGEST:
        raise ValueError(DURATION_TEXT)
    return duration


def duration_text(duration: timedelta) -> str:
    """Return a duration as `parse_duration` reads it, such as 90s or 2h."""
    for unit, length in reversed(_UNITS.items()):
        if not duration % length:
            return f"{duration // length}{unit}"
    return f"{duration.total_seconds():.6f}s"


def later_of(*times: datetime | None) -> datetime | None:
    """Return the latest of some times, None if none is known."""
    return max(filter(None, times), default=None)
