"""The whole system as `make run` starts it, on the tests' own ports and data folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from operations.gateway import DaprGateway
from system.dapr.api_token import FILE_NAME
from system.dapr.settings import PROJECT, DaprSettings
from tests.http_client import http_client
from tests.waiting import STARTUP, eventually

PROCESSES = ("placement", "scheduler", "daprd", "worker", "recorder", "dashboard")
_MARKS = {"worker": "worker", "recorder": "operations.recorder", "dashboard": "dashboard"}
AT_ONCE = {
    "FLOWDECK_PROCESS_SECONDS": "0",
    "FLOWDECK_CHECK_SECONDS": "0",
    "FLOWDECK_CONFIRM_SECONDS": "0",
}
"""Settings with which activities take no time."""
RECOVERY = 90.0  # seconds within which the engine completes interrupted orders


class Stack:
    """A running system: its address, its processes, its output."""

    def __init__(self, folder: Path, dapr_ports: int, settings: dict[str, str]) -> None:
        self.folder = folder
        self.api_port = dapr_ports + 11
        self.ports = DaprSettings(dapr_ports=dapr_ports).ports
        self.page_port = dapr_ports + 12
        self.url = f"http://127.0.0.1:{self.api_port}"
        self.page = f"http://127.0.0.1:{self.page_port}"
        self.environment = {
            **os.environ,
            "FLOWDECK_HOME": str(folder),
            "FLOWDECK_DAPR_PORTS": str(dapr_ports),
            "FLOWDECK_API_PORT": str(self.api_port),
            "FLOWDECK_PAGE_PORT": str(self.page_port),
            **settings,
        }
        self._output = folder / "output.log"
        self._system: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """The output of the console so far."""
        return self._output.read_text(errors="replace")

    def log(self, process: str) -> str:
        """Return the full output of a process."""
        return (self.folder / "data" / "logs" / f"{process}.log").read_text(errors="replace")

    @property
    def token(self) -> str:
        """The token that daprd requires; each start has another."""
        return (self.folder / "data" / FILE_NAME).read_text().strip()

    def gateway(self, read_timeout: float = 1.0, write_timeout: float = 2.0) -> DaprGateway:
        """Open a gateway to the engine; the caller closes it. Timeouts are in seconds."""
        endpoint = f"127.0.0.1:{self.ports['dapr gRPC']}"
        return DaprGateway(
            endpoint,
            api_token=self.token,
            read_timeout=read_timeout,
            write_timeout=write_timeout,
        )

    @property
    def pid(self) -> int:
        """The process id of the supervisor."""
        assert self._system, "the system was not started"
        return self._system.pid

    def start(self) -> None:
        """Start the system, and wait until worker and dashboard are healthy."""
        with self._output.open("ab") as output:
            self._system = subprocess.Popen(
                [sys.executable, "-m", "system"],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_until_healthy(STARTUP)
        eventually(self.is_served, STARTUP, "the dashboard answers")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the system if it still runs, and leave no process behind."""
        if self._system and self._system.poll() is None:
            try:
                self.stop()
            finally:
                self._system.kill()
                self._system.wait()

    def stop(self) -> int:
        """Stop the system as Ctrl-C does, and return the exit code."""
        assert self._system, "the system was not started"
        self._system.send_signal(signal.SIGINT)
        return self.exit_code(30)

    def exit_code(self, seconds: float) -> int:
        """Wait until the system has ended, and return its exit code."""
        assert self._system, "the system was not started"
        return self._system.wait(timeout=seconds)

    def wait_until_healthy(self, seconds: float) -> None:
        """Wait until `/health` answers 200."""
        last: tuple[int, dict[str, Any]] = (0, {})

        def healthy() -> bool:
            nonlocal last
            assert self._system, "the system was not started"
            assert self._system.poll() is None, f"the system ended:\n{self.output}"
            last = self.health()
            return last[0] == 200

        try:
            eventually(healthy, seconds, "/health says 200")
        except AssertionError as error:
            raise AssertionError(f"{error} Last answer: {last}") from None

    def is_served(self) -> bool:
        """Return whether the dashboard answers."""
        try:
            return http_client.get(f"{self.page}/health").status_code == 200
        except httpx.HTTPError:
            return False

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of `/health`; status 0 if the worker does not answer."""
        try:
            answer = http_client.get(f"{self.url}/health")
        except httpx.HTTPError:
            return 0, {}
        return answer.status_code, answer.json()

    def process(self, name: str) -> psutil.Process | None:
        """Return the running process with a name of the Procfile, None if there is none."""
        mark = _MARKS.get(name, f"/{name}")
        for child in psutil.Process(self.pid).children():
            try:
                arguments = child.cmdline()
            except psutil.Error:
                continue
            if any(each.endswith(mark) for each in arguments[:4]):
                return child
        return None

    def kill(self, *names: str) -> None:
        """Kill processes with SIGKILL, and wait until the supervisor has restarted them."""
        killed = {name: self._running(name) for name in names}
        for process in killed.values():
            process.kill()
        for name, process in killed.items():
            is_back = partial(self._replaced, name, process)
            eventually(is_back, STARTUP, f"{name} is back")

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Suspend a process for a while."""
        process = self._running(name)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def _running(self, name: str) -> psutil.Process:
        return eventually(lambda: self.process(name), STARTUP, f"{name} runs")

    def _replaced(self, name: str, old: psutil.Process) -> bool:
        new = self.process(name)
        return new is not None and new.pid != old.pid

    def post(self, path: str, body: object = None) -> httpx.Response:
        """Send a POST request; the API must answer within 5 seconds in every case."""
        return http_client.post(f"{self.url}{path}", json=body)

    def start_order(self, order_id: str, amount: float = 99.99) -> str:
        """Start an order of two items, and return its instance id."""
        order = {"order_id": order_id, "amount": amount, "items": ["laptop", "mouse"]}
        answer = self.post("/workflow/start", order)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["instance_id"])

    def start_order_in(self, delay: timedelta, order_id: str) -> str:
        """Start an order that is due later, without Flowdeck, and return its instance id."""
        order = {"order_id": order_id, "amount": 1.0, "items": ["pen"]}
        instance_id = f"order_{order_id}"
        with closing(self.gateway()) as gateway:
            due = datetime.now(UTC) + delay
            gateway.start("order_workflow", instance_id, json.dumps(order), due)
        return instance_id

    def start_workflow(self, workflow: str, payload: object) -> str:
        """Start an instance of any workflow, and return its id."""
        instance_id = unique(workflow)
        body = {"workflow": workflow, "input": payload}
        self.post(f"/workflow/start/{instance_id}", body).raise_for_status()
        return instance_id

    def purge(self, instance_id: str) -> None:
        """Purge an instance through Dapr's HTTP API, without Flowdeck."""
        daprd = f"http://127.0.0.1:{self.ports['dapr HTTP']}/v1.0/workflows/dapr"
        headers = {"dapr-api-token": self.token}
        http_client.post(f"{daprd}/{instance_id}/purge", headers=headers).raise_for_status()

    def status(self, instance_id: str) -> dict[str, Any]:
        """Return the body of the status of an instance."""
        answer = http_client.get(f"{self.url}/workflow/status/{instance_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for(
        self, instance_id: str, status: str | tuple[str, ...], seconds: float = 15
    ) -> dict[str, Any]:
        """Wait until an instance has one of the statuses, and return its body."""
        wanted = (status,) if isinstance(status, str) else status

        def reached() -> dict[str, Any] | None:
            try:
                body = self.status(instance_id)
            except (httpx.HTTPError, AssertionError):  # the worker or the engine is not back yet
                return None
            return body if body["status"] in wanted else None

        return eventually(reached, seconds, f"{instance_id} is {status}")


def unique(name: str) -> str:
    """Return an id that no other test uses, in this session or another."""
    return f"{name}-{time.time_ns()}"


def processes_of(folder: Path) -> list[int]:
    """Return the ids of the processes whose FLOWDECK_HOME is this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            home = process.environ().get("FLOWDECK_HOME")
        except psutil.Error:
            continue
        if home == str(folder) and process.pid != os.getpid():
            found.append(process.pid)
    return found
