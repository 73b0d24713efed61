"""The routes of the dashboard that send exports, and the links to them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import quote, urlencode

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard.services import services
from operations.audit_filter import AuditFilter
from operations.errors import FlowdeckError, InvalidInput, QueryTimeout
from operations.export.export import Export, ExportFormat, export_audit_log, export_runs
from operations.filter_parameters import filter_of, parameters_of
from operations.records import Filter
from operations.web.download import Download

PATH = "flowdeck/export"
_FORMAT, _PAYLOADS, _TRUE = "format", "payloads", "true"
_LABELS = {ExportFormat.CSV: "CSV", ExportFormat.JSON_LINES: "JSON Lines"}
_UNAVAILABLE, _REFUSED, _TOO_WIDE = 503, 422, 400  # status codes

_Parameters = list[tuple[str, str]]


def export_menu(wanted: Filter | AuditFilter) -> None:
    """Show the menu that downloads everything that a filter matches.

    Its links are served by this process, without Streamlit: a file of any length costs the memory
    of a page.
    """
    with st.popover(
        "Export",
        icon=":material/download:",
        type="tertiary",
        key="export",
        help="Download all that match, the newest first",
    ):
        payloads = isinstance(wanted, Filter) and st.toggle(
            "With input and output", key="export-payloads"
        )
        for form, label in _LABELS.items():
            st.link_button(label, export_address(wanted, form, payloads=payloads), width="stretch")


def export_address(
    wanted: Filter | AuditFilter, form: ExportFormat, *, payloads: bool = False
) -> str:
    """Return the address of an export, relative to the pages."""
    subject = "audit" if isinstance(wanted, AuditFilter) else "runs"
    parameters = [(_FORMAT, form.value), *parameters_of(wanted)]
    if payloads:
        parameters.append((_PAYLOADS, _TRUE))
    return f"{PATH}/{subject}?{urlencode(parameters, quote_via=quote)}"


def export_routes() -> list[Route]:
    """Return the routes that send exports; they run in threads."""
    return [
        Route(f"/{PATH}/runs", _responding(_export_runs)),
        Route(f"/{PATH}/audit", _responding(_export_audit_log)),
    ]


def _export_runs(parameters: _Parameters, form: ExportFormat) -> Export:
    wanted = filter_of(Filter, [each for each in parameters if each[0] != _PAYLOADS])
    payloads = (_PAYLOADS, _TRUE) in parameters
    return export_runs(services().ledger, wanted, form, payloads=payloads)


def _export_audit_log(parameters: _Parameters, form: ExportFormat) -> Export:
    return export_audit_log(services().ledger, filter_of(AuditFilter, parameters), form)


def _responding(
    export: Callable[[_Parameters, ExportFormat], Export],
) -> Callable[[Request], Response]:
    def respond(request: Request) -> Response:
        parameters = request.query_params.multi_items()
        try:
            form = _format(value for name, value in parameters if name == _FORMAT)
            rest = [each for each in parameters if each[0] != _FORMAT]
            found = export(rest, form)
        except FlowdeckError as error:
            return PlainTextResponse(str(error), _status_code(error))
        is_head = request.method == "HEAD"  # which Starlette allows wherever it allows GET
        return Download(replace(found, chunks=iter(())) if is_head else found)

    return respond


def _format(values: Iterable[str]) -> ExportFormat:
    found = next(iter(values), ExportFormat.CSV.value)
    if found not in set(ExportFormat):
        raise InvalidInput(_FORMAT, found, f"one of {', '.join(ExportFormat)}")
    return ExportFormat(found)


def _status_code(error: FlowdeckError) -> int:
    if isinstance(error, InvalidInput):
        return _REFUSED
    return _TOO_WIDE if isinstance(error, QueryTimeout) else _UNAVAILABLE
