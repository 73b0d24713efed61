"""Purges: archive first, then have the engine forget, and note who wanted it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from operations.actions.families import ensure_finished, family_of, sight_what_can_be
from operations.actions.holding import Held, Holding
from operations.actions.noting import Noting, deed_of
from operations.actions.requests import Request
from operations.actions.spite import in_spite_of_the_ledger
from operations.errors import (
    ActionNotAllowed,
    AnotherLife,
    EngineUnavailable,
    NotArchived,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Status, allowed_actions
from operations.records import Outcome, Sighting
from operations.sighting import sight


@dataclass(frozen=True)
class Purged:
    """The outcome of a purge: `ids` are those that the engine has forgotten by it."""

    instance_id: str
    before: Status
    ids: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the purge did anything: False when the engine had forgotten it already."""
        return bool(self.ids)


@dataclass(frozen=True)
class How:
    """How to purge: also what has not ended (`force`), and with its descendants (`recursive`)."""

    force: bool = False
    recursive: bool = True


class Purging:
    """Purges instances: `Actions.purge` says what it does, and what it raises."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._holding = Holding(ledger)
        self._noting = Noting(gateway, ledger)

    def purge(self, instance_id: str, request: Request, how: How) -> Purged:
        """Purge alone; without the ledger nothing is purged, for nothing could be archived."""
        with (
            self._noting.failure_of(request, Action.PURGE, instance_id) as attempt,
            self._holding.alone_on(instance_id, Action.PURGE) as held,
        ):
            before = self._gateway.state(instance_id)
            if before is None:
                return self._gone_already(instance_id, request)
            attempt.before = before.status
            self._noting.ensure_life(instance_id, request)
            family = self._archived(instance_id, how, held)
            self._forget(family, how)
            with in_spite_of_the_ledger("a purge", instance_id):  # or the recorder finds it gone
                self._ledger.instances.mark_purged(dict.fromkeys(_ids(family), datetime.now(UTC)))
            self._note(family, before.status, request)
            return Purged(instance_id, before.status, _ids(family))

    def _archived(self, instance_id: str, how: How, held: Held) -> tuple[Sighting, ...]:
        """Return what is going to be purged, once the ledger holds all of it."""
        root = self._sighted(instance_id, how)
        status = root.instance.status
        if Action.PURGE not in allowed_actions(status, forced=how.force):
            raise ActionNotAllowed(Action.PURGE, instance_id, status)
        family: tuple[Sighting, ...] = (root,)
        if how.recursive or how.force:
            family = family_of(self._gateway, root, held.hold_on)
        if not how.force:
            ensure_finished(family)
        elif not how.recursive and _have_finished(family):
            family = (root,)  # force, which takes all along, is not needed
        held.hold_on()
        self._ledger.instances.record(family)
        if how.force:
            held.hold_on()
            self._ledger.instances.keep_histories(family)
        kept = self._ledger.instances.archived(_ids(family))
        for each in family:
            if kept.get(each.instance.instance_id) is not each.instance.status:
                raise NotArchived(each.instance.instance_id)
        held.hold_on()
        return family

    def _sighted(self, instance_id: str, how: How) -> Sighting:
        """Read the instance; one that is pending is ended first, for force alone does not do it."""
        look = sight_what_can_be if how.force else sight
        root = look(self._gateway, instance_id)
        if root and how.force and root.instance.status is Status.PENDING:
            self._gateway.terminate(instance_id)
            root = look(self._gateway, instance_id)
        if root is None:
            raise UnknownInstance(instance_id)
        return root

    def _forget(self, family: tuple[Sighting, ...], how: How) -> None:
        """Have the engine forget, and look whether it has."""
        instance_id = family[0].instance.instance_id
        unknown: OutcomeUnknown | None = None
        try:
            self._gateway.purge(
                instance_id,
                recursive=how.recursive,
                force=how.force and not _have_finished(family),
            )
        except OutcomeUnknown as error:
            unknown = error
        except UnknownInstance:  # somebody else was faster, unless it shows all the same
            unknown = None
        try:
            there = self._gateway.state(instance_id)
        except EngineUnavailable as error:
            raise unknown or OutcomeUnknown("purge", str(error)) from error
        if there:
            raise unknown or OutcomeUnknown("purge", f"the instance still shows {there.status}")

    def _gone_already(self, instance_id: str, request: Request) -> Purged:
        entry = self._ledger.instances.latest(instance_id)
        if entry is None:
            raise UnknownInstance(instance_id)
        if request.life not in (None, entry.key):
            raise AnotherLife(instance_id)
        if entry.purged_at is None:
            self._ledger.instances.mark_purged({instance_id: datetime.now(UTC)})
        unchanged = Outcome.UNCHANGED
        self._noting.note(deed_of(request, Action.PURGE, instance_id, entry.status, unchanged))
        return Purged(instance_id, entry.status)

    def _note(self, family: tuple[Sighting, ...], before: Status, request: Request) -> None:
        """Note it for the instance and, with whom they went, for its descendants."""
        root, *descendants = (each.instance for each in family)
        by_force = None if root.status.is_finished else "by force"
        deed = deed_of(request, Action.PURGE, root.instance_id, before)
        of_children = (
            replace(
                deed_of(request, Action.PURGE, each.instance_id, each.status),
                message=f"with {root.instance_id!r}",
            )
            for each in descendants
        )
        self._noting.note_all([replace(deed, message=by_force), *of_children])


def _have_finished(family: tuple[Sighting, ...]) -> bool:
    return all(each.instance.status.is_finished for each in family)


def _ids(family: tuple[Sighting, ...]) -> tuple[str, ...]:
    return tuple(each.instance.instance_id for each in family)
