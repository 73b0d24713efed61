"""Data that is escaped for Streamlit's Markdown."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard.markdown import plain

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
SPECIAL = "\\`*_{}[]()#+-.!|~<>$&=^\"'@/:;,?%1aZx \t\n"
LETTERS = st.characters(codec="utf-8", exclude_characters="\0\u2060\ufffd")
TEXTS = st.text(st.sampled_from(SPECIAL) | LETTERS, max_size=60)
REPLACED_LATER = {
    "emoji": r":[\w+-]+:",
    "colours": r":[\w-]+\[",
    "addresses": r"(https?://|www(?=\.))[-.\w]+",
    "mail": r"[-.\w+]+@[-\w]+(?:\.[-\w]+)+",
    "arrows": r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)",
}
"""What Streamlit and remark-gfm replace in the browser after the Markdown is parsed."""


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag; no allowed tag has attributes."""
        assert not attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        """Record a text."""
        self.text += data


def shown(text: str) -> Page:
    """Return the page that Markdown makes of an escaped text."""
    return Page(MARKDOWN.render(plain(text)))


def words(text: str) -> list[str]:
    """Return the words of a text without invisible characters."""
    return text.replace("\u2060", "").split()


@given(TEXTS)
@example("    code")
@example("a\n\n    code")
@example("a\r\r\tcode")
@example("line\n---\nline")
@example("a | b\n--|--\n1 | 2")
@example("[a]: http://x\n[a]")
@example("<!-- a --> <b onclick=x>&amp;</b> <![CDATA[x]]>")
@example("~~~\ncode\n~~~")
@example("\\*")
def test_a_text_is_shown_unchanged(text: str) -> None:
    """Markdown makes only paragraphs and line breaks of any text."""
    page = shown(text)
    assert page.tags <= {"p", "br"}
    assert words(page.text) == words(text)


@given(TEXTS)
@example("www.example.com WWW.a.b http://x.y")
@example("a@b.com")
@example(":smile: :red[x] :material/star: :+1:")
@example("a -> b <- c <-> d -- e >= f <= g ~= h")
def test_nothing_is_replaced_in_the_browser(text: str) -> None:
    """Names of emoji and colours, addresses and arrows stay text."""
    parsed = shown(text).text
    patterns = REPLACED_LATER.items()
    assert not [name for name, what in patterns if re.search(what, parsed, re.IGNORECASE)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (":red[x]", "colours"),
        (":tada:", "emoji"),
        ("www.example.com", "addresses"),
        ("a@b.com", "mail"),
        ("a -> b", "arrows"),
    ],
)
def test_the_patterns_match(text: str, what: str) -> None:
    """The patterns of these tests find what they are for."""
    assert re.search(REPLACED_LATER[what], text)


@pytest.mark.parametrize("text", ["$x$", "$$x$$", "\\(x\\)"])
def test_mathematics_is_escaped(text: str) -> None:
    """Each dollar sign has a backslash before it."""
    assert not re.search(r"(?<!\\)[$(]", plain(text))


def test_lines_stay_lines() -> None:
    """A line break is kept in Markdown."""
    assert "br" in shown("one\ntwo").tags


def test_an_indent_stays() -> None:
    """An indented line keeps its indent, and is not code."""
    assert plain("a\n    b") == "a  \n\u00a0\u00a0\u00a0\u00a0b"
