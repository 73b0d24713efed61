"""JSON texts within JSON bodies, so that payloads pass through character by character."""

import json
import re
import secrets
from dataclasses import dataclass
from itertools import chain, zip_longest

from operations.json_texts import is_json

_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True)
class JsonText:
    """A value as the JSON text that was received or is sent."""

    text: str


def payload_value(payload: str | None) -> object:
    """Return a payload as a part of a body: JSON text as it is, any other text as a string."""
    return JsonText(payload) if payload is not None and is_json(payload) else payload


def render(content: object) -> bytes:
    """Return JSON with the text of each `JsonText` in its place; all other text is ASCII.

    Escapes keep lone surrogates, which UTF-8 cannot encode.
    """
    texts, mark = list[str](), secrets.token_hex(16)

    def placeholder(value: object) -> str:
        if not isinstance(value, JsonText):
            raise TypeError(f"{type(value).__name__} is not JSON")
        texts.append(value.text)
        return mark

    body = json.dumps(content, allow_nan=False, separators=(",", ":"), default=placeholder)
    parts = zip_longest(body.split(f'"{mark}"'), texts, fillvalue="")
    return "".join(chain.from_iterable(parts)).encode(errors="backslashreplace")


def members(text: str, most: int) -> list[tuple[str, str]] | None:
    """Return the names and the texts of a JSON object's members, None for any other JSON value.

    The result ends with the first member after `most`, because a caller who refuses so many needs
    no more.

    Raises `JSONDecodeError` and `RecursionError`.
    """
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    if not isinstance(decoder.decode(text), dict):
        return None
    found, at = list[tuple[str, str]](), _next(text, 0) + 1
    while len(found) <= most and text[at := _next(text, at)] != "}":
        at = _next(text, at + 1) if text[at] == "," else at
        name, at = decoder.raw_decode(text, at)
        start = _next(text, _next(text, at) + 1)
        _, at = decoder.raw_decode(text, start)
        found.append((name, text[start:at]))
    return found


def _next(text: str, at: int) -> int:
    """Return the index of the next character that is not white space."""
    space = _SPACE.match(text, at)
    return space.end() if space else at
