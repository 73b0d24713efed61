"""The bodies of actions that were carried out."""

from typing import Literal

from pydantic import BaseModel, Field

from operations.actions import ActionResult, PurgeResult, RerunResult, StartResult
from operations.export.run_rows import runtime_status
from operations.model import Action

_ID = "order_ORDER001"
_DONE: dict[Action, Literal["paused", "resumed", "terminated"]] = {
    Action.PAUSE: "paused",
    Action.RESUME: "resumed",
    Action.TERMINATE: "terminated",
}


class StartedResponse(BaseModel):
    """The result of a start; `already_started` if the same request had started the instance."""

    status: Literal["started", "already_started"]
    instance_id: str = Field(examples=[_ID])
    workflow: str = Field(examples=["order_workflow"])
    message: str = Field(examples=[f"Workflow {_ID} was started"])


class ActionResponse(BaseModel):
    """The result of an action; `changed` is false if the instance had the wanted status before."""

    status: Literal["paused", "resumed", "terminated"]
    instance_id: str = Field(examples=["order_ORDER001"])
    changed: bool
    runtime_status: str = Field(examples=["WorkflowStatus.SUSPENDED"])
    message: str = Field(examples=["Workflow order_ORDER001 was paused"])


class PurgeResponse(BaseModel):
    """The result of a purge; `changed` is false if the instance was purged before."""

    status: Literal["purged"] = "purged"
    instance_id: str = Field(examples=[_ID])
    changed: bool
    purged: list[str] = Field(
        examples=[[_ID]], description="The ids of all purged instances, with descendants."
    )
    message: str = Field(examples=[f"Workflow {_ID} was archived and purged"])


class RerunResponse(BaseModel):
    """The result of a rerun; `changed` is false if the same rerun was started before."""

    status: Literal["rerun"] = "rerun"
    instance_id: str = Field(
        examples=["order_ORDER001-again"], description="The id of the new instance."
    )
    rerun_of: str = Field(examples=[_ID])
    event_id: int = Field(examples=[3])
    changed: bool
    message: str = Field(
        examples=[f"Workflow {_ID} runs again from event 3 as order_ORDER001-again"]
    )


class RaiseResponse(BaseModel):
    """An external event that the engine accepted."""

    status: Literal["raised"] = "raised"
    instance_id: str = Field(examples=[_ID])
    event: str = Field(examples=["approval"])
    runtime_status: str = Field(examples=["WorkflowStatus.RUNNING"])
    message: str = Field(examples=[f"Event approval was raised to workflow {_ID}"])


def started_body(workflow: str, result: StartResult) -> StartedResponse:
    """Return the body for a start."""
    already = "" if result.created else " already"
    return StartedResponse(
        status="started" if result.created else "already_started",
        instance_id=result.instance_id,
        workflow=workflow,
        message=f"Workflow {result.instance_id} was{already} started",
    )


def action_body(action: Action, result: ActionResult) -> ActionResponse:
    """Return the body for a pause, a resume or a terminate."""
    word: Literal["paused", "resumed", "terminated"] = _DONE[action]
    instance = result.after
    return ActionResponse(
        status=word,
        instance_id=instance.instance_id,
        changed=result.changed,
        runtime_status=runtime_status(instance.status),
        message=f"Workflow {instance.instance_id} "
        + (f"was {word}" if result.changed else f"is {instance.status} already"),
    )


def purge_body(result: PurgeResult) -> PurgeResponse:
    """Return the body for a purge."""
    outcome = "was archived and purged" if result.changed else "is purged already"
    return PurgeResponse(
        instance_id=result.instance_id,
        changed=result.changed,
        purged=list(result.ids),
        message=f"Workflow {result.instance_id} {outcome}",
    )


def rerun_body(result: RerunResult) -> RerunResponse:
    """Return the body for a rerun."""
    event_id = result.plan.event.event_id
    already = "" if result.created else " already"
    return RerunResponse(
        instance_id=result.instance_id,
        rerun_of=result.source_id,
        event_id=event_id,
        changed=result.created,
        message=f"Workflow {result.source_id} runs again from event {event_id} "
        f"as {result.instance_id}{already}",
    )


def raise_body(result: ActionResult, event: str) -> RaiseResponse:
    """Return the body for an event that was raised."""
    instance = result.after
    return RaiseResponse(
        instance_id=instance.instance_id,
        event=event,
        runtime_status=runtime_status(instance.status),
        message=f"Event {event} was raised to workflow {instance.instance_id}",
    )
