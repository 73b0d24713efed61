"""Splits a JSON body into its members as texts, so that payloads keep every character."""

import json
import re

_SPACE = re.compile(r"[ \t\n\r]*")


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
