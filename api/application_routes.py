"""The endpoints about the application itself: `GET /` and `GET /health`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.dependencies import ServicesDependency
from api.services import Services
from operations.errors import FlowdeckError
from operations.model import Service

RUNNING = "running"
HEALTH_THREADS = 10


@dataclass(frozen=True)
class ApplicationState:
    """What these endpoints report about the application.

    Health checks have threads of their own: otherwise they would queue behind calls that wait for
    a hung engine.
    """

    workflow: str | None
    runtime_state: Callable[[], str]
    health_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(HEALTH_THREADS))


async def get_application(request: Request) -> ApplicationState:
    """Return the state of the application."""
    application: ApplicationState = request.app.state.application
    return application


ApplicationDependency = Annotated[ApplicationState, Depends(get_application)]


class InfoResponse(BaseModel):
    """The name, the workflow and the endpoints of this application."""

    name: str = Field(examples=["Flowdeck order workflow"])
    version: str = Field(examples=["0.1.0"])
    workflow: str | None = Field(
        description="The workflow that `POST /workflow/start` starts, null without that endpoint.",
        examples=["order_workflow"],
    )
    endpoints: dict[str, str] = Field(examples=[{"GET /health": "Health check"}])


class LiveResponse(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class HealthyResponse(BaseModel):
    """The workflow runtime, the engine and the ledger work."""

    status: Literal["healthy"] = "healthy"
    workflow_runtime: Literal["running"] = "running"


class UnhealthyResponse(BaseModel):
    """Something is unavailable; `problems` says what."""

    status: Literal["unhealthy"] = "unhealthy"
    workflow_runtime: str = Field(examples=["disconnected"])
    problems: list[str] = Field(
        examples=[["The Dapr engine cannot be reached: no sidecar accepts the connection."]]
    )


router = APIRouter(tags=["application"])


@router.get("/", summary="Get application info")
def info(request: Request, application: ApplicationDependency) -> InfoResponse:
    """Return the name of the application and its endpoints."""
    document = request.app.openapi()
    return InfoResponse(
        name=document["info"]["title"],
        version=document["info"]["version"],
        workflow=application.workflow,
        endpoints={
            f"{method.upper()} {path}": operation["summary"]
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        },
    )


@router.get("/livez", summary="Liveness check")
async def live() -> LiveResponse:
    """Answer while the process works, whatever else is away."""
    return LiveResponse()


@router.get(
    "/health",
    summary="Health check",
    response_model=HealthyResponse,
    responses={503: {"model": UnhealthyResponse, "description": "Something is unavailable."}},
)
async def health(services: ServicesDependency, application: ApplicationDependency) -> JSONResponse:
    """Check the workflow runtime, the engine and the ledger."""
    return await to_thread.run_sync(
        _health, services, application.runtime_state, limiter=application.health_threads
    )


def _health(services: Services, runtime_state: Callable[[], str]) -> JSONResponse:
    state, problems = runtime_state(), _problems(services)
    if state != RUNNING:
        problems.append(f"the workflow runtime is {state}")
    if problems:
        unhealthy = UnhealthyResponse(workflow_runtime=state, problems=problems)
        return JSONResponse(unhealthy.model_dump(), status_code=503)
    return JSONResponse(HealthyResponse().model_dump())


def _problems(services: Services) -> list[str]:
    """Return one sentence for each problem of the engine, its state store and the ledger."""
    problems: list[str] = []
    try:
        problems.extend(problem.reason for problem in services.gateway.health().problems)
    except FlowdeckError as error:
        problems.append(str(error))
    store_problems = services.state_store.problems() if services.state_store else ()
    problems.extend(problem.reason for problem in store_problems)
    try:
        services.check_ledger()
        if services.state_store and not store_problems:
            problems.extend(_state_store_outages(services))
    except FlowdeckError as error:
        problems.append(str(error))
    return problems


def _state_store_outages(services: Services) -> list[str]:
    """Return the reasons of the state store's outages in the recorder's last heartbeat.

    The recorder checks the file every second. This process may check it for the first time after
    the file was moved away, and cannot notice that.
    """
    outages = services.ledger.heartbeat().outages
    return [each.reason for each in outages if each.service is Service.STATE_STORE]
