"""The endpoint that starts any workflow of the application."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import CurrentActor, ServicesDependency
from api.openapi import COMMON_ERRORS, CONFLICT, DAPR_REFUSED, INSTANCE_LINKS
from api.routing import StrictRoute
from api.schemas.bodies import ID_PATTERN, StartBody
from api.schemas.results import StartedResponse, started_body
from operations.actions import ActionContext, StartRequest
from operations.model import INSTANCE_ID

router = APIRouter(
    prefix="/workflow",
    tags=["workflow"],
    route_class=StrictRoute,
    responses=COMMON_ERRORS | CONFLICT | DAPR_REFUSED | INSTANCE_LINKS,
)

StartableId = Annotated[
    str,
    Path(
        description=f"The id of the new instance: {INSTANCE_ID}.",
        examples=["report-2026"],
        json_schema_extra={"pattern": ID_PATTERN},  # the action refuses other ids, in words
    ),
]


@router.post("/start/{instance_id:path}", summary="Start any workflow", name="start_workflow")
def start(
    instance_id: StartableId, services: ServicesDependency, actor: CurrentActor, body: StartBody
) -> StartedResponse:
    """Start an instance once, however often the same request is sent while it runs.

    An unknown workflow is not refused: a worker without it fails the instance.
    """
    request = StartRequest(body.workflow, instance_id, body.payload, body.start_at)
    context = ActionContext(actor, body.reason)
    return started_body(body.workflow, services.actions.start(request, context))
