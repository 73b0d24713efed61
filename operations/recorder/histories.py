"""The last histories that were read of what has not ended, should the engine forget it first."""

from collections.abc import Collection

from operations.ledger import Ledger
from operations.records import Snapshot

MOST = 32 * 2**20  # characters of payloads and the like that are kept; the oldest give way
EVENT = 500  # characters that an event counts as beside its payload


class Histories:
    """Keeps last histories in memory, and in the ledger as soon as there will be no later one."""

    def __init__(self, ledger: Ledger, most: int = MOST) -> None:
        self._ledger = ledger
        self._most = most
        self._left = most
        self._last: dict[str, Snapshot] = {}  # the oldest first

    def __len__(self) -> int:
        return len(self._last)

    def keep(self, snapshot: Snapshot) -> None:
        """Keep what was read in the place of what was read of the same instance before.

        Where the history was not read, what was read before stays.
        """
        if snapshot.history is None:
            return
        self.forget(snapshot.instance.instance_id)
        self._last[snapshot.instance.instance_id] = snapshot
        self._left -= _size(snapshot)
        while self._left < 0:
            self.forget(next(iter(self._last)))

    def forget(self, instance_id: str) -> None:
        """Keep no more of an instance: it is over."""
        if last := self._last.pop(instance_id, None):
            self._left += _size(last)

    def archive(self, gone: Collection[str]) -> None:
        """Write the last histories of what is gone, unless the ledger has one, or knows that.

        Raises `LedgerUnavailable`.
        """
        last = {each: self._last[each] for each in gone if each in self._last}
        if not last:
            return
        instances = self._ledger.runs
        kept = instances.archived(last)
        lacking = [
            last[each]
            for each, life in instances.latest_by_id(last).items()
            if each not in kept
            and life.purged_at is None
            and life.execution_id == last[each].timeline.execution_id
        ]
        instances.keep_histories(lacking)


def _size(snapshot: Snapshot) -> int:
    return sum(EVENT + len(event.payload or event.raw or "") for event in snapshot.history or ())
