"""The lines of exported files: CSV that is safe in a spreadsheet, and JSON Lines."""

import csv
import io
import json

import pytest

from operations.export.csv_lines import Cell, csv_lines
from operations.export.json_lines import json_line

FORMULAS = [
    ("=1+1", "'=1+1"),
    ('=HYPERLINK("http://x";"y")', '\'=HYPERLINK("http://x";"y")'),
    ("+1+1", "'+1+1"),
    ("-1+1", "'-1+1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("-", "'-"),
    ("\t=1", "'\t=1"),
    ("\tx", "'\tx"),
    ("\r=1", "'\n=1"),
    ("\nx", "'\nx"),
    ("  =1", "'  =1"),
    ("\u00a0=1", "'\u00a0=1"),
    ('"=1', "'\"=1"),
    ("'=1", "''=1"),
    ("' \"=cmd|' /C calc'!A0", "'' \"=cmd|' /C calc'!A0"),
    ("\ufeff=1", "'\ufeff=1"),
    ("\u200b\u202e=1", "'\u200b\u202e=1"),
    ("\uff1d1+1", "'\uff1d1+1"),
    ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
    ("+\u0661", "'+\u0661"),
    ("-1 ", "'-1 "),
    ("+1\n=2", "'+1\n=2"),
]
PLAIN = [
    *["", "order_A", "a=b", "a-1", "1", "-1", "+1", "-0.5", "+1.5e-3", ".5", "1.", "x\t=1", "é 😀"],
    *["a,b", 'say "no"', "two\nlines", "{}", '{"n": -1}', "-1\u0661"[:2]],
]
CHANGED = [
    ("a\0b", "a\u2400b"),
    ("\0=1", "\u2400=1"),
    ("\x1b[31m", "\u241b[31m"),
    ("\x7f", "\u2421"),
    ("\x85\x9f", "\ufffd\ufffd"),
    ("\ud800", "\ufffd"),
    ("a\r\nb\rc", "a\nb\nc"),
]


def cells(text: str) -> list[list[str]]:
    """Return the cells of each line of CSV, as a reader finds them."""
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize(
    ("cell", "written"), [*FORMULAS, *((each, each) for each in PLAIN), *CHANGED]
)
def test_a_cell_is_no_formula(cell: str, written: str) -> None:
    """A text that a spreadsheet would run starts with an apostrophe; others and numbers do not."""
    line = csv_lines([["x", cell, "y"]])
    assert line.endswith("\r\n")
    assert cells(line) == [["x", written, "y"]]
    line.encode()


def test_lines_follow_rfc_4180() -> None:
    """Commas, quotes and line ends within a cell are quoted; each line ends with CR LF."""
    rows: list[list[Cell]] = [["a,b", 'say "no"'], ["1\n2", None], ["", 7]]
    assert csv_lines(rows) == '"a,b","say ""no"""\r\n"1\n2",\r\n,7\r\n'


PAYLOADS = [
    (None, "null"),
    ("7", "7"),
    ("1e400", "1e400"),
    ('{"a": 1,\r\n "a": 2}', '{"a": 1,  "a": 2}'),
    ("NaN", '"NaN"'),
    ("not JSON\n", '"not JSON\\n"'),
    ("", '""'),
    ('"\ud800 \u2028 \u0085"', '"\\ud800 \\u2028 \\u0085"'),
    ('"é"', '"é"'),
]


@pytest.mark.parametrize(("payload", "written"), PAYLOADS)
def test_a_payload_is_a_member(payload: str | None, written: str) -> None:
    """As it is written if it is JSON; a line has no line end within."""
    line = json_line({"id": "é"}, {"input": payload})
    assert line == f'{{"id":"\\u00e9","input":{written}}}\n'
    assert len(line.splitlines()) == 1
    line.encode()
    json.loads(line)


def test_an_object_without_payloads() -> None:
    """It is an object all the same."""
    assert json_line({"id": "a", "n": None}, {}) == '{"id":"a","n":null}\n'
