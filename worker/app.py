"""The REST API of the order application: the API of any workflow, and the start of an order."""

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict

from api.app import Application, create_app
from api.dependencies import CurrentActor, ServicesDependency
from api.openapi import COMMON_ERRORS, CONFLICT, DAPR_REFUSED, INSTANCE_LINKS
from api.routing import StrictRoute
from api.services import Services
from operations.actions import ActionContext, StartRequest
from operations.web.access import AccessRules
from worker.orders import WORKFLOW, Order, instance_id_of

STARTED = "Workflow is executing. Use /workflow/status/{instance_id} to check progress"


class StartResponse(BaseModel):
    """The result of a start; `already_running` if the same order was running before."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "started",
                "instance_id": "order_ORDER001",
                "order_data": {
                    "order_id": "ORDER001",
                    "amount": 99.99,
                    "items": ["laptop", "mouse"],
                },
                "message": STARTED,
            }
        }
    )

    status: Literal["started", "already_running"]
    instance_id: str
    order_data: Order
    message: str = STARTED


router = APIRouter(tags=["workflow"], route_class=StrictRoute, responses=COMMON_ERRORS)


@router.post(
    "/workflow/start",
    summary="Start a new workflow",
    responses=CONFLICT | DAPR_REFUSED | INSTANCE_LINKS,
)
def start(order: Order, services: ServicesDependency, actor: CurrentActor) -> StartResponse:
    """Start the workflow of the order once, however often the same order is sent."""
    instance_id = instance_id_of(order.order_id)
    request = StartRequest(WORKFLOW, instance_id, order.model_dump())
    started = services.actions.start(request, ActionContext(actor))
    return StartResponse(
        status="started" if started.created else "already_running",
        instance_id=instance_id,
        order_data=order,
    )


def create_order_app(
    services: Services,
    runtime_state: Callable[[], str],
    *,
    start: Callable[[], None],
    stop: Callable[[], None],
    access: AccessRules | None = None,
) -> FastAPI:
    """Return the FastAPI application; it calls `start` before it serves, and `stop` after."""
    return create_app(
        services,
        Application(
            title="Flowdeck order workflow",
            description="Starts, watches, pauses, resumes, terminates, purges and reruns the order "
            "workflow of a Dapr application, and raises events to it.",
            workflow=WORKFLOW,
            routers=(router,),
            runtime_state=runtime_state,
            start=start,
            stop=stop,
        ),
        access,
    )
