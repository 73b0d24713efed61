"""JSON texts of payloads: checked, compared and indented without a change of any value.

Parsing a payload would round its numbers and drop all but one of equal keys.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

MAX_DIGITS = sys.int_info.default_max_str_digits
"""Digits of the longest integer that Python reads by default."""
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]+')
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\.")
_UNREADABLE = re.compile(  # at the start of a token that is no text
    rf"-?[0-9]{{{MAX_DIGITS + 1},}}+(?!\.[0-9]|[eE][-+]?[0-9])|-?Infinity|NaN"
)
_WORDS = {
    "Expecting value": "expected a value",
    "Expecting property name enclosed in double quotes": "expected a name in double quotes",
    "Expecting ':' delimiter": "expected ':' after the name",
    "Expecting ',' delimiter": "expected ',' or the end of the object or list",
    "Extra data": "found more text after the end of the value",
    "Invalid control character at": "found a line break or another control character in a text",
    "Unterminated string starting at": "found a text without its closing quote",
}
"""The messages of Python's parser in words for a user."""
_GROWTH, _SHORT = 8, 10_000  # an indented text has up to 8 times its characters and 10,000
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")


@dataclass(frozen=True)
class JsonMistake:
    """Why a text is not JSON, and where: the line and the column of a character, from 1."""

    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.reason}."


def find_mistake(text: str) -> JsonMistake | None:
    """Return the first mistake in a text, None if `is_python_json` accepts it."""
    try:
        json.loads(text, parse_int=int, parse_float=str, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return JsonMistake(error.lineno, error.colno, _WORDS.get(error.msg, error.msg.lower()))
    except RecursionError:
        return JsonMistake(1, 1, "the value is nested too deeply")
    except ValueError:
        return _unreadable_number(text)
    return None


def _unreadable_number(text: str) -> JsonMistake:
    """Return the place of the first number that is not JSON, or that Python does not read."""
    start, number = next(
        (token.start(), found[0])
        for token in _TOKEN.finditer(text)
        if (found := _UNREADABLE.match(token[0]))
    )
    before = text[:start]
    column = start - before.rfind("\n")
    words = f"an integer of more than {MAX_DIGITS:,} digits" if number[-1].isdigit() else number
    reason = f"found {words}, expected a number"
    return JsonMistake(before.count("\n") + 1, column, reason)


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


def survives_javascript(text: str) -> bool:
    """Return True if JavaScript parses a text, which is a JSON object or list, without a loss.

    It would round large and long numbers, and drop all but one of equal keys.
    """
    if text.lstrip()[:1] not in _OPENING:
        return False
    try:
        json.loads(
            text,
            parse_int=_exact,
            parse_float=_exact,
            parse_constant=_refuse,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError, InvalidOperation):
        return False
    return True


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

    None also if it is nested so deeply that the spaces would make it many times as long.

    Numbers and keys stay as they are written. Escaped letters such as `\u00e9` become readable.
    """
    if text.lstrip()[:1] not in _OPENING or not is_json(text):
        return None
    parts, left = list[str](), _GROWTH * len(text) + _SHORT
    for part in _parts(text):
        parts.append(part)
        left -= len(part)
        if left < 0:
            return None
    return "".join(parts)


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


def _exact(digits: str) -> float:
    """Return a number as JavaScript has it; raise `ValueError` if that changes it."""
    number = float(digits)
    if Decimal(repr(number)) != Decimal(digits):
        raise ValueError(digits)
    return number


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
