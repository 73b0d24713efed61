"""What an operator may ask for by REST: the bodies of all that acts on an instance."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from operations.actions.context import MAX_EVENT_NAME_LENGTH as LONGEST_NAME
from operations.actions.context import MAX_REASON_LENGTH as LONGEST
from operations.model import INSTANCE_ID

MOST_EVENTS = 2**31 - 1
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"


def _can_be_carried(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Refuse what Python reads as JSON but nobody else does, such as NaN."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return value


def _whole(value: object) -> object:
    """Take 3.0 for 3, as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Json = Annotated[Any, Field(description="any JSON value"), AfterValidator(_can_be_carried)]
Why = Annotated[
    str,
    Field(
        max_length=LONGEST,
        pattern=_PRINTABLE,
        description=f"a text of up to {LONGEST} characters, none of them a control character",
        examples=["The supplier was out of paper."],
    ),
]
Switch = Annotated[bool, Field(description="true or false")]
_EVENT_ID = f"the id of an event of the instance's history, 0 to {MOST_EVENTS}"
EventId = Annotated[
    int,
    Field(ge=0, le=MOST_EVENTS, description=_EVENT_ID, examples=[3]),
    BeforeValidator(_whole),
]
NewId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description=INSTANCE_ID,
        examples=["order_ORDER001-again"],
    ),
]
EventName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_NAME,
        pattern=_PRINTABLE,
        description=f"a text of 1 to {LONGEST_NAME} characters, none of them a control character",
        examples=["approval"],
    ),
]


class Demand(BaseModel):
    """What is asked for, and why: nothing more to pause, resume or terminate."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: Why = ""

    def text_of(self, name: str) -> str | None:
        """Return a field's value as JSON text, None if it was not given, which null is not."""
        return json.dumps(getattr(self, name)) if name in self.model_fields_set else None


class PurgeDemand(Demand):
    """A purge: also of what has not ended (`force`), with its descendants (`recursive`)."""

    force: Switch = False
    recursive: Switch = True


class RerunDemand(Demand):
    """A rerun: from which event, as which instance, with which input of that event."""

    event_id: EventId
    new_instance_id: NewId | None = Field(None, description=f"{INSTANCE_ID}, or null")
    input: Json = None


class PlanQuestion(BaseModel):
    """From which event on a rerun is planned: from the first, if that is not said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: EventId | None = Field(None, description=_EVENT_ID)


class RaiseDemand(Demand):
    """An external event."""

    event: EventName
    payload: Json = None


def expected_in(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return what is expected at a place in a body, in the words of its contract."""
    fields = model.model_fields
    name = location[0] if location else ""
    known = f"a JSON object with {', '.join(fields)}"
    if name not in fields:
        return f"no such field, but {known}" if location else known
    return str(fields[str(name)].description)
