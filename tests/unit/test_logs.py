"""Log lines as text and as JSON."""

import json
import logging
import secrets

import pytest
import structlog

from tests.unit.conftest import LogLines


def test_a_text_line_has_the_message_and_the_instance(log_lines: LogLines) -> None:
    """The message is followed by its fields."""
    log_lines.configure("info", "text")
    structlog.get_logger("tests.text").info("An order arrived", instance_id="order_A")
    (line,) = log_lines.text().splitlines()
    assert "An order arrived" in line
    assert "instance_id=order_A" in line


def test_a_json_line_has_the_message_and_the_instance(log_lines: LogLines) -> None:
    """It also has the time in UTC, the level and the name of the logger."""
    log_lines.configure("info", "json")
    structlog.get_logger("tests.json").info("🚀 An order arrived", instance_id="order_A")
    event = json.loads(log_lines.text())
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "🚀 An order arrived",
        "instance_id": "order_A",
        "level": "info",
        "logger": "tests.json",
    }


def test_a_line_of_a_library_has_the_same_form(log_lines: LogLines) -> None:
    """Libraries use the standard `logging` module."""
    log_lines.configure("info", "json")
    logging.getLogger("library").warning("Out of %s", "paper")
    event = json.loads(log_lines.text())
    assert (event["event"], event["level"], event["logger"]) == (
        "Out of paper",
        "warning",
        "library",
    )


def test_a_line_below_the_level_is_not_logged(log_lines: LogLines) -> None:
    """Neither a line of the application nor one of a library."""
    log_lines.configure("warning")
    structlog.get_logger("tests.level").info("An order arrived")
    logging.getLogger("library").info("All is well")
    assert log_lines.text() == ""


def test_an_error_is_logged_with_its_traceback_in_one_json_line(log_lines: LogLines) -> None:
    """Line breaks in the message of the exception do not split the line."""
    log_lines.configure("info", "json")
    structlog.get_logger("tests.error").error("Failed", exc_info=ValueError("no paper\nat all"))
    (event,) = log_lines.events()
    assert event["event"] == "Failed"
    assert "ValueError: no paper" in event["exception"]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_shows_no_local_variables(log_lines: LogLines, log_format: str) -> None:
    """They contain tokens and payloads."""
    log_lines.configure("info", log_format)

    def call(token: str) -> None:
        raise ValueError(f"{len(token)} characters")

    token = secrets.token_hex(8)
    try:
        call(token)
    except ValueError:
        structlog.get_logger("tests.locals").exception("Failed")
    text = log_lines.text()
    assert "ValueError: 16 characters" in text
    assert token not in text


def test_a_message_of_several_lines_is_one_json_line(log_lines: LogLines) -> None:
    """Text from outside cannot forge a second line."""
    log_lines.configure("info", "json")
    structlog.get_logger("tests.lines").info("one\ntwo", instance_id="a\nb")
    assert len(log_lines.events()) == 1


def test_configuring_twice_does_not_double_the_lines(log_lines: LogLines) -> None:
    """The last configuration replaces the earlier one."""
    log_lines.configure("info")
    log_lines.configure("info")
    structlog.get_logger("tests.twice").info("An order arrived")
    assert len(log_lines.events()) == 1


def test_a_refused_websocket_is_no_error_in_the_log(
    log_lines: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uvicorn logs an error for each, so that any web page could fill the console."""
    log_lines.configure("info")
    uvicorn = logging.getLogger("uvicorn.error")
    for logger in (uvicorn, uvicorn.parent):  # Streamlit gives them handlers of its own
        monkeypatch.setattr(logger, "propagate", True)
    uvicorn.error("ASGI callable returned without completing handshake.")
    uvicorn.error("another error")
    assert [line["event"] for line in log_lines.events()] == ["another error"]
