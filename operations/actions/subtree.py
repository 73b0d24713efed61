"""Reads an instance with its descendants from the engine, and purges them there.

The engine purges the descendants one after another, some milliseconds each, and the instance last.
It stops in the middle when the caller no longer waits.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from operations.actions.context import ActionLimits
from operations.actions.leasing import InstanceLease
from operations.actions.recording import after_call
from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    NotFinished,
    OutcomeUnknown,
    TooManyDescendants,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.records import Snapshot
from operations.snapshots import read_snapshot, read_snapshot_or_state


@dataclass(frozen=True)
class PurgeOptions:
    """How to purge: unfinished instances too (`force`), and descendants too (`recursive`)."""

    force: bool = False
    recursive: bool = True


@dataclass(frozen=True)
class Subtree:
    """An instance, and its descendants that the engine has; each parent precedes its children."""

    root: Snapshot
    descendants: tuple[Snapshot, ...] = ()

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The instance and its descendants."""
        return (self.root, *self.descendants)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the instance and its descendants."""
        return ids_of(self.snapshots)

    @property
    def is_finished(self) -> bool:
        """Whether the instance and all of its descendants have finished."""
        return all(each.instance.status.is_finished for each in self.snapshots)

    def ensure_descendants_finished(self) -> None:
        """Raise `NotFinished` if a descendant has not finished."""
        for each in self.descendants:
            if not each.instance.status.is_finished:
                raise NotFinished(self.root.instance.instance_id, each.instance.instance_id)


def ids_of(snapshots: tuple[Snapshot, ...]) -> tuple[str, ...]:
    """Return the ids of snapshots."""
    return tuple(each.instance.instance_id for each in snapshots)


class Subtrees:
    """Reads and purges subtrees of instances in the engine."""

    def __init__(self, gateway: Gateway, limits: ActionLimits) -> None:
        self._gateway = gateway
        self._limits = limits

    def read_root(self, instance_id: str, *, allow_missing_history: bool) -> Snapshot:
        """Read an instance; raise `UnknownInstance`.

        With `allow_missing_history`, an instance whose history the engine cannot send gets an empty
        history.
        """
        read = read_snapshot_or_state if allow_missing_history else read_snapshot
        root = read(self._gateway, instance_id)
        if root is None:
            raise UnknownInstance(instance_id)
        return replace(root, history=root.history or ()) if allow_missing_history else root

    def read(self, root: Snapshot, lease: InstanceLease) -> Subtree:
        """Read the descendants of an instance, and renew its lease; raise `TooManyDescendants`.

        The children of earlier generations of continue-as-new are not in the history any more.
        """
        root_id, limit = root.instance.instance_id, self._limits.max_descendants
        found, unread = {root_id: root}, deque(_children(root))
        while unread:
            child_id = unread.popleft()
            lease.renew_if_due()
            child = None if child_id in found else read_snapshot(self._gateway, child_id)
            if child is None:
                continue
            found[child_id] = child
            unread.extend(_children(child))
            if len(found) > limit + 1:
                raise TooManyDescendants(root_id, limit)
        return Subtree(root, tuple(found.values())[1:])

    def purged_descendants(self, subtree: Subtree) -> tuple[Snapshot, ...]:
        """Return the descendants that the engine no longer has, or some of them in an outage."""
        purged: list[Snapshot] = []
        with suppress(DaprUnavailable, DaprRefused):  # the recorder finds the others
            purged.extend(
                each
                for each in subtree.descendants
                if self._gateway.state(each.instance.instance_id) is None
            )
        return tuple(purged)

    def purge(
        self, subtree: Subtree, options: PurgeOptions, lease: InstanceLease, deadline: float
    ) -> OutcomeUnknown | None:
        """Purge a subtree in the engine, until `deadline` (monotonic seconds) at most.

        Return an error if the outcome is unknown, None if the instance is purged. Raise the errors
        of `Gateway.purge`.
        """
        lease.renew_if_due()
        instance_id = subtree.root.instance.instance_id
        unknown: OutcomeUnknown | None = None
        try:
            self._gateway.purge(
                instance_id,
                recursive=options.recursive,
                force=options.force and not subtree.is_finished,
                timeout=self._seconds(deadline),
            )
        except OutcomeUnknown as error:
            unknown = error
        except UnknownInstance:  # another purge was faster, or the read below finds the instance
            unknown = None
        with after_call("purge"):
            instance = self._gateway.state(instance_id)
        if instance is None:
            return None
        return unknown or OutcomeUnknown("purge", f"the instance still shows {instance.status}")

    def _seconds(self, deadline: float) -> float:
        remaining = max(self._limits.min_purge_call, deadline - time.monotonic())
        return min(self._limits.max_purge_call, remaining)


def _children(snapshot: Snapshot) -> Iterator[str]:
    """Yield the ids of the children in a history."""
    for event in snapshot.history or ():
        if event.kind == "childWorkflowInstanceCreated" and event.instance_id:
            yield event.instance_id
