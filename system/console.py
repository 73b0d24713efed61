"""The console of `make run`: few lines, each with the name of its process."""

import io
import os
import signal
import sys

from system.log_lines import LogLine

APPLICATION = "worker"
"""The process of `make run` whose log lines are always shown."""
FLOWDECK = "flowdeck"
_COLOURS = (36, 35, 34, 33, 32, 31)
_OUR_LOGGERS = ("api", "operations", "worker")


class Console:
    """Writes lines with the name of their process; ends the system when the terminal is gone.

    The lines of the process `application` are always shown. The welcome sets `is_ready`, the
    supervisor sets `is_ending`.
    """

    def __init__(self, names: list[str], application: str = APPLICATION) -> None:
        self._application = application
        self.is_ready = self.is_ending = False
        self._width = max(map(len, [*names, FLOWDECK]))
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # for a terminal without UTF-8
        coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._colours = dict(zip(names, _COLOURS, strict=False)) if coloured else {}

    def shows(self, name: str, line: LogLine | None) -> bool:
        """Return whether the console shows a line of the process `name`.

        It shows errors, the steps of the order application, and Flowdeck's warnings once the system
        is ready. It hides Dapr's warnings, which require no action on one machine (mTLS is off, …).
        """
        if self.is_ending:
            return False
        if line is None:  # written without a logger
            return name == self._application
        if line.is_error:
            return True
        if line.is_problem:
            return line.is_ours and (self.is_ready or name == self._application)
        return name == self._application and line.logger.split(".")[0] in ("", *_OUR_LOGGERS)

    def line(self, name: str, text: str) -> None:
        """Write one line of the process `name`."""
        label = f"{name:<{self._width}} |"
        if name in self._colours:
            label = f"\033[{self._colours[name]}m{label}\033[0m"
        try:
            sys.stdout.write(f"{label} {text}".rstrip() + "\n")
            sys.stdout.flush()
        except OSError:  # the terminal or the pipe is gone
            os.kill(os.getpid(), signal.SIGTERM)

    def say(self, text: str) -> None:
        """Write lines of the system itself."""
        for line in text.split("\n"):
            self.line(FLOWDECK, line)
