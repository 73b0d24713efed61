"""An attached Flowdeck, as `python -m system attach` starts it from an empty folder."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

from system.dapr.settings import PROJECT
from tests.http_client import http_client
from tests.integration.stack import processes_of
from tests.ports import first_port
from tests.waiting import STARTUP, eventually

FIRST = first_port(29400)
"""The first port of the application, 30 before those of Flowdeck."""


class Attached:
    """An attached Flowdeck: its command, its console, its REST API."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.home = folder / "home"
        self.url = f"http://127.0.0.1:{FIRST + 31}"
        self.page = f"http://127.0.0.1:{FIRST + 32}"
        self._empty = folder / "empty"
        self._output = folder / "console.log"
        self._arguments = arguments
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "FLOWDECK_ENV_FILE"},
            "PYTHONPATH": str(PROJECT),
            "FLOWDECK_HOME": str(self.home),
            "FLOWDECK_SPANS_PORT": str(FIRST + 30),
            "FLOWDECK_API_PORT": str(FIRST + 31),
            "FLOWDECK_PAGE_PORT": str(FIRST + 32),
            "FLOWDECK_DAPR_PORTS": str(FIRST + 33),
            **variables,
        }

    def __enter__(self) -> Self:
        self._empty.mkdir(parents=True)
        (self._empty / ".env").write_text("FLOWDECK_API_PORT=1\nDAPR_API_TOKEN=of-the-folder\n")
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "system", "attach", *self._arguments],
                cwd=self._empty,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def output(self) -> str:
        """The output of the console so far."""
        return self._output.read_text(errors="replace")

    def says(self, text: str) -> None:
        """Wait until the console has a text."""
        try:
            eventually(lambda: text in self.output, STARTUP, f"the console says {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}") from None

    def end(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=30)

    def left_nothing(self) -> None:
        """Assert that no process runs any more, and that the folder of the command is unchanged."""
        (ledger,) = self.home.glob("data/attached/*/*/ledger.db")
        assert [*processes_of(self.home), *processes_of(ledger.parent)] == []
        assert [file.name for file in self._empty.iterdir()] == [".env"]

    def get(self, path: str) -> Any:
        """Return the JSON body of an answer, whatever its status."""
        return http_client.get(f"{self.url}{path}").json()

    def act(self, action: str, instance_id: str) -> str:
        """Act on an instance, and return its status from the answer."""
        answer = http_client.post(f"{self.url}/workflow/{action}/{instance_id}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["status"])

    def statuses(self) -> dict[str, str]:
        """Return the status of each instance of the list."""
        with suppress(httpx.HTTPError, KeyError):
            return {
                run["instance_id"]: run["status"] for run in self.get("/workflows")["workflows"]
            }
        return {}

    def shows(self, instance_id: str, status: str) -> None:
        """Wait until the list has an instance with a status."""
        text = f"{instance_id} is {status}"
        eventually(lambda: self.statuses().get(instance_id) == status, STARTUP, text)
