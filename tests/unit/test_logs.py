"""Log lines, as text and as JSON."""

import json
import logging

import structlog

from tests.unit.conftest import LogLines


def test_a_text_line_has_the_message_and_the_instance(log_lines: LogLines) -> None:
    """A person reads the sentence first, then what it is about."""
    log_lines.configure("info", "text")
    structlog.get_logger("tests.text").info("An order came", instance_id="order_A")
    (line,) = log_lines.text().splitlines()
    assert "An order came" in line
    assert "instance_id=order_A" in line


def test_a_json_line_has_the_message_and_the_instance(log_lines: LogLines) -> None:
    """A program reads the same, with the time in UTC, the level and the logger's name."""
    log_lines.configure("info", "json")
    structlog.get_logger("tests.json").info("🚀 An order came", instance_id="order_A")
    event = json.loads(log_lines.text())
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "🚀 An order came",
        "instance_id": "order_A",
        "level": "info",
        "logger": "tests.json",
    }


def test_a_librarys_line_has_the_same_form(log_lines: LogLines) -> None:
    """What a library logs in its own way comes out as ours does."""
    log_lines.configure("info", "json")
    logging.getLogger("library").warning("Out of %s", "paper")
    event = json.loads(log_lines.text())
    assert (event["event"], event["level"], event["logger"]) == (
        "Out of paper",
        "warning",
        "library",
    )


def test_a_line_below_the_level_is_not_logged(log_lines: LogLines) -> None:
    """Neither our own nor a library's."""
    log_lines.configure("warning")
    structlog.get_logger("tests.level").info("An order came")
    logging.getLogger("library").info("All is well")
    assert log_lines.text() == ""


def test_an_error_is_logged_with_its_trace_in_one_json_line(log_lines: LogLines) -> None:
    """A failure stays one event, whatever it holds."""
    log_lines.configure("info", "json")
    structlog.get_logger("tests.error").error("Failed", exc_info=ValueError("no paper\nat all"))
    (event,) = log_lines.events()
    assert event["event"] == "Failed"
    assert "ValueError: no paper" in event["exception"]


def test_a_message_over_several_lines_stays_one_json_line(log_lines: LogLines) -> None:
    """Nobody can forge a second line."""
    log_lines.configure("info", "json")
    structlog.get_logger("tests.lines").info("one\ntwo", instance_id="a\nb")
    assert len(log_lines.events()) == 1


def test_configuring_twice_does_not_double_the_lines(log_lines: LogLines) -> None:
    """The last configuration is the one that counts."""
    log_lines.configure("info")
    log_lines.configure("info")
    structlog.get_logger("tests.twice").info("An order came")
    assert len(log_lines.events()) == 1
