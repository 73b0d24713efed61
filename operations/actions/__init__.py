"""What an operator can do: check, act, read again, and note who did it."""

import json
from collections.abc import Mapping
from datetime import datetime

from operations.actions.acting import Acted, Acting
from operations.actions.starting import Started, Starting
from operations.errors import UnknownInstance
from operations.gateway import Gateway
from operations.ledger import Ledger, Start
from operations.model import Action, Actor, Instance

__all__ = ["Acted", "Actions", "Started"]


class Actions:
    """Acts on instances through the gateway, with the ledger as the memory of who did what.

    Every method may raise `EngineUnavailable`, `EngineRefused` and `LedgerUnavailable`.
    """

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._starting = Starting(gateway, ledger)
        self._acting = Acting(gateway, ledger)

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
        wanted = Start(instance_id, workflow, text, actor, scheduled_for=scheduled_for)
        return self._starting.start(wanted, finished_counts=finished_counts)

    def act(self, action: Action, instance_id: str, actor: Actor) -> Acted:
        """Pause, resume or terminate an instance; one where the goal is reached is left alone.

        Raises `UnknownInstance`, `ActionNotAllowed` and `OutcomeUnknown`.
        """
        return self._acting.act(action, instance_id, actor)
