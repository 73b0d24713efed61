"""The port: the calls that Flowdeck makes to a workflow engine."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from operations.history import HistoryEvent
from operations.model import DaprHealth, Instance


@dataclass(frozen=True)
class IdPage:
    """One page of the list of instance ids; `next` is the token of the next page, None at the end.

    The list changes while it is read: an id may be on two pages, and the last page may be empty.
    """

    ids: tuple[str, ...]
    next: str | None


@dataclass(frozen=True)
class HistorySize:
    """The bytes of an instance's history, and how many external events are in it."""

    size: int = 0
    raised_events: int = 0


class Gateway(Protocol):
    """The calls that Flowdeck makes to a workflow engine.

    Every method raises `DaprUnavailable` if the engine cannot be reached and `DaprRefused` for an
    error that has no class of its own. Reads of an instance raise `HistoryLost`. A gateway that is
    bound to one application raises `DaprUnavailable` while the sidecar belongs to another. Methods
    that change something raise `OutcomeUnknown` if no answer arrives in time. No method blocks
    longer than its timeout.
    """

    @property
    def max_body_size(self) -> int | None:
        """The bytes of the largest history that the engine continues, None if that is unknown.

        This is daprd's `--max-body-size`; daprd stalls an instance at 95% of it.
        """

    def app_id(self, *, fresh: bool = False) -> str:
        """Return the id of the application that the sidecar belongs to.

        The sidecar is asked until it has answered once; each answer to `health` renews the id. With
        `fresh` the sidecar is always asked, because the sidecar of another application may have
        taken the address. Raise `DaprUnavailable`.
        """

    def start(
        self,
        workflow: str,
        instance_id: str,
        payload: str,
        scheduled_for: datetime | None = None,
        timeout: float | None = None,
    ) -> None:
        """Start an instance with a JSON payload, at once or at an aware time.

        The engine answers when the instance runs, and ends the call when the caller stops waiting,
        after `timeout` seconds. Raise `InstanceExists` if an instance with this id is running. Dapr
        erases a finished instance with this id, so callers must know that there is none. An
        instance that is scheduled for later is PENDING, and the engine reports nothing else about
        it.
        """

    def state(self, instance_id: str) -> Instance | None:
        """Return the instance, None if the engine has none with this id."""

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Return the events of an instance in the order in which they were processed.

        A pending instance has no events. Raise `UnknownInstance`.
        """

    def history_size(self, instance_id: str) -> HistorySize:
        """Return the size of an instance's history; raise `UnknownInstance`."""

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of the ids of all instances: the first page, or the page of a token.

        Raise `DaprRefused` with the remedy if the id of one instance breaks the whole list.
        """

    def pause(self, instance_id: str) -> None:
        """Suspend an instance; raise `UnknownInstance`."""

    def resume(self, instance_id: str) -> None:
        """Resume an instance; raise `UnknownInstance`."""

    def terminate(self, instance_id: str) -> None:
        """Terminate an instance and its descendants; raise `UnknownInstance`."""

    def purge(
        self,
        instance_id: str,
        *,
        recursive: bool = True,
        force: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Remove a finished instance from the engine, its descendants first if `recursive`.

        Dapr removes them one by one and stops when the caller stops waiting, after `timeout`
        seconds; the instances removed by then stay removed. With `force` Dapr also removes
        instances that have not ended, except a pending one, which it does not find.
        Raise `UnknownInstance`, and `NotFinished` if the instance or a descendant has not ended.
        """

    def rerun(self, source_id: str, event_id: int, new_id: str, payload: str | None = None) -> None:
        """Run a finished instance again from one of its events, as a new instance.

        `payload` is JSON text that replaces the input of that event (`null` is a value); None
        keeps the input. Raise `UnknownInstance` for the source, `InstanceExists` if an instance
        `new_id` exists, even a finished one, and `NotRerunnable`.
        """

    def raise_event(self, instance_id: str, name: str, payload: str | None = None) -> None:
        """Raise an external event, with JSON text or without a payload.

        The engine stores the event and processes it when the instance runs. The event starts a
        pending instance at once, and a finished instance ignores it: callers must know the status.
        Raise `UnknownInstance`.
        """

    def health(self) -> DaprHealth:
        """Return the health that the sidecar reports of itself and of the services it needs."""
