"""What Flowdeck asks of a workflow engine, whichever it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from operations.history import HistoryEvent
from operations.model import DaprHealth, Instance


@dataclass(frozen=True)
class IdPage:
    """A part of the list of instances; `next` is the token of the part after it, if there is one.

    The list is read while it changes: an id may stand on two pages, and the last may be empty.
    """

    ids: tuple[str, ...]
    next: str | None


class Gateway(Protocol):
    """What Flowdeck asks of a workflow engine.

    Every method raises `DaprUnavailable` when the engine cannot be reached and `DaprRefused`
    for an answer that has no name here; the ones that change something raise `OutcomeUnknown` when
    no answer came in time. None blocks for longer than its deadline.
    """

    def app_id(self) -> str:
        """Return the id of the application that the sidecar belongs to.

        It is remembered after the first answer; before that it raises `DaprUnavailable`.
        """

    def start(
        self,
        workflow: str,
        instance_id: str,
        payload: str,
        scheduled_for: datetime | None = None,
    ) -> None:
        """Start an instance with a JSON payload; `InstanceExists` if one with this id is running.

        A finished one with this id is erased: callers must know that there is none. `scheduled_for`
        is an aware time; until then the instance is pending, and the engine tells nothing else.
        """

    def state(self, instance_id: str) -> Instance | None:
        """Return the instance, or None if the engine has none with this id."""

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Return the instance's events in the order of processing; `UnknownInstance` if none.

        A pending instance has no events yet.
        """

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return the ids of a part of all instances: the first, or the one that a token stands for.

        Raises `DaprRefused`, with the remedy, when an instance breaks the whole list.
        """

    def pause(self, instance_id: str) -> None:
        """Suspend the instance; `UnknownInstance` if there is none."""

    def resume(self, instance_id: str) -> None:
        """Resume the instance; `UnknownInstance` if there is none."""

    def terminate(self, instance_id: str) -> None:
        """Terminate the instance and its children; `UnknownInstance` if there is none."""

    def purge(
        self,
        instance_id: str,
        *,
        recursive: bool = True,
        force: bool = False,
        patience: float | None = None,
    ) -> None:
        """Have the engine forget an instance, and its descendants first if `recursive`.

        They go one after the other, while somebody waits for it: for `patience` seconds at most.

        `UnknownInstance` if there is none, `NotFinished` if it, or a descendant, has not ended;
        what it had forgotten by then stays forgotten. With `force` it and its descendants are
        forgotten where they stand, except for one that is pending: that is unknown to it.
        """

    def rerun(self, source_id: str, event_id: int, new_id: str, payload: str | None = None) -> None:
        """Run a finished instance again from one of its events on, as another instance.

        `payload` is JSON text in the place of that event's input, `null` among them; None keeps the
        input. Raises `UnknownInstance` for the source, `InstanceExists` if there is an instance
        `new_id`, even a finished one, and `NotRerunnable` for what cannot be run again.
        """

    def raise_event(self, instance_id: str, name: str, payload: str | None = None) -> None:
        """Raise an external event with JSON text, or with nothing; `UnknownInstance` if none.

        It is stored, and processed as soon as the instance runs. One that is pending begins at
        once, and one that has finished takes no notice: callers must know its status.
        """

    def health(self) -> DaprHealth:
        """Return what the sidecar says of itself and of what it needs."""
