"""The endpoints that read: status, history, whole runs, rerun plans and the list of runs."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import InstanceId, ServicesDependency
from api.openapi import COMMON_ERRORS, CONFLICT, DAPR_REFUSED, NOT_FOUND, TOO_WIDE
from api.routing import AsciiResponse, StrictRoute
from api.schemas.bodies import RerunPlanQuery
from api.schemas.failures import FailureQuery
from api.schemas.histories import (
    HistoryResponse,
    RerunPlanResponse,
    history_body,
    rerun_plan_body,
)
from api.schemas.instance_status import StatusResponse, status_body
from api.schemas.list_query import ListQuery
from api.schemas.lists import ListResponse, list_body
from api.schemas.runs import RunQuery, RunResponse
from api.services import Services
from operations.actions import RerunFrom, RerunRequest
from operations.errors import DaprUnavailable, LedgerUnavailable, UnknownInstance
from operations.history_source import read_history
from operations.model import Instance, Status
from operations.run_document import run_document
from operations.run_view import view
from operations.snapshots import read_instance

router = APIRouter(tags=["workflow"], route_class=StrictRoute, responses=COMMON_ERRORS)


@router.get(
    "/workflow/status/{instance_id:path}",
    summary="Get workflow status",
    response_model=StatusResponse,
    responses=NOT_FOUND | DAPR_REFUSED,
)
def status(
    instance_id: InstanceId, query: Annotated[FailureQuery, Query()], services: ServicesDependency
) -> AsciiResponse:
    """Read the instance from the engine; this needs no ledger.

    What a suspended instance repeats is known while the ledger is open.
    """
    instance = read_instance(services.gateway, instance_id)
    if instance is None:
        raise UnknownInstance(instance_id)
    return AsciiResponse(
        status_body(instance, full=query.full, repeats=_repeats(services, instance))
    )


def _repeats(services: Services, instance: Instance) -> str | None:
    """Return the action that a suspended instance repeats, None if that is unknown."""
    ledger = services.ledger_if_open
    if ledger is None or instance.status is not Status.SUSPENDED:
        return None
    with suppress(LedgerUnavailable):
        run = ledger.runs.latest(instance.instance_id)
        return run.repeats if run else None
    return None


@router.get(
    "/workflow/history/{instance_id:path}",
    summary="Get the whole history of a workflow",
    response_model=HistoryResponse,
    responses=NOT_FOUND | DAPR_REFUSED,
)
def history(
    instance_id: InstanceId, query: Annotated[FailureQuery, Query()], services: ServicesDependency
) -> AsciiResponse:
    """Return every event, from the engine, or from the ledger if the engine cannot answer."""
    found = read_history(services.gateway, lambda: services.ledger, instance_id)
    return AsciiResponse(history_body(found, full=query.full))


@router.get(
    "/workflow/run/{instance_id:path}",
    summary="Get everything about a run",
    response_model=RunResponse,
    responses=NOT_FOUND | DAPR_REFUSED,
)
def run(
    instance_id: InstanceId, query: Annotated[RunQuery, Query()], services: ServicesDependency
) -> AsciiResponse:
    """Return what the page of the run shows; from the ledger alone while the engine is away."""
    gateway, ledger, run_id = services.gateway, services.ledger, query.run_id
    try:
        found = view(gateway, ledger, instance_id, dapr_unavailable=False, run_id=run_id)
    except DaprUnavailable:
        found = view(gateway, ledger, instance_id, dapr_unavailable=True, run_id=run_id)
    return AsciiResponse(run_document(found))


@router.get(
    "/workflow/rerun-plan/{instance_id:path}",
    summary="Preview what a rerun keeps and runs again",
    response_model=RerunPlanResponse,
    responses=NOT_FOUND | CONFLICT | DAPR_REFUSED,
)
def rerun_plan(
    instance_id: InstanceId, query: Annotated[RerunPlanQuery, Query()], services: ServicesDependency
) -> AsciiResponse:
    """Plan a rerun from one event, or from the first; nothing is changed."""
    start = RerunFrom.FIRST if query.event_id is None else query.event_id
    plan = services.actions.rerun_plan(RerunRequest(instance_id, start))
    return AsciiResponse(rerun_plan_body(instance_id, plan))


@router.get("/workflows", summary="List workflows", response_model=ListResponse, responses=TOO_WIDE)
def workflows(query: Annotated[ListQuery, Query()], services: ServicesDependency) -> AsciiResponse:
    """List the runs that match the filters; this reads the ledger alone."""
    search, filters = services.ledger.search, query.filter
    page = search.page(filters, limit=query.limit, cursor=query.cursor, sort=query.sort)
    return AsciiResponse(list_body(page, search.counts(filters)))
