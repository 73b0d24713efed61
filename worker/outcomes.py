"""The bodies that answer an operator's purge, rerun and raise."""

from typing import Literal

from pydantic import Field

from operations.actions import ActionResult, PurgeResult, RerunResult
from worker.answers import Answer, runtime_status

_ID = "order_ORDER001"


class PurgedAnswer(Answer):
    """A purge: `changed` is false when the engine had forgotten the instance already."""

    status: Literal["purged"] = "purged"
    instance_id: str = Field(examples=[_ID])
    changed: bool
    purged: list[str] = Field(
        examples=[[_ID]], description="All that the engine has forgotten by it, descendants too."
    )
    message: str = Field(examples=[f"Workflow {_ID} was archived and purged"])


class RerunAnswer(Answer):
    """A rerun: `changed` is false when the same rerun had been made already."""

    status: Literal["rerun"] = "rerun"
    instance_id: str = Field(examples=["order_ORDER001-again"], description="The new instance's.")
    rerun_of: str = Field(examples=[_ID])
    event_id: int = Field(examples=[3])
    changed: bool
    message: str = Field(
        examples=[f"Workflow {_ID} runs again from event 3 as order_ORDER001-again"]
    )


class RaisedAnswer(Answer):
    """An external event that the engine has taken."""

    status: Literal["raised"] = "raised"
    instance_id: str = Field(examples=[_ID])
    event: str = Field(examples=["approval"])
    runtime_status: str = Field(examples=["WorkflowStatus.RUNNING"])
    message: str = Field(examples=[f"Event approval was raised to workflow {_ID}"])


def purged_answer(purged: PurgeResult) -> PurgedAnswer:
    """Return the body for a purge that was carried out, or was not needed."""
    word = "was archived and purged" if purged.changed else "is purged already"
    return PurgedAnswer(
        instance_id=purged.instance_id,
        changed=purged.changed,
        purged=list(purged.ids),
        message=f"Workflow {purged.instance_id} {word}",
    )


def rerun_answer(reran: RerunResult) -> RerunAnswer:
    """Return the body for a rerun that was made, or was there."""
    event_id = reran.plan.event.event_id
    already = "" if reran.created else " already"
    return RerunAnswer(
        instance_id=reran.instance_id,
        rerun_of=reran.source_id,
        event_id=event_id,
        changed=reran.created,
        message=f"Workflow {reran.source_id} runs again from event {event_id} "
        f"as {reran.instance_id}{already}",
    )


def raised_answer(acted: ActionResult, event: str) -> RaisedAnswer:
    """Return the body for an event that was raised."""
    instance = acted.after
    return RaisedAnswer(
        instance_id=instance.instance_id,
        event=event,
        runtime_status=runtime_status(instance),
        message=f"Event {event} was raised to workflow {instance.instance_id}",
    )
