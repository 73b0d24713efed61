"""Translates errors into answers: every one has a status, a kind, and words for a person."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from operations.errors import (
    Conflict,
    DaprRefused,
    FlowdeckError,
    InvalidInput,
    LedgerRefused,
    QueryTimeout,
    Unavailable,
    UnknownInstance,
)
from worker.bodies import NOWHERE, AsciiResponse
from worker.demands import expected_in
from worker.openapi import UNFORESEEN
from worker.orders import Order, expected
from worker.questions import asked

LONGEST = 200  # characters of a wrong value that are given back
MOST = 100  # mistakes of one request that are told
_STATUS = {
    UnknownInstance: 404,
    Conflict: 409,
    InvalidInput: 422,
    QueryTimeout: 400,
    LedgerRefused: 500,
    DaprRefused: 502,
    Unavailable: 503,
}


def handle_errors(api: FastAPI) -> None:
    """Answer every named error of the house, and the framework's own in the same form."""

    @api.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        if isinstance(error.body, bytes):  # the framework parses only what calls itself JSON
            kind = request.headers.get("content-type")
            mistakes = [_words("Content-Type", kind, "application/json", missing=not kind)]
        else:
            wanted = _wanted(request.scope["route"])
            mistakes = [_mistake(each, error.body, wanted) for each in error.errors()[:MOST]]
        return AsciiResponse({"error": "InvalidInput", "detail": mistakes}, 422)

    @api.exception_handler(InvalidInput)
    def refused(_: Request, error: InvalidInput) -> Response:
        mistake = _words(error.field, error.found, error.expected)
        return AsciiResponse({"error": "InvalidInput", "detail": [mistake]}, 422)

    @api.exception_handler(FlowdeckError)
    def failed(_: Request, error: FlowdeckError) -> Response:
        code = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        return AsciiResponse({"error": type(error).__name__, "detail": str(error)}, code)

    @api.exception_handler(HTTPException)
    def unknown(_: Request, error: HTTPException) -> Response:
        body = {"error": str(error.detail).replace(" ", ""), "detail": str(error.detail)}
        return AsciiResponse(body, error.status_code, error.headers)

    @api.exception_handler(Exception)
    def unforeseen(_: Request, error: Exception) -> Response:
        return AsciiResponse({"error": type(error).__name__, "detail": UNFORESEEN}, 500)


def _wanted(route: APIRoute) -> Callable[[tuple[int | str, ...]], str]:
    """Return what says what was expected at a place of a request's body, or of its query."""
    (field,) = [route.body_field] if route.body_field else route.dependant.query_params
    model: Any = field.field_info.annotation
    if route.body_field is None:
        return lambda place: asked(model, place[0])
    return expected if model is Order else partial(expected_in, model)


def _mistake(
    error: Mapping[str, Any], body: object, wanted: Callable[[tuple[int | str, ...]], str]
) -> dict[str, Any]:
    place: Sequence[int | str] = error["loc"][1:]
    if error["type"] == "json_invalid":
        wrong = error["ctx"]["error"]
        wrong = wrong if place[0] == NOWHERE else f"{wrong} at character {place[0]}"
        return _words("body", body, f"a JSON object ({wrong})")
    missing = error["type"] == "missing"
    found = None if missing else error["input"]
    return _words(_path(place), found, wanted(tuple(place)), missing=missing)


def _words(field: str, found: object, wanted: str, *, missing: bool = False) -> dict[str, Any]:
    value = _short(found)
    shown = "nothing" if missing else json.dumps(value)
    message = f"{_short(field)}: found {shown}, expected {wanted}."
    return {"field": _short(field), "found": value, "expected": wanted, "message": message}


def _path(place: Sequence[int | str]) -> str:
    """Return a place as one writes it: ("items", 3) gives "items[3]"."""
    if not place:
        return "body"
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]


def _short(value: object) -> object:
    """Return a value that JSON can carry, and not more of it than tells."""
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, int | Decimal) and len(str(value)) > LONGEST:
        return f"a number of {len(str(value))} digits"
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}… ({len(value)} characters)"
    if isinstance(value, list):
        return f"a list of length {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return value
