"""Escapes data, so that Streamlit's Markdown shows it unchanged, and cuts long texts."""

import re

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$&=^\"'@/])")
# Streamlit replaces these after it has parsed the Markdown, so that a backslash does not escape
# them: names of emoji, icons and colours, addresses without a scheme, and arrows.
_REPLACED = re.compile(r"(?<=[:@])|(?<=www)(?=\.)|(?<=[-<>~])(?=[-=>])", re.IGNORECASE)
_JOINER = "\u2060"  # a word joiner, which is invisible
_LINE_END = re.compile(r"\r\n?")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)  # would turn a line into code


def plain(text: str) -> str:
    """Return a text whose Markdown, HTML, mathematics, colours and emoji names are escaped."""
    text = _LINE_END.sub("\n", text)
    marked = _MARKS.sub(r"\\\1", _REPLACED.sub(_JOINER, text))
    return _INDENT.sub(_no_break, marked).replace("\n", "  \n")


def shortened(text: str, length: int) -> str:
    """Return a text; its first characters with an ellipsis if it has more than `length`."""
    return text if len(text) <= length else f"{text[:length]}…"


def _no_break(indent: re.Match[str]) -> str:
    return "\u00a0" * len(indent[0])
