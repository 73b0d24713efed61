"""The output of all processes on one console, each line with the name of its process."""

import os
import signal
import sys
from typing import Any

_COLOURS = (36, 35, 34, 33, 32, 31)
FLOWDECK = "flowdeck"


class Console:
    """Writes named lines; ends the system when nobody can read them any more."""

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, [*names, FLOWDECK]))
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

    def stream(self, name: str) -> "NamedStream":
        """Return where circus sends what the process `name` writes."""
        return NamedStream(self, name)


class NamedStream:
    """Cuts what a process writes into lines; circus hands it over in pieces of any length."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._rest: dict[int, bytes] = {}

    def __call__(self, data: dict[str, Any]) -> None:
        """Take a piece of output: circus's `data` holds its bytes and the process's id."""
        *lines, rest = (self._rest.pop(data["pid"], b"") + data["data"]).split(b"\n")
        self._rest = {data["pid"]: rest} if rest else {}
        for line in lines:
            self._console.line(self._name, line.decode(errors="replace").rstrip("\r"))

    def close(self) -> None:
        """Write what a process left without an end of line."""
        for rest in self._rest.values():
            self._console.line(self._name, rest.decode(errors="replace"))
        self._rest = {}
