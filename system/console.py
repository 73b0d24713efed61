"""The output of all processes on one console, each line with the name of its process."""

import io
import os
import signal
import sys

_COLOURS = (36, 35, 34, 33, 32, 31)
FLOWDECK = "flowdeck"


class Console:
    """Writes named lines; ends the system when nobody can read them any more."""

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, [*names, FLOWDECK]))
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # for a terminal without UTF-8
        coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._colours = dict(zip(names, _COLOURS, strict=False)) if coloured else {}

    def line(self, name: str, text: str) -> None:
        """Write one line of the process `name`."""
        label = f"{name:<{self._width}} |"
        if name in self._colours:
            label = f"\033[{self._colours[name]}m{label}\033[0m"
        try:
            sys.stdout.write(f"{label} {text}\n")
            sys.stdout.flush()
        except OSError:  # the terminal or the pipe is gone
            os.kill(os.getpid(), signal.SIGTERM)

    def say(self, text: str) -> None:
        """Write lines of the system itself."""
        for line in text.splitlines():
            self.line(FLOWDECK, line)

    def lines(self, name: str) -> "Lines":
        """Return what cuts the output of the process `name` into lines."""
        return Lines(self, name)


class Lines:
    """Cuts what a process writes into lines; it comes in pieces of any length."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Take a piece, and write the lines that it completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._write(line)

    def close(self) -> None:
        """Write what the process left without an end of line."""
        if self._rest:
            self._write(self._rest)
        self._rest = b""

    def _write(self, line: bytes) -> None:
        self._console.line(self._name, line.decode(errors="replace").rstrip("\r"))
