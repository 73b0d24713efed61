"""The instances that have ended and are wholly recorded, as long as the engine has them."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from operations.model import Instance


class Finished:
    """Ids, each with when its instance ended: the engine changes none after that.

    An id that the engine tells a later time of has another life. There may be very many, so that
    only a number is kept of each: seconds since 1970, 0 where the engine told no time.
    """

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._ended)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ended)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._ended

    def take_over(self, ended: Mapping[str, datetime | None]) -> None:
        """Know what the ledger holds: when each instance ended, as the engine said."""
        self._ended.update((instance_id, _seconds(at)) for instance_id, at in ended.items())

    def add(self, instance: Instance) -> None:
        """Take up an instance that has ended."""
        self._ended[instance.instance_id] = _seconds(instance.last_updated_at)

    def discard(self, instance_id: str) -> None:
        """Forget an id: it is gone, or has another life."""
        self._ended.pop(instance_id, None)

    def explain(self, instance_id: str, at: float) -> bool:
        """Whether what happened to an id at that time, in seconds since 1970, is of a known end."""
        return at <= self._ended.get(instance_id, -1.0)

    def has(self, instance: Instance) -> bool:
        """Whether an instance is known to have ended, and is as it was then."""
        return self._ended.get(instance.instance_id) == _seconds(instance.last_updated_at)

    def differ(self, instance_id: str, now: Instance | None) -> bool:
        """Whether the engine has something else with this id now than what is known to have ended.

        It has not where nothing is known.
        """
        ended = self._ended.get(instance_id)
        return ended is not None and (now is None or _seconds(now.last_updated_at) != ended)


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0
