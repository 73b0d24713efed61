"""Data as text that Streamlit's Markdown shows as it is."""

import re

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$&=^\"'@/])")


def plain(text: str) -> str:
    """Return a text in which Markdown, HTML, mathematics, colours and emoji names are letters."""
    # Emoji and icon names are replaced after Markdown has been read: a word joiner breaks them.
    return _MARKS.sub(r"\\\1", text).replace(":", ":\u2060").replace("\n", "  \n")
