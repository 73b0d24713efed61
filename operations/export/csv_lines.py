"""Lines of CSV (RFC 4180) that are safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

Cell = str | int | None

_LINE_END = re.compile(r"\r\n?")
_NOT_SHOWN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_PICTURES, _DELETE = 0x2400, 0x7F  # Unicode has a picture of each ASCII control character
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Spreadsheets ignore spaces, quotes and invisible characters before a formula, and some of them
# read the wide forms of the four signs too.
_FORMULA = re.compile(
    "[\t\n]|[\\s\"'`\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
)


def csv_lines(rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows as lines of CSV, each with a line end.

    A text that a spreadsheet could run as a formula gets an apostrophe in front. A text that is a
    number stays a number. A control character becomes its picture, such as U+2400 for NUL, or
    U+FFFD. Line ends within a text become line feeds. None is an empty cell.
    """
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\r\n").writerows(
        [_safe(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return lines.getvalue()


def _safe(text: str) -> str:
    text = _NOT_SHOWN.sub(_picture, _LINE_END.sub("\n", text))
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def _picture(character: re.Match[str]) -> str:
    code = ord(character.group())
    if code == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return chr(_PICTURES + code) if code < _DELETE else "\N{REPLACEMENT CHARACTER}"
