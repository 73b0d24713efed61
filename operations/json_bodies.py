"""JSON bodies that contain payloads as they are, character by character."""

import json
import secrets
from dataclasses import dataclass
from itertools import chain, zip_longest

from operations.json_texts import is_json


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
