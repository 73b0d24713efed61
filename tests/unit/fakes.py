"""A gateway to an engine in memory."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from operations.errors import (
    FlowdeckError,
    HistoryLost,
    InstanceExists,
    NotFinished,
    UnknownInstance,
)
from operations.gateway import HistorySize, IdPage
from operations.history import HistoryEvent
from operations.model import DaprHealth, Instance, Status

Hook = Callable[[], object]
CREATED = datetime(2026, 1, 11, 12, 0, 0, tzinfo=UTC)


def instance(instance_id: str, status: Status, payload: str | None = None) -> Instance:
    """Return an instance of the order workflow."""
    return Instance(instance_id, "order_workflow", status, CREATED, CREATED, input=payload)


class FakeGateway:
    """Keeps instances as Dapr does: a start erases a finished one, an action on one succeeds.

    By method, `errors` are the errors that the next calls raise instead of acting, `late_errors`
    those that they raise after acting, and `during` is a function that runs within each call.
    `scheduled` has the due time of each instance with a scheduled start; nothing starts them.
    `lost` has the ids of instances that cannot be read, because their history is lost.
    `raised` has the external events, `forced` the number of forced purges, and `purge_timeouts`
    and `start_timeouts` the timeouts of each purge and start. `history_sizes` are by instance id.
    """

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}
        self.events: dict[str, Sequence[HistoryEvent]] = {}
        self.scheduled: dict[str, datetime] = {}
        self.lost: set[str] = set()
        self.raised: list[tuple[str, str, str | None]] = []
        self.forced = 0
        self.purge_timeouts: list[float | None] = []
        self.start_timeouts: list[float | None] = []
        self.calls: Counter[str] = Counter()
        self.errors: dict[str, list[FlowdeckError]] = {}
        self.late_errors: dict[str, list[FlowdeckError]] = {}
        self.during: dict[str, Hook] = {}
        self.max_body_size: int | None = None
        self.history_sizes: dict[str, HistorySize] = {}
        self.first_status = Status.RUNNING
        self.app = "orders"
        self.dapr_health = DaprHealth(version="1.18.2", problems=())
        self._lock = threading.Lock()

    def put(self, found: Instance) -> None:
        """Add or replace an instance, as another client of the engine would."""
        self.instances[found.instance_id] = found

    def set_status(self, instance_id: str, status: Status) -> None:
        """Change the status of an instance."""
        self.put(replace(self.instances[instance_id], status=status))

    def app_id(self, *, fresh: bool = False) -> str:
        """Return the id of the application; not counted in `calls`, because a gateway caches it."""
        del fresh
        if self.errors.get("app_id"):
            raise self.errors["app_id"][0]
        return self.app

    def start(
        self,
        workflow: str,
        instance_id: str,
        payload: str,
        scheduled_for: datetime | None = None,
        timeout: float | None = None,
    ) -> None:
        """Start an instance, unless an unfinished one has the id."""
        self._enter("start")
        self.start_timeouts.append(timeout)
        with self._lock:
            existing = self.instances.get(instance_id)
            if existing and not existing.status.is_finished:
                raise InstanceExists(instance_id, "an instance with it is running")
            if scheduled_for:
                self.scheduled[instance_id] = scheduled_for
                self.put(Instance(instance_id, "", Status.PENDING, None, None))
            else:
                status = self.first_status
                self.put(Instance(instance_id, workflow, status, CREATED, CREATED, input=payload))
        self._leave("start")

    def state(self, instance_id: str) -> Instance | None:
        """Return an instance without its history."""
        self._enter("state")
        self._ensure_readable(instance_id)
        return self.instances.get(instance_id)

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Return the events of an instance."""
        self._enter("history")
        self._ensure_readable(instance_id)
        if instance_id not in self.instances:
            raise UnknownInstance(instance_id)
        return tuple(self.events.get(instance_id, ()))

    def history_size(self, instance_id: str) -> HistorySize:
        """Return the size that a test set."""
        self._enter("history_size")
        if instance_id not in self.instances:
            raise UnknownInstance(instance_id)
        return self.history_sizes.get(instance_id, HistorySize())

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of ids; as with Dapr, a full page always has a next one, maybe empty."""
        self._enter("ids")
        start = int(token or 0)
        found = tuple(self.instances)[start : start + page_size]
        return IdPage(found, str(start + page_size) if len(found) == page_size else None)

    def pause(self, instance_id: str) -> None:
        """Suspend an instance."""
        self._act("pause", instance_id, Status.SUSPENDED)

    def resume(self, instance_id: str) -> None:
        """Resume an instance."""
        self._act("resume", instance_id, Status.RUNNING)

    def terminate(self, instance_id: str) -> None:
        """Terminate an instance."""
        self._act("terminate", instance_id, Status.TERMINATED)

    def purge(
        self,
        instance_id: str,
        *,
        recursive: bool = True,
        force: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Remove an instance, after its children."""
        self._enter("purge")
        self.purge_timeouts.append(timeout)
        if instance_id not in self.instances:
            raise UnknownInstance(instance_id)
        if not (force or self.instances[instance_id].status.is_finished):
            raise NotFinished(instance_id)
        for event in self.events.get(instance_id, ()) if recursive or force else ():
            if event.kind.startswith("child") and event.instance_id in self.instances:
                self.purge(event.instance_id, recursive=recursive, force=force)
        self.forced += force
        del self.instances[instance_id]
        self._leave("purge")

    def rerun(self, source_id: str, event_id: int, new_id: str, payload: str | None = None) -> None:
        """Add a running instance whose history has the event that the rerun starts from."""
        self._enter("rerun")
        if source_id not in self.instances:
            raise UnknownInstance(source_id)
        with self._lock:
            if new_id in self.instances:
                raise InstanceExists(new_id, "by another instance")
            self.put(replace(self.instances[source_id], instance_id=new_id, status=Status.RUNNING))
        event = next(e for e in self.events[source_id] if e.event_id == event_id)
        new_payload = payload if payload is not None else event.payload
        scheduled_again = replace(event, rerun_of=source_id, payload=new_payload)
        started = (e for e in self.events[source_id] if e.kind == "executionStarted")
        self.events[new_id] = (*started, scheduled_again)
        self._leave("rerun")

    def raise_event(self, instance_id: str, name: str, payload: str | None = None) -> None:
        """Add an external event to `raised`; a finished instance ignores it."""
        self._enter("raise")
        if instance_id not in self.instances:
            raise UnknownInstance(instance_id)
        if not self.instances[instance_id].status.is_finished:
            self.raised.append((instance_id, name, payload))
        self._leave("raise")

    def health(self) -> DaprHealth:
        """Return `dapr_health`, which tests set."""
        self._enter("health")
        return self.dapr_health

    def _act(self, method: str, instance_id: str, status: Status) -> None:
        self._enter(method)
        if instance_id not in self.instances:
            raise UnknownInstance(instance_id)
        if not self.instances[instance_id].status.is_finished:
            self.set_status(instance_id, status)
        self._leave(method)

    def _ensure_readable(self, instance_id: str) -> None:
        if instance_id in self.lost and instance_id in self.instances:
            raise HistoryLost(instance_id, "The history key 'history-000000' is missing")

    def _enter(self, method: str) -> None:
        with self._lock:
            self.calls[method] += 1
            error = self.errors[method].pop(0) if self.errors.get(method) else None
        if error:
            raise error
        self.during.get(method, lambda: None)()

    def _leave(self, method: str) -> None:
        if self.late_errors.get(method):
            raise self.late_errors[method].pop(0)
