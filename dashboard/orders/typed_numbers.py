"""Reads the numbers of the form from their text, and quotes typed texts in messages."""

import re

AMOUNT = r"[0-9]+(\.[0-9]{1,2})?"
"""The grammar of an amount, in Python and in JavaScript: no sign, exponent or separator."""
_AMOUNT = re.compile(AMOUNT)
_COUNT = re.compile("[0-9]{1,9}")
_GROUPED = re.compile("[0-9]{1,3}([,'\u2019 _\u00a0\u202f][0-9]{3})+([.][0-9]*)?")
_DECIMAL_COMMA = re.compile("[0-9]+,[0-9]{0,2}")
_MAX_QUOTED = 80  # characters


def read_amount(text: str) -> float | None:
    """Return the amount; None if the text, without the blanks around it, is none."""
    return float(text) if _AMOUNT.fullmatch(text := text.strip()) else None


def why_no_amount(text: str) -> str:
    """Return in one sentence how a refused text must be written; empty if it follows the rules."""
    text = text.strip()
    if not text or _AMOUNT.fullmatch(text):
        return ""
    if _GROUPED.fullmatch(text):
        return f"Write it without thousands separators: {re.sub('[^0-9.]', '', text)}."
    if _DECIMAL_COMMA.fullmatch(text):
        return f"Write it with a point: {text.replace(',', '.')}."
    return "Write it with the digits 0 to 9 and at most one point."


def read_count(text: str) -> int | None:
    """Return the whole number; None if the text, without the blanks around it, is none."""
    return int(text) if _COUNT.fullmatch(text := text.strip()) else None


def quoted(text: str) -> str:
    """Return a typed text in quotes; invisible characters other than spaces as their escapes."""
    if not text:
        return "nothing"
    shown = "".join(each if each.isprintable() else _escape(each) for each in text)
    return f"'{shown[:_MAX_QUOTED]}…'" if len(shown) > _MAX_QUOTED else f"'{shown}'"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
