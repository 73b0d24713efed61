"""Writes snapshots, and the last histories of runs that were purged before their end was read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from operations.errors import HistoryLost, LedgerUnavailable
from operations.ledger import Ledger
from operations.recorder.limits import RecorderLimits
from operations.records import Snapshot
from operations.snapshots import snapshot_of_lost

_EVENT = 500  # characters that an event counts in addition to its payload


@dataclass(frozen=True)
class Unwritten:
    """Ids whose snapshot is not in the ledger: the ledger refused it, or it was stale.

    A snapshot is stale if the ledger has a later one of another process, whose clock may differ, or
    an end that the snapshot lacks.
    """

    refused: dict[str, Exception] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self.refused or instance_id in self.stale


class Archive:
    """Writes snapshots, and keeps the last history of each unfinished run in memory.

    The ledger gets that history if the run is purged before its end was read. Every method that
    writes raises `LedgerUnavailable`.
    """

    def __init__(self, ledger: Ledger, limits: RecorderLimits) -> None:
        self._ledger = ledger
        self._batch = limits.batch
        self._room = limits.archive_size
        self._last: dict[str, Snapshot] = {}  # the oldest first

    def __len__(self) -> int:
        return len(self._last)

    def write(self, snapshots: Sequence[Snapshot]) -> Unwritten:
        """Write snapshots in batches; return the ids whose snapshot is not in the ledger."""
        unwritten = Unwritten()
        for batch in _batches(snapshots, self._batch):
            self._write(batch, unwritten)
        return unwritten

    def keep(self, snapshot: Snapshot) -> None:
        """Replace the kept history of a run; a snapshot without a history changes nothing."""
        if snapshot.history is None:
            return
        self.forget(snapshot.instance.instance_id)
        self._last[snapshot.instance.instance_id] = snapshot
        self._room -= _size(snapshot)
        while self._room < 0:
            self.forget(next(iter(self._last)))

    def forget(self, instance_id: str) -> None:
        """Drop the kept history of a run that has ended."""
        if last := self._last.pop(instance_id, None):
            self._room += _size(last)

    def mark_purged(self, gone_at: Mapping[str, datetime]) -> None:
        """Record when the engine no longer had the ids, and write their last histories.

        A history that the ledger already has stays, and so does the history of a run that was
        purged before.
        """
        if not gone_at:
            return
        self._write_last([self._last[each] for each in gone_at if each in self._last])
        self._ledger.runs.mark_purged(gone_at)

    def mark_lost(self, instance_id: str, error: HistoryLost, at: datetime) -> None:
        """Record that the engine cannot read a run any more, with its last history.

        A run that has ended, or that was purged, stays as it is.
        """
        run = self._ledger.runs.latest(instance_id)
        if run and not (run.status.is_finished or run.purged_at):
            self._write_last([self._last[instance_id]] if instance_id in self._last else [])
            self._ledger.runs.ingest([snapshot_of_lost(run, error, at)])

    def _write(self, batch: Sequence[Snapshot], unwritten: Unwritten) -> None:
        try:
            unwritten.stale.update(self._ledger.runs.ingest(batch))
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one snapshot must not block the others
            if len(batch) == 1:
                unwritten.refused[batch[0].instance.instance_id] = error
                return
            for snapshot in batch:
                self._write([snapshot], unwritten)

    def _write_last(self, last: Sequence[Snapshot]) -> None:
        if not last:
            return
        runs = self._ledger.runs
        by_id = {each.instance.instance_id: each for each in last}
        archived = runs.archived(by_id)
        missing = [
            by_id[each]
            for each, run in runs.latest_by_id(by_id).items()
            if each not in archived
            and run.purged_at is None
            and run.execution_id == by_id[each].timeline.execution_id
        ]
        runs.keep_histories(missing)


def _batches(snapshots: Sequence[Snapshot], size: int) -> Iterator[Sequence[Snapshot]]:
    for start in range(0, len(snapshots), size):
        yield snapshots[start : start + size]


def _size(snapshot: Snapshot) -> int:
    return sum(_EVENT + len(event.payload or event.raw or "") for event in snapshot.history or ())
