"""The query and the body of the audit log."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.list_query import MAX_PAGE, MAX_TEXT, Time, number
from operations.actions.context import MAX_REASON_LENGTH
from operations.audit_filter import AUDITED_ACTIONS, AuditFilter, AuditPage
from operations.export.audit_rows import audit_object
from operations.export.export import ExportFormat
from operations.model import Status
from operations.records import Outcome
from operations.time_texts import TIME_TEXT

_ACTIONS = f"one or more of {', '.join(AUDITED_ACTIONS)}"


def _audited(action: str) -> str:
    if action not in AUDITED_ACTIONS:
        raise ValueError(_ACTIONS)
    return action


AuditedAction = Annotated[
    str, Field(json_schema_extra={"enum": list(AUDITED_ACTIONS)}), AfterValidator(_audited)
]


class AuditFilterQuery(BaseModel):
    """The filters of the audit log; a missing filter matches every entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str = Field(
        "", max_length=MAX_TEXT, description=f"who acted, at most {MAX_TEXT} characters"
    )
    action: list[AuditedAction] = Field([], description=_ACTIONS)
    outcome: list[Outcome] = Field([], description=f"one or more of {', '.join(Outcome)}")
    instance: str = Field(
        "",
        max_length=MAX_TEXT,
        description=f"the id of an instance, at most {MAX_TEXT} characters",
        examples=["order_ORDER001"],
    )
    since: Time = Field(None, description=f"{TIME_TEXT}: acted then or later")
    until: Time = Field(None, description=f"{TIME_TEXT}: acted before")
    reason: str = Field(
        "",
        max_length=MAX_REASON_LENGTH,
        description=f"a part of the reason, at most {MAX_REASON_LENGTH} characters",
    )
    bulk: str = Field("", max_length=64, description="the id of a bulk job, at most 64 characters")

    @property
    def filter(self) -> AuditFilter:
        """The ledger's filter."""
        return AuditFilter(
            actor=self.actor,
            actions=frozenset(self.action),
            outcomes=frozenset(self.outcome),
            instance_id=self.instance,
            since=self.since,
            until=self.until,
            reason=self.reason,
            bulk_id=self.bulk,
        )


class AuditQuery(AuditFilterQuery):
    """The filters and the page."""

    limit: Annotated[int, BeforeValidator(number)] = Field(
        50, ge=1, le=MAX_PAGE, description=f"a whole number from 1 to {MAX_PAGE}"
    )
    cursor: str | None = Field(
        None, description="`next` or `previous` of a response to the same query"
    )


class AuditExportQuery(AuditFilterQuery):
    """The filters and the format of the file."""

    format: ExportFormat = Field(ExportFormat.CSV, description=f"one of {', '.join(ExportFormat)}")


class AuditEntrySchema(BaseModel):
    """Who did what to which instance, when, why, and with which outcome.

    `before` and `after` are the statuses of the instance, null if they are not known. `message`
    says why an action was refused, or why its outcome is unknown.
    """

    at: datetime
    actor: str
    role: str
    action: str
    app_id: str | None = None
    instance_id: str
    before: Status | None = None
    after: Status | None = None
    outcome: Outcome
    reason: str | None = None
    message: str | None = None
    bulk_id: str | None = Field(None, description="The bulk job that the action was part of.")


class AuditResponse(BaseModel):
    """A page of the audit log, the newest entry first.

    `next` and `previous` are the cursors of the neighbouring pages, null if there is none.
    """

    entries: list[AuditEntrySchema]
    next: str | None = None
    previous: str | None = None


def audit_body(page: AuditPage) -> dict[str, Any]:
    """Return the body for a page of the audit log."""
    return {
        "entries": [audit_object(entry) for entry in page.entries],
        "next": page.older,
        "previous": page.newer,
    }
