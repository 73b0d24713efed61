"""Which instances are followed, and when each is read next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.model import Status
from operations.records import Sighting
from operations.timeline import Ending, SpanKind

BRISK = 0.5  # seconds between two reads of an instance that is doing something
QUIET = 1.0  # seconds between two reads of one that waits
SLOWEST = 60.0  # seconds between two reads of any
BRISK_READS = 400  # a second at most, for all that do something
QUIET_READS = 100  # a second at most, for all that wait
SOON = timedelta(seconds=5)


@dataclass
class _Followed:
    due: float
    quiet: bool = False
    last: Sighting | None = None


class Following:
    """The unfinished instances, each with its own due time (seconds of a monotonic clock).

    Those that wait for an event, a far timer or a person are read less often, and the more there
    are the less often, so that they cost the engine little however many they are.
    """

    def __init__(self) -> None:
        self._followed: dict[str, _Followed] = {}

    def __len__(self) -> int:
        return len(self._followed)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._followed

    def follow(self, ids: Iterable[str], now: float) -> None:
        """Follow these from now on; those that are followed already keep their due time."""
        for instance_id in ids:
            self._followed.setdefault(instance_id, _Followed(due=now))

    def drop(self, instance_id: str) -> None:
        """Follow it no longer."""
        self._followed.pop(instance_id, None)

    def due(self, now: float, most: int) -> list[str]:
        """Return the ids that are due, the longest overdue first."""
        due = sorted((each.due, key) for key, each in self._followed.items() if each.due <= now)
        return [key for _, key in due[:most]]

    def last(self, instance_id: str) -> Sighting | None:
        """Return what was last seen of it, and is in the ledger."""
        followed = self._followed.get(instance_id)
        return followed.last if followed else None

    def seen(self, instance_id: str, sighting: Sighting | None, now: float) -> None:
        """Note what was seen, or that it was as before, and when to read it next."""
        followed = self._followed[instance_id]
        if sighting:
            followed.last, followed.quiet = sighting, is_quiet(sighting)
        followed.due = now + self._pace(quiet=followed.quiet)

    def _pace(self, *, quiet: bool) -> float:
        many = sum(each.quiet is quiet for each in self._followed.values())
        pace = max(QUIET, many / QUIET_READS) if quiet else max(BRISK, many / BRISK_READS)
        return min(SLOWEST, pace)


def is_quiet(sighting: Sighting) -> bool:
    """Whether nothing is expected to happen to the instance by itself within seconds."""
    if sighting.instance.status is not Status.RUNNING:
        return True
    soon = datetime.now(UTC) + SOON
    waits = {SpanKind.WAIT, SpanKind.TIMER, SpanKind.BACKOFF}
    still = [span for span in sighting.timeline.spans if span.ending is Ending.OPEN]
    return bool(still) and all(
        span.kind in waits and (span.due is None or span.due > soon) for span in still
    )
