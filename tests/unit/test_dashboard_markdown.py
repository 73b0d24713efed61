"""Data as letters in Streamlit's Markdown."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard.markdown import plain

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NASTY = "\\`*_{}[]()#+-.!|~<>$&=^\"'@/:;,?%1aZx \t\n"
LETTERS = st.characters(codec="utf-8", exclude_characters="\0\u2060\ufffd")
TEXTS = st.text(st.sampled_from(NASTY) | LETTERS, max_size=60)
LATER = {
    "emoji": r":[\w+-]+:",
    "colours": r":[\w-]+\[",
    "addresses": r"(https?://|www(?=\.))[-.\w]+",
    "mail": r"[-.\w+]+@[-\w]+(?:\.[-\w]+)+",
    "arrows": r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)",
}
"""What Streamlit's page, and remark-gfm in it, look for once Markdown has been read into text."""


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; attributes come with none that may be here."""
        assert not attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def shown(text: str) -> Page:
    """Return what a text is once Markdown has been read."""
    return Page(MARKDOWN.render(plain(text)))


def words(text: str) -> list[str]:
    """Return a text without what nobody sees."""
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
def test_a_text_is_read_as_it_is(text: str) -> None:
    """Whatever it holds, Markdown makes nothing of it but paragraphs and lines."""
    page = shown(text)
    assert page.tags <= {"p", "br"}
    assert words(page.text) == words(text)


@given(TEXTS)
@example("www.example.com WWW.a.b http://x.y")
@example("a@b.com")
@example(":smile: :red[x] :material/star: :+1:")
@example("a -> b <- c <-> d -- e >= f <= g ~= h")
def test_nothing_is_left_to_be_replaced_later(text: str) -> None:
    """Names of emoji and colours, addresses and arrows stay letters in the browser, too."""
    seen = shown(text).text
    assert not [name for name, what in LATER.items() if re.search(what, seen, re.IGNORECASE)]


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
def test_what_would_be_replaced_is_known(text: str, what: str) -> None:
    """The patterns of these tests find what they are for."""
    assert re.search(LATER[what], text)


@pytest.mark.parametrize("text", ["$x$", "$$x$$", "\\(x\\)"])
def test_mathematics_is_letters(text: str) -> None:
    """No dollar is left without a stroke before it."""
    assert not re.search(r"(?<!\\)[$(]", plain(text))


def test_lines_stay_lines() -> None:
    """A line's end is one in Markdown, too."""
    assert "br" in shown("one\ntwo").tags


def test_an_indent_stays() -> None:
    """A line is as far from the margin as it was, and no code."""
    assert plain("a\n    b") == "a  \n\u00a0\u00a0\u00a0\u00a0b"
