"""The endpoints of the audit log, and of the exports of runs and of the audit log."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import ServicesDependency
from api.openapi import COMMON_ERRORS, TOO_WIDE, Responses
from api.routing import AsciiResponse, StrictRoute
from api.schemas.audit import AuditExportQuery, AuditQuery, AuditResponse, audit_body
from api.schemas.list_query import ExportQuery
from operations.export.export import export_audit_log, export_runs
from operations.web.download import Download

router = APIRouter(tags=["export"], route_class=StrictRoute, responses=COMMON_ERRORS | TOO_WIDE)

_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
FILE: Responses = {
    200: {
        "description": "The file. If the ledger fails while it is sent, the last chunk is missing.",
        "content": {"text/csv": _TEXT, "application/jsonl": _TEXT},
    }
}


@router.get(
    "/workflows/export",
    summary="Export workflows as a file",
    response_class=Response,
    responses=FILE,
)
def export_workflows(
    query: Annotated[ExportQuery, Query()], services: ServicesDependency
) -> Download:
    """Send all runs that match the filters, the newest first, as CSV or JSON Lines."""
    return Download(
        export_runs(services.ledger, query.filter, query.format, payloads=query.payloads)
    )


@router.get("/audit", summary="Read the audit log", response_model=AuditResponse)
def audit(query: Annotated[AuditQuery, Query()], services: ServicesDependency) -> AsciiResponse:
    """List the actions of operators that match the filters, the newest first."""
    search = services.ledger.audit_search
    page = search.page(query.filter, limit=query.limit, cursor=query.cursor)
    return AsciiResponse(audit_body(page))


@router.get(
    "/audit/export",
    summary="Export the audit log as a file",
    response_class=Response,
    responses=FILE,
)
def export_audit(
    query: Annotated[AuditExportQuery, Query()], services: ServicesDependency
) -> Download:
    """Send all entries that match the filters, the newest first, as CSV or JSON Lines."""
    return Download(export_audit_log(services.ledger, query.filter, query.format))
