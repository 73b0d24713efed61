"""The REST API of the order application; plain functions, because the gateway is synchronous."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline

from operations.actions import ActionContext, Actions, StartRequest
from operations.errors import FlowdeckError
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action
from worker.answers import (
    ActedAnswer,
    Healthy,
    Info,
    StartedAnswer,
    StatusAnswer,
    Unhealthy,
    acted_answer,
    status_answer,
)
from worker.bodies import AsciiResponse, JsonRoute
from worker.demands import Demand
from worker.limits import BodyLimit
from worker.lists import add_list
from worker.mistakes import handle_errors
from worker.openapi import FOR_AN_ID, errors, links_to
from worker.operating import add_operations
from worker.orders import WORKFLOW, Order, instance_id_of
from worker.paths import API_USER, InstanceId, possible
from worker.questions import NOTHING_ASKED
from worker.runtime import RuntimeState

VERSION = "0.1.0"
CALLS_AT_ONCE = 200  # each in a thread, which a hung engine holds for seconds
_NOTHING_MORE = Demand()


@dataclass(frozen=True)
class Parts:
    """What the API stands on; `runtime_state` says whether the worker can be given work."""

    gateway: Gateway
    ledger: Ledger
    runtime_state: Callable[[], RuntimeState]
    start: Callable[[], None]
    stop: Callable[[], None]


def create_api(parts: Parts) -> FastAPI:
    """Build the application; its lifespan starts and stops the workflow runtime."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = CALLS_AT_ONCE
        parts.start()
        yield
        parts.stop()

    api = FastAPIOffline(
        title="Flowdeck order workflow",
        version=VERSION,
        description="Reservations, watches, pauses, resumes, terminates, purges and reruns the order "
        "workflow of a Dapr application, and raises events to it.",
        lifespan=lifespan,
        swagger_ui_parameters={"defaultModelsExpandDepth": 0},
    )
    api.router.route_class = JsonRoute
    api.add_middleware(BodyLimit)
    handle_errors(api)
    _add_info(api, parts)
    actions = Actions(parts.gateway, parts.ledger)
    _add_orders(api, actions)
    add_operations(api, actions, parts.gateway, parts.ledger)
    add_list(api, parts.ledger)
    return api


def _add_info(api: FastAPI, parts: Parts) -> None:
    own_threads = CapacityLimiter(10)  # else it would queue behind calls that a hung engine holds

    @api.get("/", summary="Get application info", operation_id="info", tags=["application"])
    def info() -> Info:
        return Info(
            name=api.title,
            version=VERSION,
            workflow=WORKFLOW,
            endpoints=_endpoints(api),
        )

    @api.get(
        "/health",
        summary="Health check",
        operation_id="health",
        tags=["application"],
        response_model=Healthy,
        responses={503: {"model": Unhealthy, "description": "Something is not there."}},
    )
    async def health() -> JSONResponse:
        return await to_thread.run_sync(_health, parts, limiter=own_threads)


def _health(parts: Parts) -> JSONResponse:
    state, problems = parts.runtime_state(), _problems(parts)
    if state is not RuntimeState.RUNNING:
        problems.append(f"the workflow runtime is {state}")
    if problems:
        unhealthy = Unhealthy(workflow_runtime=state, problems=problems)
        return JSONResponse(unhealthy.model_dump(), status_code=503)
    return JSONResponse(Healthy().model_dump())


def _endpoints(api: FastAPI) -> dict[str, str]:
    paths = api.openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation["summary"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def _problems(parts: Parts) -> list[str]:
    """Return what is wrong with the engine and the ledger, one sentence each."""
    problems: list[str] = []
    try:
        problems.extend(problem.reason for problem in parts.gateway.health().problems)
    except FlowdeckError as error:
        problems.append(str(error))
    try:
        parts.ledger.ping()
    except FlowdeckError as error:
        problems.append(str(error))
    return problems


def _add_orders(api: FastAPI, actions: Actions) -> None:
    @api.post(
        "/workflow/start",
        summary="Start a new workflow",
        operation_id="start",
        tags=["workflow"],
        responses=errors(409, 413, 422, 500, 502, 503) | links_to(*FOR_AN_ID),
        dependencies=[NOTHING_ASKED],
    )
    def start(order: Order) -> StartedAnswer:
        instance_id = instance_id_of(order.order_id)
        started = actions.start(
            StartRequest(WORKFLOW, instance_id, order.model_dump()), ActionContext(API_USER)
        )
        return StartedAnswer(
            status="started" if started.created else "already_running",
            instance_id=instance_id,
            order_data=order,
        )

    @api.get(
        "/workflow/status/{instance_id:path}",
        summary="Get workflow status",
        operation_id="status",
        tags=["workflow"],
        response_model=StatusAnswer,
        responses=errors(404, 413, 422, 500, 502, 503),
        dependencies=[NOTHING_ASKED],
    )
    def status(instance_id: InstanceId) -> JSONResponse:
        return AsciiResponse(status_answer(actions.read(possible(instance_id))))

    for action, summary in {
        Action.PAUSE: "Pause a running workflow",
        Action.RESUME: "Resume a paused workflow",
        Action.TERMINATE: "Terminate a workflow",
    }.items():
        api.post(
            f"/workflow/{action}/{{instance_id:path}}",
            summary=summary,
            operation_id=action.value,
            tags=["workflow"],
            responses=errors(404, 409, 413, 422, 500, 502, 503) | links_to(*FOR_AN_ID),
            dependencies=[NOTHING_ASKED],
        )(_endpoint(actions, action))


def _endpoint(actions: Actions, action: Action) -> Callable[..., ActedAnswer]:
    def act(instance_id: InstanceId, demand: Demand = _NOTHING_MORE) -> ActedAnswer:
        acted = actions.change_status(
            action, possible(instance_id), ActionContext(API_USER, demand.reason)
        )
        return acted_answer(action, acted)

    return act
