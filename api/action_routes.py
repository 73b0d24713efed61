"""The endpoints of an operator's actions on an instance."""

from fastapi import APIRouter

from api.dependencies import CurrentActor, InstanceId, ServicesDependency
from api.openapi import COMMON_ERRORS, CONFLICT, DAPR_REFUSED, INSTANCE_LINKS, NOT_FOUND
from api.routing import StrictRoute
from api.schemas.bodies import ActionBody, PurgeBody, RaiseBody, RerunBody
from api.schemas.results import (
    ActionResponse,
    PurgeResponse,
    RaiseResponse,
    RerunResponse,
    action_body,
    purge_body,
    raise_body,
    rerun_body,
)
from operations.actions import ActionContext, PurgeOptions, RerunRequest
from operations.model import Action

router = APIRouter(
    prefix="/workflow",
    tags=["workflow"],
    route_class=StrictRoute,
    responses=COMMON_ERRORS | NOT_FOUND | CONFLICT | DAPR_REFUSED | INSTANCE_LINKS,
)
_NO_REASON = ActionBody()
_DEFAULT_PURGE = PurgeBody()


@router.post("/pause/{instance_id:path}", summary="Pause a running workflow")
def pause(
    instance_id: InstanceId,
    services: ServicesDependency,
    actor: CurrentActor,
    body: ActionBody = _NO_REASON,
) -> ActionResponse:
    """Pause the instance; activities that have started continue."""
    result = services.actions.pause(instance_id, ActionContext(actor, body.reason))
    return action_body(Action.PAUSE, result)


@router.post("/resume/{instance_id:path}", summary="Resume a paused workflow")
def resume(
    instance_id: InstanceId,
    services: ServicesDependency,
    actor: CurrentActor,
    body: ActionBody = _NO_REASON,
) -> ActionResponse:
    """Resume the instance."""
    result = services.actions.resume(instance_id, ActionContext(actor, body.reason))
    return action_body(Action.RESUME, result)


@router.post("/terminate/{instance_id:path}", summary="Terminate a workflow")
def terminate(
    instance_id: InstanceId,
    services: ServicesDependency,
    actor: CurrentActor,
    body: ActionBody = _NO_REASON,
) -> ActionResponse:
    """Terminate the instance; running activities continue, and their results are ignored."""
    result = services.actions.terminate(instance_id, ActionContext(actor, body.reason))
    return action_body(Action.TERMINATE, result)


@router.post("/purge/{instance_id:path}", summary="Archive a workflow and purge it")
def purge(
    instance_id: InstanceId,
    services: ServicesDependency,
    actor: CurrentActor,
    body: PurgeBody = _DEFAULT_PURGE,
) -> PurgeResponse:
    """Archive and purge the instance and its descendants; `force` includes unfinished ones."""
    options = PurgeOptions(force=body.force, recursive=body.recursive)
    context = ActionContext(actor, body.reason)
    return purge_body(services.actions.purge(instance_id, context, options))


@router.post("/rerun/{instance_id:path}", summary="Run a finished workflow again from an event on")
def rerun(
    instance_id: InstanceId, services: ServicesDependency, actor: CurrentActor, body: RerunBody
) -> RerunResponse:
    """Rerun as a new instance; `input`, even null, replaces the input of the event."""
    payload = body.json_text("input")
    request = RerunRequest(instance_id, body.event_id, body.new_instance_id, payload)
    return rerun_body(services.actions.rerun(request, ActionContext(actor, body.reason)))


@router.post(
    "/raise/{instance_id:path}", name="raise", summary="Raise an external event to a workflow"
)
def raise_event(
    instance_id: InstanceId, services: ServicesDependency, actor: CurrentActor, body: RaiseBody
) -> RaiseResponse:
    """Raise the event with its payload, which may be null; each request raises another event."""
    payload = body.json_text("payload")
    context = ActionContext(actor, body.reason)
    result = services.actions.raise_event(instance_id, body.event, payload, context)
    return raise_body(result, body.event)
