"""Reads the time to start from its text, in the time zone of the viewer."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from dashboard.orders.typed_numbers import quoted
from operations.actions import MAX_START_DELAY

_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_OR_EMPTY = "or an empty field to start now"


@dataclass(frozen=True)
class RequestedStart:
    """A time to start (aware, UTC; None for now), a note on it, or the mistake in its text."""

    at: datetime | None = None
    note: str = ""
    mistake: str = ""


def read_start(
    text: str, zone: tzinfo, now: datetime, *, is_incomplete: bool = False
) -> RequestedStart:
    """Read the text of a browser's field, such as "2026-03-29T02:30"; empty for now.

    An hour that occurs twice, because the clocks go back, is read as the first one to come. An
    hour that the clocks skip is a mistake.
    """
    if is_incomplete:
        return RequestedStart(
            mistake=f"Found an incomplete time, expected a day, hour and minute, {_OR_EMPTY}."
        )
    if not text:
        return RequestedStart()
    try:
        local = datetime.fromisoformat(text) if _LOCAL.fullmatch(text) else None
    except ValueError:
        local = None
    if local is None:
        return RequestedStart(
            mistake=f"Found {quoted(text)}, expected a day and a time, {_OR_EMPTY}."
        )
    typed = text.replace("T", " ")
    if local.year > now.year + 2:  # near the year 9999 a time has no UTC
        return _too_far(typed)
    if local.year < now.year - 2:
        return _past(typed)
    return _read(local, typed, zone, now)


def _read(local: datetime, typed: str, zone: tzinfo, now: datetime) -> RequestedStart:
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        return RequestedStart(
            mistake=f"Found '{typed}', expected a time that exists: in {zone} the clocks skip this "
            "hour on that day."
        )
    at = next((each for each in (first, second) if each.astimezone(UTC) > now), None)
    if at is None:
        return _past(typed)
    if at.astimezone(UTC) - now > MAX_START_DELAY:
        return _too_far(typed)
    note = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if first.utcoffset() != second.utcoffset():
        which = "first" if at is first else "second"
        note += f": {local:%H:%M} occurs twice that day, and the {which} one is meant"
    return RequestedStart(at.astimezone(UTC), note)


def _past(typed: str) -> RequestedStart:
    return RequestedStart(
        mistake=f"Found '{typed}', which is in the past, expected a later time, {_OR_EMPTY}."
    )


def _too_far(typed: str) -> RequestedStart:
    days = MAX_START_DELAY.days
    return RequestedStart(
        mistake=f"Found '{typed}', expected a time within {days} days, {_OR_EMPTY}."
    )
