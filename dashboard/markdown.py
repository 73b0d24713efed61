"""Data as text that Streamlit's Markdown shows as it is."""

import re

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$&=^\"'@/])")
# What is replaced in the text that Markdown has been read into, where no mark can be escaped any
# more: names of emoji, icons and colours, addresses without a scheme, and arrows.
_REPLACED = re.compile(r"(?<=[:@])|(?<=www)(?=\.)|(?<=[-<>~])(?=[-=>])", re.IGNORECASE)
_JOINER = "\u2060"  # a word joiner, which nobody sees
_LINE_END = re.compile(r"\r\n?")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)  # would make code of a line


def plain(text: str) -> str:
    """Return a text in which Markdown, HTML, mathematics, colours and emoji names are letters."""
    text = _LINE_END.sub("\n", text)
    marked = _MARKS.sub(r"\\\1", _REPLACED.sub(_JOINER, text))
    return _INDENT.sub(_no_break, marked).replace("\n", "  \n")


def _no_break(indent: re.Match[str]) -> str:
    return "\u00a0" * len(indent[0])
