"""How the output of all processes becomes named lines."""

import pytest

from system.console import Console, Lines

TEXT = "first\nsecond: größer\r\n\nlast\n".encode()
LINES = ["worker   | first", "worker   | second: größer", "worker   | ", "worker   | last"]


@pytest.fixture
def lines() -> Lines:
    """Return what cuts the worker's output."""
    return Console(["worker", "web"]).lines("worker")


@pytest.mark.parametrize("length", [1, 2, 3, 7, 1024])
def test_pieces_of_any_length_become_whole_lines(
    lines: Lines, capsys: pytest.CaptureFixture[str], length: int
) -> None:
    """Where a piece ends, even within a letter, does not show."""
    for start in range(0, len(TEXT), length):
        lines.feed(TEXT[start : start + length])
    assert capsys.readouterr().out.splitlines() == LINES


def test_bytes_that_are_no_utf_8_are_replaced(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not text is shown as such, and the next line is whole."""
    lines.feed(b"caf\xe9\xff\nnext\n")
    assert capsys.readouterr().out.splitlines() == ["worker   | caf��", "worker   | next"]


def test_closing_writes_what_is_left_once(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """What a process left without an end of line is a line, once."""
    lines.feed(b"bye")
    lines.close()
    lines.close()
    assert capsys.readouterr().out == "worker   | bye\n"


def test_the_system_speaks_in_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of a message has the system's name before it."""
    Console(["placement"]).say("ready\nat once")
    assert capsys.readouterr().out == "flowdeck  | ready\nflowdeck  | at once\n"


def test_what_is_no_terminal_gets_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    """A file or a pipe gets text alone."""
    Console(["web"]).line("web", "up")
    assert capsys.readouterr().out == "web      | up\n"
