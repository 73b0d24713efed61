"""The request bodies of the actions on an instance, and the query of a rerun plan."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.list_query import Time
from operations.actions import MAX_START_DELAY
from operations.actions.context import MAX_EVENT_NAME_LENGTH, MAX_REASON_LENGTH
from operations.json_bodies import JsonText
from operations.json_texts import MAX_DIGITS
from operations.model import INSTANCE_ID, MAX_ID_LENGTH
from operations.time_texts import TIME_TEXT

MAX_EVENT_ID = 2**31 - 1
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"


def _checked_json(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Refuse a value that is not JSON or has an integer of too many digits: it is no `JsonText`."""
    if not isinstance(value, JsonText):
        raise ValueError("not JSON")  # noqa: TRY004 - pydantic expects it
    return value


def _integer(value: object) -> object:
    """Accept 3.0 as 3: JSON has one type of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Json = Annotated[
    Any,
    Field(description=f"any JSON value, with integers of at most {MAX_DIGITS} digits"),
    AfterValidator(_checked_json),
]
Reason = Annotated[
    str,
    Field(
        max_length=MAX_REASON_LENGTH,
        pattern=_PRINTABLE,
        description=f"a text of up to {MAX_REASON_LENGTH} characters without control characters",
        examples=["The supplier was out of paper."],
    ),
]
Boolean = Annotated[bool, Field(description="true or false")]
_EVENT_ID = f"the id of an event of the instance's history, 0 to {MAX_EVENT_ID}"
EventId = Annotated[
    int,
    Field(ge=0, le=MAX_EVENT_ID, description=_EVENT_ID, examples=[3]),
    BeforeValidator(_integer),
]
NewId = Annotated[
    str,
    Field(
        pattern=ID_PATTERN,
        description=INSTANCE_ID,
        examples=["order_ORDER001-again"],
    ),
]
WorkflowName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_ID_LENGTH,
        pattern=_PRINTABLE,
        description=f"a text of 1 to {MAX_ID_LENGTH} characters without control characters",
        examples=["order_workflow"],
    ),
]
EventName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_EVENT_NAME_LENGTH,
        pattern=_PRINTABLE,
        description=f"a text of 1 to {MAX_EVENT_NAME_LENGTH} characters without control characters",
        examples=["approval"],
    ),
]


class ActionBody(BaseModel):
    """Why the action is requested; the audit log keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: Reason = ""

    def json_text(self, name: str) -> str | None:
        """Return a field's value as it was written, None if the request does not have the field."""
        value = getattr(self, name)
        return value.text if isinstance(value, JsonText) else None


class StartBody(ActionBody):
    """The workflow of the new instance, its input (null if it is missing), and when it starts."""

    workflow: WorkflowName
    input: Json = None
    start_at: Time = Field(
        None,
        description=f"{TIME_TEXT}, within {MAX_START_DELAY.days} days; now if null or missing",
    )

    @property
    def payload(self) -> str:
        """The input as JSON text."""
        return self.json_text("input") or "null"


class PurgeBody(ActionBody):
    """Whether to purge unfinished instances too (`force`), and descendants (`recursive`)."""

    force: Boolean = False
    recursive: Boolean = True


class RerunBody(ActionBody):
    """From which event to rerun, the id of the new instance, and the new input of that event."""

    event_id: EventId
    new_instance_id: NewId | None = Field(None, description=f"{INSTANCE_ID}, or null")
    input: Json = None


class RerunPlanQuery(BaseModel):
    """From which event to plan a rerun; from the first if it is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: EventId | None = Field(None, description=_EVENT_ID)


class RaiseBody(ActionBody):
    """An external event."""

    event: EventName
    payload: Json = None
