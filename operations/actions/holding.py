"""Whoever acts on an instance holds it, so that nobody else does at the same moment."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from operations.actions.spite import in_spite_of_the_ledger
from operations.errors import ActionInProgress
from operations.ledger import Ledger
from operations.ledger.leases import LASTS, Lease
from operations.model import Action

PATIENCE = 1.0  # seconds to wait for another action on the same instance
BETWEEN_TRIES = 0.05  # seconds


class Holding:
    """Shuts out others: Dapr checks nothing, and two pauses at a time wreck an instance."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @contextmanager
    def alone_on(self, instance_id: str, action: Action) -> Iterator["Held"]:
        """Hold the instance; raises `ActionInProgress`, and `LedgerUnavailable`."""
        held = Held(self._ledger, self._hold(instance_id, action), action)
        try:
            yield held
        finally:
            self._release(held.hold)

    @contextmanager
    def alone_if_it_can_be(self, instance_id: str, action: Action) -> Iterator[bool]:
        """Hold the instance, but without the ledger act all the same; yield whether it is held.

        It must be possible to stop what runs wild.
        """
        hold: Lease | None = None
        with in_spite_of_the_ledger("an action", instance_id):
            hold = self._hold(instance_id, action)
        try:
            yield hold is not None
        finally:
            if hold:
                self._release(hold)

    def _hold(self, instance_id: str, action: Action) -> Lease:
        deadline = time.monotonic() + PATIENCE
        while True:
            if hold := self._ledger.leases.take(instance_id):
                return hold
            if time.monotonic() > deadline:
                raise ActionInProgress(action, instance_id)
            time.sleep(BETWEEN_TRIES)

    def _release(self, hold: Lease) -> None:
        with in_spite_of_the_ledger("an action", hold.instance_id):
            self._ledger.leases.release(hold)  # or it lapses by itself


class Held:
    """An instance that is held, and is held on by who takes long."""

    def __init__(self, ledger: Ledger, hold: Lease, action: Action) -> None:
        self._ledger = ledger
        self._action = action
        self._lapses = time.monotonic() + LASTS
        self.hold = hold

    def hold_on(self) -> None:
        """Hold it for longer, if it is time; raises `ActionInProgress` if another has it by now."""
        if self._lapses - time.monotonic() > LASTS / 2:
            return
        renewed = self._ledger.leases.renew(self.hold)
        if renewed is None:
            raise ActionInProgress(self._action, self.hold.instance_id)
        self.hold, self._lapses = renewed, time.monotonic() + LASTS
