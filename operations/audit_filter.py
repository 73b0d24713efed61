"""Which entries of the audit log a reader wants, and a page of them."""

from dataclasses import dataclass
from datetime import datetime

from operations.bulk_job import CANCEL_JOB
from operations.errors import InvalidInput
from operations.failure_groups import MARK_KNOWN, UNMARK_KNOWN
from operations.model import Action
from operations.recorder_report import ACKNOWLEDGE_DAMAGE
from operations.records import START, AuditEntry, Outcome

AUDITED_ACTIONS = (
    START,
    *(action.value for action in Action),
    CANCEL_JOB,
    MARK_KNOWN,
    UNMARK_KNOWN,
    ACKNOWLEDGE_DAMAGE,
)
"""The actions that the audit log has entries of."""


@dataclass(frozen=True)
class AuditFilter:
    """Selects entries of the audit log: an entry must match every field that is set.

    `since` (inclusive) and `until` (exclusive) limit the time of the entry, aware UTC. `reason` is
    a part of the reason, in any case of the letters A to Z. The other texts match whole values.
    Raise `InvalidInput` for an action that is none of `AUDITED_ACTIONS`.
    """

    actor: str = ""
    actions: frozenset[str] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()
    instance_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    bulk_id: str = ""

    def __post_init__(self) -> None:
        if unknown := self.actions.difference(AUDITED_ACTIONS):
            raise InvalidInput("action", min(unknown), f"one of {', '.join(AUDITED_ACTIONS)}")


@dataclass(frozen=True)
class AuditPage:
    """A page of entries, the newest first, and the cursors of the pages beside it.

    `newer` and `older` are None if there is no such page.
    """

    entries: tuple[AuditEntry, ...]
    newer: str | None
    older: str | None
