"""Times for the scripts of the pages, and times and durations in words."""

from datetime import datetime, tzinfo

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def milliseconds(time: datetime) -> int:
    """Return a time as milliseconds since 1970 (UTC)."""
    return round(time.timestamp() * 1000)


def clock_time(time: datetime, zone: tzinfo) -> str:
    """Return a time of day in a time zone, to the second; with the date if it is not today."""
    local = time.astimezone(zone)
    is_today = local.date() == datetime.now(zone).date()
    return f"{local:%H:%M:%S}" if is_today else f"{local:%Y-%m-%d %H:%M:%S}"


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
