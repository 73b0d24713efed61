"""The output of one process: a rotated file has all lines, the console the important ones."""

import logging
import time
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

from system.console import Console
from system.log_lines import LogLine, parse

LARGEST_FILE = 10_000_000  # bytes; a full file is renamed to `<process>.log.1`
LAST_LINES = 20  # lines shown when a process ends
REPEATED = 60.0  # seconds; until then, Dapr's last error is not shown again


class Output:
    """Splits the output of a process, in chunks of any length, into lines, and writes the lines.

    Raises `OSError` if the file cannot be opened.
    """

    def __init__(
        self,
        console: Console,
        name: str,
        folder: Path,
        largest_file: int = LARGEST_FILE,
        repeated: float = REPEATED,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._console = console
        self._name = name
        self._file = RotatingFileHandler(
            folder / f"{name}.log", maxBytes=largest_file, backupCount=1, encoding="utf-8"
        )
        self._rest = b""
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._is_shown = False
        # Loggers whose next line is shown: after a warning, it reports the recovery.
        self._warned: set[str] = set()
        self._repeated = repeated
        self._last_error, self._last_error_at = "", 0.0

    def reset(self) -> None:
        """Forget the last lines and the last error, because another process starts."""
        self._last.clear()
        self._last_error = ""
        self._is_shown = self._console.shows(self._name, None)

    def feed(self, chunk: bytes) -> None:
        """Write the lines that a chunk completes."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        lines = [line.decode(errors="replace").rstrip("\r") for line in whole]
        if lines:
            self._file.emit(logging.makeLogRecord({"msg": "\n".join(lines)}))
        for line in lines:
            self._show(line)

    def end(self) -> None:
        """Write the last line if it has no end of line."""
        if self._rest:
            self.feed(b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def last_lines(self) -> list[str]:
        """The last lines of the process, in their short form."""
        return list(self._last)

    def _show(self, text: str) -> None:
        line = parse(text)
        if line:  # any other line continues the message before it, such as a traceback
            is_wanted = self._console.shows(self._name, line) or line.logger in self._warned
            self._is_shown = is_wanted and not self._is_repeated(line)
            self._warned.discard(line.logger)
            if self._is_shown and line.is_ours and line.is_problem and line.logger:
                self._warned.add(line.logger)
        short = line.short if line else text
        self._last.append(short)
        if self._is_shown and not self._console.is_ending:
            self._console.line(self._name, short)

    def _is_repeated(self, line: LogLine) -> bool:
        """Return whether Dapr has just written the same error; it writes some twice a second."""
        if line.is_ours or not line.is_error:
            return False
        last, last_at = self._last_error, self._last_error_at
        self._last_error = line.short.partition(" ")[2]  # without its time
        self._last_error_at = time.monotonic()
        return self._last_error == last and self._last_error_at - last_at < self._repeated
