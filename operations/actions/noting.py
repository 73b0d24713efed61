"""What was done is written down, with what it led to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from operations.actions.requests import Request
from operations.actions.spite import in_spite_of_the_ledger
from operations.errors import (
    AnotherLife,
    FlowdeckError,
    LedgerUnavailable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Status
from operations.records import Deed, Outcome, Sighting
from operations.sighting import sight

log = structlog.get_logger(__name__)


@dataclass
class Attempt:
    """What is tried: `before` is how the instance was, once that has been read."""

    before: Status | None = None


def deed_of(
    request: Request,
    action: Action,
    instance_id: str,
    before: Status | None,
    outcome: Outcome = Outcome.DONE,
) -> Deed:
    """Return what is about to be done, as if it were done."""
    return Deed(
        at=datetime.now(UTC),
        actor=request.actor,
        action=action,
        instance_id=instance_id,
        outcome=outcome,
        before=before,
        why=request.why or None,
        bulk=request.bulk,
    )


class Noting:
    """Writes deeds into the journal and the log, and what was acted on, as it is now."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger

    def note(self, deed: Deed) -> None:
        """Write down what was done and what it led to, so that no list says otherwise."""
        self.note_all([deed])
        if deed.outcome is not Outcome.REFUSED:
            with in_spite_of_the_ledger("an action", deed.instance_id):
                if seen := self._sighting(deed.instance_id):
                    self._ledger.instances.record([seen])

    def note_all(self, deeds: Sequence[Deed]) -> None:
        """Write down what was done, all together."""
        now = datetime.now(UTC)
        for deed in deeds:
            _log(deed)
        with in_spite_of_the_ledger("an action", deeds[0].instance_id):
            self._ledger.journal.note(*(replace(deed, at=now) for deed in deeds))

    @contextmanager
    def failure_of(self, request: Request, action: Action, instance_id: str) -> Iterator[Attempt]:
        """Note what is tried if it fails, with why; its success is for the doer to note.

        Nothing is noted of an instance that nobody knows, nor in a ledger that was not there.
        """
        attempt = Attempt()
        try:
            yield attempt
        except FlowdeckError as error:
            is_open = isinstance(error, OutcomeUnknown)
            outcome = Outcome.UNKNOWN if is_open else Outcome.REFUSED
            deed = deed_of(request, action, instance_id, attempt.before, outcome)
            deed = replace(deed, message=str(error))
            if isinstance(error, LedgerUnavailable):
                _log(deed)
            elif attempt.before or not isinstance(error, UnknownInstance):
                self.note(deed)
            raise

    def ensure_life(self, instance_id: str, request: Request) -> None:
        """Raise `AnotherLife` unless the id's present life is the one that is meant.

        To tell that, the engine and the ledger must be there.
        """
        if request.life is None:
            return
        if seen := sight(self._gateway, instance_id):
            self._ledger.instances.record([seen])
        latest = self._ledger.instances.latest(instance_id)
        if latest is None or latest.key != request.life:
            raise AnotherLife(instance_id)

    def _sighting(self, instance_id: str) -> Sighting | None:
        try:
            return sight(self._gateway, instance_id)
        except FlowdeckError:  # the recorder will see it
            return None


def _log(deed: Deed) -> None:
    log.info(
        f"{deed.action} {deed.instance_id}",
        instance_id=deed.instance_id,
        actor=deed.actor.name,
        before=deed.before or "unknown",
        after=deed.after or "unknown",
        outcome=deed.outcome,
    )
