"""Translates errors into answers: every one has a status, a kind, and words for a person."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from operations.errors import (
    Conflict,
    EngineRefused,
    FlowdeckError,
    InvalidInput,
    Unavailable,
    UnknownInstance,
)
from worker.orders import expected

LONGEST = 200  # characters of a wrong value that are given back
_STATUS = {
    UnknownInstance: 404,
    Conflict: 409,
    InvalidInput: 422,
    EngineRefused: 502,
    Unavailable: 503,
}


def handle_errors(api: FastAPI) -> None:
    """Answer every named error of the house, and the framework's own in the same form."""

    @api.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        mistakes = [_mistake(each) for each in error.errors()]
        return _answer(422, {"error": "InvalidInput", "detail": mistakes})

    @api.exception_handler(InvalidInput)
    def refused(_: Request, error: InvalidInput) -> Response:
        mistake = _words(error.field, error.found, error.expected)
        return _answer(422, {"error": "InvalidInput", "detail": [mistake]})

    @api.exception_handler(FlowdeckError)
    def failed(_: Request, error: FlowdeckError) -> Response:
        code = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        return _answer(code, {"error": type(error).__name__, "detail": str(error)})

    @api.exception_handler(HTTPException)
    def unknown(_: Request, error: HTTPException) -> Response:
        body = {"error": str(error.detail).replace(" ", ""), "detail": str(error.detail)}
        return _answer(error.status_code, body, error.headers)


def _mistake(error: Mapping[str, Any]) -> dict[str, Any]:
    place: Sequence[int | str] = error["loc"][1:]
    if error["type"] == "json_invalid":
        return _words("body", error["ctx"]["error"], "a JSON object")
    if error["loc"][0] == "path":
        return _words(str(place[0]), error["input"], "the id of an instance")
    missing = error["type"] == "missing"
    found = None if missing else error["input"]
    return _words(_path(place) or "body", found, expected(tuple(place)), missing=missing)


def _words(field: str, found: object, wanted: str, *, missing: bool = False) -> dict[str, Any]:
    value = _short(found)
    shown = "nothing" if missing else json.dumps(value)
    message = f"{field}: found {shown}, expected {wanted}."
    return {"field": field, "found": value, "expected": wanted, "message": message}


def _path(place: Sequence[int | str]) -> str:
    """Return a place as one writes it: ("items", 3) gives "items[3]"."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]


def _short(value: object) -> object:
    """Return a value that JSON can carry, and not more of it than tells."""
    if isinstance(value, float) and not abs(value) < float("inf"):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value if len(str(value)) <= LONGEST else f"a number of {len(str(value))} digits"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _answer(
    code: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    # Escaped to ASCII: what was sent may hold half a character, which UTF-8 cannot.
    content = json.dumps(body, allow_nan=False, separators=(",", ":"))
    return Response(content, code, headers, media_type="application/json")
