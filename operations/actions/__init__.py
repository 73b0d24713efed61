"""What an operator can do: check, act, read again, and note who did it and why."""

import json
from collections.abc import Mapping
from datetime import datetime

from operations.actions.acting import Acted, Acting
from operations.actions.forgetting import How
from operations.actions.purging import Purged, Purging
from operations.actions.raising import Raising
from operations.actions.requests import Request
from operations.actions.rerunning import Reran, Rerunning, made_up_id, planned
from operations.actions.starting import Started, Starting
from operations.errors import NotRerunnable, UnknownInstance
from operations.gateway import Gateway
from operations.ledger import Ledger, Reservation
from operations.model import Action, Actor, Instance
from operations.timeline.rerun_plan import RerunPlan, first_step

__all__ = ["Acted", "Actions", "How", "Purged", "Request", "Reran", "Started"]


class Actions:
    """Acts on instances through the gateway, with the ledger as the memory of who did what.

    Every method may raise `DaprUnavailable`, `DaprRefused` and `LedgerUnavailable`, and those
    that act `InvalidInput` for a reason (`why`) that is too long, `ActionNotAllowed` for a status
    that does not allow it, `ActionInProgress` and `OutcomeUnknown`.
    """

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._starting = Starting(gateway, ledger)
        self.acting = Acting(gateway, ledger)
        self.purging = Purging(gateway, ledger)
        self.rerunning = Rerunning(gateway, ledger)
        self.raising = Raising(gateway, ledger)

    def read(self, instance_id: str) -> Instance:
        """Return the instance as it is now; raises `UnknownInstance`."""
        instance = self._gateway.state(instance_id)
        if instance is None:
            raise UnknownInstance(instance_id)
        return instance

    def start(  # noqa: PLR0913 - what to start, who starts it, and how
        self,
        workflow: str,
        instance_id: str,
        payload: Mapping[str, object],
        actor: Actor,
        *,
        finished_counts: bool = False,
        scheduled_for: datetime | None = None,
    ) -> Started:
        """Start an instance once, however often and from wherever the same start is asked for.

        `scheduled_for` is an aware time to come, None for now; it does not make two starts
        different. The same start again returns the instance that runs; one that has finished only
        if `finished_counts`, which is for ids that the caller made up for this one start, or if
        nobody had been told of it when this request came.
        Raises `InvalidInput` for an unsafe id, `InstanceExists` for one that is taken, and
        `OutcomeUnknown` when the engine, or another request with the same start, takes too long.
        """
        text = json.dumps(payload, sort_keys=True)
        wanted = Reservation(instance_id, workflow, text, actor, scheduled_for=scheduled_for)
        return self._starting.start(wanted, finished_counts=finished_counts)

    def act(self, action: Action, instance_id: str, actor: Actor, reason: str = "") -> Acted:
        """Pause, resume or terminate an instance; one where the goal is reached is left alone.

        Raises `UnknownInstance`.
        """
        return self.acting.act(action, instance_id, Request(actor, reason))

    def purge(
        self, instance_id: str, actor: Actor, reason: str = "", how: How | None = None
    ) -> Purged:
        """Have the engine forget an instance, once the ledger has archived it.

        So it is with its descendants, which are archived first too. By force one is purged as well
        that has not ended: what its history holds by then is archived, activities under way run to
        their end for nobody, and a parent that waits for it waits for ever. One that the engine has
        forgotten already is left alone.
        Raises `UnknownInstance`, `NotFinished` if a descendant has not ended, and `NotArchived`.
        """
        return self.purging.purge(instance_id, Request(actor, reason), how or How())

    def rerun(  # noqa: PLR0913 - what to run again, from where, as what, and who wants it
        self,
        source_id: str,
        event_id: int,
        actor: Actor,
        reason: str = "",
        *,
        new_id: str | None = None,
        payload: str | None = None,
    ) -> Reran:
        """Run a finished instance again from one of its events on, as another instance, once.

        `payload` is JSON text in the place of the input of that event: the activity's or the
        child's, not the workflow's; None keeps it. Without a `new_id` one is made up.
        Raises `UnknownInstance`, `NotRerunnable`, `InvalidInput` for an unsafe id, `InstanceExists`
        for one that is taken.
        """
        wanted = made_up_id(source_id) if new_id is None else new_id
        return self.rerunning.rerun(source_id, event_id, wanted, payload, Request(actor, reason))

    def rerun_plan(self, source_id: str, event_id: int | None = None) -> RerunPlan:
        """Return what a rerun from an event would keep and run again; from the first if None.

        Raises as `rerun` does.
        """
        source = self.rerunning.source(source_id)
        if event_id is not None:
            return planned(source, event_id)
        first = first_step(source.history or ())
        if first is None:
            raise NotRerunnable(source_id, "it has no activity, timer or child")
        return planned(source, first.event_id)

    def raise_event(
        self,
        instance_id: str,
        name: str,
        payload: str | None,
        actor: Actor,
        reason: str = "",
    ) -> Acted:
        """Raise an external event with JSON text, or with nothing, to an instance that runs.

        One that is suspended takes it when it goes on. To raise it again is to raise another.
        Raises `UnknownInstance`, and `InvalidInput` for a name that is none.
        """
        return self.raising.raise_event(instance_id, name, payload, Request(actor, reason))
