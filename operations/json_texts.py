"""JSON texts of payloads: checked, compared and indented without a change of any value.

Parsing a payload would round its numbers and drop all but one of equal keys.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import NoReturn

MAX_DIGITS = sys.int_info.default_max_str_digits
"""Digits of the longest integer that Python reads by default."""
_TOKEN = re.compile(r'"(?:[^"\\]+|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\.")
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")


def is_json(text: str, *, parse_int: Callable[[str], object] = str) -> bool:
    """Return True if a text is JSON, not nested too deeply; NaN and infinities are not JSON.

    `parse_int` is called with the text of each integer; its `ValueError` makes the text no JSON.
    """
    try:
        json.loads(text, parse_int=parse_int, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def is_python_json(text: str) -> bool:
    """Return True if a text is JSON that workers in Python can read.

    A workflow in Python fails when it receives an integer of more than `MAX_DIGITS` digits.
    """
    return is_json(text, parse_int=int)


def same_json(one: str | None, other: str | None) -> bool:
    """Return True if two texts are equal, or are JSON with equal values.

    Numbers are compared exactly. The order of an object's keys does not matter.
    """
    if one is None or other is None or one == other:
        return one == other
    try:
        return _meaning(one) == _meaning(other)
    except (ValueError, RecursionError):
        return False


def indented(text: str) -> str | None:
    r"""Return a JSON object or list with line breaks, None for any other text.

    Numbers and keys stay as they are written. Escaped letters such as `\u00e9` become readable.
    """
    if text.lstrip()[:1] not in _OPENING or not is_json(text):
        return None
    return "".join(_parts(text))


def _parts(text: str) -> Iterator[str]:
    depth, last = 0, ""
    for part in _TOKEN.findall(text):
        depth -= part in _CLOSING
        is_empty = last in _OPENING and part in _CLOSING
        if (last in _OPENING or last == "," or part in _CLOSING) and not is_empty:
            yield "\n" + "  " * depth
        yield ": " if part == ":" else _ESCAPES.sub(_readable, part)
        depth += part in _OPENING
        last = part


def _readable(escapes: re.Match[str]) -> str:
    """Return escaped letters as letters; all other escapes stay."""
    decoded = str(json.loads(f'"{escapes[0]}"'))
    return decoded if decoded.isprintable() and min(decoded) > "\x7f" else escapes[0]


def _meaning(text: str) -> object:
    """Return a value that is equal for equal JSON; raise `ValueError` for any other text."""
    return json.loads(
        text,
        parse_int=_number,
        parse_float=_number,
        parse_constant=_refuse,
        object_pairs_hook=lambda pairs: ("object", sorted(pairs, key=lambda pair: pair[0])),
    )


def _number(digits: str) -> tuple[str, Decimal | str]:
    """Return a number that differs from `true`, which Python takes for 1."""
    try:
        return "number", Decimal(digits)
    except InvalidOperation:  # an exponent of 19 digits
        return "number", digits


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
