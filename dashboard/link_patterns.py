"""Links to the logs and the traces of a run, by patterns from the settings. Pure functions."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from operations.records import RunSummary

PLACEHOLDERS = ("app_id", "instance_id", "trace_id", "since", "until")
MARGIN = timedelta(minutes=1)  # before and after a run: logs come from other clocks
_HOUR = timedelta(hours=1)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_URL = re.compile(r"https?://[^\s/?#@{}\\]+([/?#]\S*)?")


def link_pattern(pattern: str) -> str:
    """Return the pattern of a link; raise `ValueError` with what is expected."""
    unknown = [name for name in _PLACEHOLDER.findall(pattern) if name not in PLACEHOLDERS]
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    if unknown:
        raise ValueError(
            f"no placeholder {{{unknown[0]}}}: there are {known}; write other braces as %7B and %7D"
        )
    if pattern and not _URL.fullmatch(pattern):
        raise ValueError(
            f"an http or https URL; the part after the host may have the placeholders {known}"
        )
    return pattern


def filled(pattern: str, values: Mapping[str, str | None]) -> str | None:
    """Return the link of a pattern; None without a pattern, or if one of its values is unknown."""
    if not pattern or any(not values[name] for name in _PLACEHOLDER.findall(pattern)):
        return None
    return _PLACEHOLDER.sub(lambda found: quote(values[found[1]] or "", safe=""), pattern)


def values_of(summary: RunSummary, trace_id: str | None, now: datetime) -> dict[str, str | None]:
    """Return the values of the placeholders for a run.

    The period is the whole run with a margin. The end of an unfinished run is the end of the next
    hour, so that its links change only once an hour.
    """
    next_hour = now.replace(minute=0, second=0, microsecond=0) + 2 * _HOUR
    return {
        "app_id": summary.app_id,
        "instance_id": summary.instance_id,
        "trace_id": trace_id,
        "since": _text(min(summary.started_at or summary.created_at, summary.created_at) - MARGIN),
        "until": _text(summary.over_at + MARGIN if summary.over_at else next_hour),
    }


def _text(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
