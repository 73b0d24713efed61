"""Parses one line of a process's output: its level, its logger, and its short form."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

_ERRORS = frozenset({"error", "critical", "fatal", "panic"})
_OURS = re.compile(r"^(?P<time>\S+Z) \[(?P<level>\w+) *\] (?P<text>.*)$")
_LOGGER = re.compile(r" \[(?P<logger>[\w.-]+)\](?P<values>( \S+=.*)?)$")
_DAPR = re.compile(
    r'^time="(?P<time>[^"]+)" level=(?P<level>\w+) msg=(?P<text>"(?:[^"\\]|\\.)*"|\S+)'
)
_GO = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")  # Go's own logger, which has no levels


@dataclass(frozen=True)
class LogLine:
    """The first line of a log message; `short` is how the console shows it."""

    level: str
    short: str
    logger: str = ""
    is_ours: bool = False

    @property
    def is_error(self) -> bool:
        """Whether the line reports an error."""
        return self.level in _ERRORS

    @property
    def is_problem(self) -> bool:
        """Whether the line reports a warning or an error."""
        return self.is_error or self.level == "warning"


def parse(line: str) -> LogLine | None:
    """Return the parsed line, or None if the line continues the message before it."""
    if found := _OURS.match(line):
        return _ours(found["time"], found["level"], found["text"])
    if found := _DAPR.match(line):
        text = found["text"].strip('"').replace('\\"', '"')
        return LogLine(found["level"], _short(found["time"], found["level"], text))
    if _GO.match(line):
        return LogLine("info", line)
    return _from_json(line) if line.startswith("{") else None


def _ours(time: str, level: str, text: str) -> LogLine:
    """Return a line of `operations.logs`, without the logger's name in its short form."""
    found = _LOGGER.search(text)
    if found:
        text = text[: found.start()] + found["values"]
    logger = found["logger"] if found else ""
    return LogLine(level, _short(time, level, text), logger, is_ours=True)


def _from_json(line: str) -> LogLine | None:
    """Return a line in JSON, of Flowdeck or of the scheduler's etcd; `short` is the whole line."""
    try:
        values = json.loads(line)
    except ValueError:
        return None
    level, logger = str(values.get("level", "info")), str(values.get("logger", ""))
    return LogLine(level, line, logger, is_ours="event" in values)


def _short(time: str, level: str, text: str) -> str:
    """Return a line with its time in this machine's zone; the level is left out if it is info."""
    try:
        clock = f"{datetime.fromisoformat(time).astimezone():%H:%M:%S}"
    except ValueError:
        clock = time
    return f"{clock} {text}" if level == "info" else f"{clock} {level.upper()} {text}"
