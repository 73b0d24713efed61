"""A test application with its own engine, recorder and ledger."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from google.protobuf.wrappers_pb2 import StringValue

from operations.errors import FlowdeckError
from operations.gateway import DaprGateway, open_channel
from operations.gateway.stubs import pb, service
from operations.ledger import open_ledger
from operations.model import Instance, Status
from operations.records import RunSummary
from system.dapr.settings import PROJECT, DaprSettings
from tests.integration.stack import unique
from tests.waiting import STARTUP, eventually

DAPR = ("system.dapr placement", "system.dapr scheduler", "system.dapr daprd")
SIDECAR = DAPR[-1]
RECORDER = "operations.recorder"
RICH_APPLICATION = (sys.executable, "-m", "tests.integration.richapp")
_APPLICATION = "the application"


class Rich:
    """A running engine with a recorder, a ledger and an application.

    `application` is the command that runs the application, by default the rich application.
    """

    def __init__(
        self,
        folder: Path,
        dapr_ports: int,
        ledger_url: str = "",
        application: Sequence[str] = RICH_APPLICATION,
        **settings: str,
    ) -> None:
        engine = DaprSettings(dapr_ports=dapr_ports)
        ports = engine.ports
        self.endpoint = endpoint = f"127.0.0.1:{ports['dapr gRPC']}"
        ledger_url = ledger_url or f"sqlite:///{folder}/data/ledger.db"
        self.folder = folder
        self._application = application
        self._output = folder / "output.log"
        self._environment = {
            **os.environ,
            "FLOWDECK_HOME": str(folder),
            "FLOWDECK_DAPR_PORTS": str(dapr_ports),
            "FLOWDECK_SPANS_PORT": str(engine.trace_port),
            "DAPR_GRPC_ENDPOINT": endpoint,
            "FLOWDECK_LEDGER_URL": ledger_url,
            **settings,
        }
        self.trace_port = engine.trace_port
        self._open = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        token = settings.get("DAPR_API_TOKEN")
        self.gateway = DaprGateway(endpoint, api_token=token)
        self.patient_gateway = DaprGateway(endpoint, api_token=token, write_timeout=60)
        self.ledger = open_ledger(ledger_url, self.gateway.app_id)
        self._channel = open_channel(endpoint)
        self._stub = service.TaskHubSidecarServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        self._open.callback(self._channel.close)
        self._open.callback(self.gateway.close)
        self._open.callback(self.patient_gateway.close)
        self._open.callback(self.ledger.close)
        for module in (*DAPR, RECORDER):
            self._run(module, sys.executable, "-m", *module.split())
        self._run(_APPLICATION, *self._application)
        try:
            eventually(self._is_ready, STARTUP, "a worker is connected")
        except AssertionError as error:
            self._open.close()
            raise AssertionError(f"{error}\n{self._output.read_text()}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        """Kill the application for a while, and start it again at the end."""
        worker = self._processes[_APPLICATION]
        worker.kill()
        worker.wait()
        eventually(lambda: self.gateway.health().workers == 0, 20, "the worker is gone")
        try:
            yield
        finally:
            self._run(_APPLICATION, *self._application)
            eventually(self._is_ready, STARTUP, "a worker is connected")

    @contextmanager
    def without_sidecar(self, **settings: str) -> Iterator[None]:
        """Kill daprd for a while, and start it again at the end with other settings.

        The application stays.
        """
        sidecar = self._processes[SIDECAR]
        sidecar.kill()
        sidecar.wait()
        try:
            yield
        finally:
            self._environment.update(settings)
            self._run(SIDECAR, sys.executable, "-m", *SIDECAR.split())
            eventually(self._is_ready, STARTUP, "a worker is connected")

    @contextmanager
    def beside(self, *command: str, **variables: str) -> Iterator[None]:
        """Run another program at the same sidecar for a while."""
        environment = {**self._environment, **variables}
        with self._output.open("ab") as output:
            process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def _run(self, name: str, *command: str) -> None:
        with self._output.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._processes[name] = process
        self._open.callback(process.wait)
        self._open.callback(process.kill)

    @contextmanager
    def without_recorder(self) -> Iterator[None]:
        """Kill the recorder for a while, and start it again at the end."""
        recorder = self._processes[RECORDER]
        recorder.kill()
        recorder.wait()
        try:
            yield
        finally:
            self._run(RECORDER, sys.executable, "-m", RECORDER)

    def _is_ready(self) -> bool:
        with suppress(FlowdeckError):
            return self.gateway.health().workers == 1
        return False

    @property
    def output(self) -> str:
        """What the processes have written so far."""
        return self._output.read_text(errors="replace")

    def start(self, workflow: str, payload: str = "null", **more: Any) -> str:
        """Start an instance of a workflow, and return its id.

        A start ends when Dapr has saved the first step: with 200 activities, 2 s on a busy machine.
        """
        instance_id = unique(workflow)
        self.patient_gateway.start(workflow, instance_id, payload, **more)
        return instance_id

    def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Raise an external event."""
        request = pb.RaiseEventRequest(
            instanceId=instance_id, name=name, input=StringValue(value=payload)
        )
        self._stub.RaiseEvent(request, timeout=5)

    def rerun(self, instance_id: str, event_id: int) -> str:
        """Rerun an instance from an event on, and return the id of the new instance."""
        new_id = unique("rerun")
        request = pb.RerunWorkflowFromEventRequest(
            sourceInstanceID=instance_id, eventID=event_id, newInstanceID=new_id
        )
        self._stub.RerunWorkflowFromEvent(request, timeout=5)
        return new_id

    def purge(self, instance_id: str) -> None:
        """Purge an instance."""
        self._stub.PurgeInstances(pb.PurgeInstancesRequest(instanceId=instance_id), timeout=5)

    @contextmanager
    def state_store(self) -> Iterator[sqlite3.Connection]:
        """Open the database in which Dapr keeps its instances; commit at the end."""
        with closing(sqlite3.connect(self.folder / "data" / "dapr.db", timeout=30)) as store, store:
            yield store

    def delete_rows(self, instance_id: str, keys: str = "") -> int:
        """Delete the rows of an instance whose keys start so in Dapr's state store; count them."""
        rows = f".workflow||{instance_id}||{keys}"
        with self.state_store() as store:
            return store.execute("DELETE FROM state WHERE instr(key, ?)", (rows,)).rowcount

    def ended(self, instance_id: str) -> Instance:
        """Wait until an instance has ended in the engine, and return it."""

        def found() -> Instance | None:
            instance = self.gateway.state(instance_id)
            return instance if instance and instance.status.is_finished else None

        return eventually(found, 30, f"{instance_id} has ended")

    def recorded(self, instance_id: str, status: Status, seconds: float = 5) -> RunSummary:
        """Wait until an instance has a status in the ledger, and return its run."""

        def found() -> RunSummary | None:
            summary = self.ledger.runs.latest(instance_id)
            return summary if summary and summary.status is status else None

        return eventually(found, seconds, f"{instance_id} is {status} in the ledger")
