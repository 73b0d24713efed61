"""Times for the scripts of the pages, and durations in words."""

from datetime import datetime

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def milliseconds(time: datetime) -> int:
    """Return a time as milliseconds since 1970 (UTC)."""
    return round(time.timestamp() * 1000)


def in_words(seconds: float) -> str:
    """Return a duration in words: 0.0421 gives "42 ms", 75 gives "1 min 15 s"."""
    if seconds < 1:
        return f"{min(999, max(0, round(seconds * 1000)))} ms"
    for size, unit, smaller, smaller_unit in _UNITS:
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{int(whole)} {unit} {int(rest // smaller)} {smaller_unit}"
    hundredths = round(seconds * 1000) // 10  # cut off, as the scripts do
    return f"{min(hundredths, 5999) / 100:.2f} s"
