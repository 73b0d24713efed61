"""Starts the processes of the Procfile, restarts what dies, ends them all together."""

import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circus import get_arbiter

from system.console import Console

CHECK_EVERY = 0.5  # seconds between two looks at what has died
GRACE = 8.0  # seconds that a process has to end by itself


class Supervisor:
    """Runs commands until a signal ends them; blocks in `run`."""

    def __init__(
        self,
        commands: Mapping[str, str],
        folder: Path,
        environment: dict[str, str],
        console: Console,
    ) -> None:
        self._commands = commands
        self._folder = folder
        self._environment = environment
        self._console = console
        self._ending = False

    def run(self) -> None:
        """Run everything until SIGINT, SIGTERM, or the terminal is closed."""
        sockets = tempfile.mkdtemp(prefix="flowdeck-")
        arbiter = get_arbiter(
            [self._watcher(name, command) for name, command in self._commands.items()],
            controller=f"ipc://{sockets}/control",
            pubsub_endpoint=f"ipc://{sockets}/events",
            check_delay=CHECK_EVERY,
        )
        try:
            arbiter.start(cb=lambda _: _treat_hangup_as_end())
        finally:
            arbiter.stop()
            shutil.rmtree(sockets, ignore_errors=True)

    def _watcher(self, name: str, command: str) -> dict[str, Any]:
        stream = self._console.stream(name)
        return {
            "name": name,
            # Should this process be killed, the kernel ends its children: no port stays taken.
            "cmd": "setpriv" if shutil.which("setpriv") else "env",
            "args": [
                *(["--pdeathsig", "KILL"] if shutil.which("setpriv") else []),
                "sh",
                "-c",
                f"exec {command}",
            ],
            "env": self._environment,
            "working_dir": str(self._folder),
            "close_child_stdin": True,
            "stdout_stream": {"stream": stream},
            "stderr_stream": {"stream": stream},
            "max_retry": -1,
            "graceful_timeout": GRACE,
            "stop_signal": signal.SIGTERM,
            "stop_children": True,
            "hooks": {
                "before_stop": (self._before_stop, True),
                "after_reap": (self._after_reap, True),
            },
        }

    def _before_stop(self, **_: Any) -> bool:
        self._ending = True
        return True

    def _after_reap(self, watcher: Any, exit_code: int, **_: Any) -> bool:
        if not self._ending:
            self._console.say(f"{watcher.name} ended ({_ending_of(exit_code)}): starting it again.")
        return True


def _ending_of(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"


def _treat_hangup_as_end() -> None:
    """End on a closed terminal as on SIGTERM, where circus would start everything anew."""
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
