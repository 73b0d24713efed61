"""`python -m system attach`, from an empty folder, at an engine with the rich application."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from system.dapr.build import ensure
from system.dapr.settings import PROJECT
from tests.http_client import http_client
from tests.integration.rich import Rich
from tests.integration.stack import processes_of
from tests.ports import first_port
from tests.waiting import STARTUP, eventually

APP_ID = "shop"
TOKEN = "the-token-of-the-application"  # noqa: S105 - of this test
FIRST = first_port(29400)
ACTIONS = ("pause", "resume", "terminate", "purge")
ORDERS = (sys.executable, "-m", "worker")


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


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    """Run an application whose sidecar requires a token and sends spans to Flowdeck's port."""
    folder = tmp_path_factory.mktemp("application")
    settings = {
        "DAPR_API_TOKEN": TOKEN,
        "FLOWDECK_APP_ID": APP_ID,
        "FLOWDECK_SPANS_PORT": str(FIRST + 30),
    }
    with Rich(folder, FIRST, **settings) as rich, rich.without_recorder():
        yield rich


@pytest.fixture
def attach(tmp_path: Path) -> Iterator[Callable[..., Attached]]:
    """Return a function that attaches Flowdeck; it is ended at the end."""
    with ExitStack() as opened:
        yield lambda *arguments, **variables: opened.enter_context(
            Attached(tmp_path, *arguments, **variables)
        )


@pytest.fixture(scope="module")
def attached(application: Rich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attached]:
    """Attach Flowdeck to an application that has a finished and a running instance."""
    folder = tmp_path_factory.mktemp("attached")
    application.start("parallel", "0")
    application.start("waiting")
    with Attached(folder, application.endpoint, DAPR_API_TOKEN=TOKEN) as attached:
        attached.says("Flowdeck is attached.")
        yield attached


def test_the_console_names_the_application(attached: Attached) -> None:
    """With its version, its workers, and the lines that enable traces."""
    attached.says(f"Attached to the application '{APP_ID}': Dapr 1.")
    attached.says("workers connected: 1.")
    attached.says(f'endpointAddress: "http://127.0.0.1:{FIRST + 30}/api/v2/spans"')
    attached.says("trace spans arrive")
    assert "Missing" not in attached.output


def test_every_instance_is_shown_and_can_be_acted_on(application: Rich, attached: Attached) -> None:
    """Also those that started before; nothing starts an order."""
    waiting = application.start("waiting")
    attached.shows(waiting, "RUNNING")
    assert [attached.act(each, waiting) for each in ACTIONS] == [f"{each}d" for each in ACTIONS]
    truth = {each: application.gateway.state(each) for each in application.gateway.ids().ids}
    for instance_id, instance in truth.items():
        assert instance
        attached.shows(instance_id, instance.status)
    assert len(truth) >= 2
    assert attached.get("/health")["status"] == "healthy"
    assert attached.get("/")["workflow"] is None
    assert http_client.post(f"{attached.url}/workflow/start", json={}).status_code == 404


def test_two_programs_at_one_sidecar_are_explained(application: Rich, attached: Attached) -> None:
    """Some instances fail, because the other program's worker does not know their workflow."""
    with application.beside(*ORDERS, FLOWDECK_API_PORT=str(FIRST + 40)):
        eventually(lambda: application.gateway.health().workers == 2, STARTUP, "two workers")
        for _ in range(8):
            application.start("parallel", "0")
        attached.says("failed: 2 workers are connected to this sidecar")
    assert attached.output.count("workers are connected to this sidecar") == 1
    assert "FAILED" in attached.statuses().values()


def test_another_application_at_the_address_is_left_alone(
    application: Rich, attached: Attached
) -> None:
    """Nothing of it is recorded or changed, even an instance with the same id."""
    instance_id = application.start("waiting")
    attached.shows(instance_id, "RUNNING")
    before = attached.statuses()
    with application.without_sidecar(FLOWDECK_APP_ID="bank"):
        pass
    try:
        application.patient_gateway.start("waiting", instance_id, "null")
        others = application.start("parallel", "0")
        assert application.ended(others)
        attached.says(
            f"now belongs to the application 'bank', but this Flowdeck follows '{APP_ID}'"
        )
        for action in ACTIONS:
            answer = httpx.post(f"{attached.url}/workflow/{action}/{instance_id}", timeout=5)
            assert (answer.status_code, "'bank'" in answer.text) == (503, True)
        assert "'bank'" in attached.get("/health")["problems"][0]
        assert attached.statuses() == before
        instance = application.gateway.state(instance_id)
        assert instance
        assert instance.status == "RUNNING"
    finally:
        with application.without_sidecar(FLOWDECK_APP_ID=APP_ID):
            pass
    eventually(lambda: attached.get("/health")["status"] == "healthy", STARTUP, "it is back")
    assert attached.act("terminate", instance_id) == "terminated"
    assert attached.statuses().keys() == before.keys()


def test_nothing_is_left_after_ctrl_c(attached: Attached) -> None:
    """Neither a process nor a file in the folder of the command."""
    assert attached.end() == 0
    assert attached.output.endswith("Stopped; nothing is lost.\n")
    attached.left_nothing()


def test_a_companion_acts_and_takes_none_of_the_work(
    application: Rich, attach: Callable[..., Attached], tmp_path: Path
) -> None:
    """The application's own worker completes what is started meanwhile."""
    waiting = application.start("waiting")
    attached = attach(
        *("--companion", APP_ID, "--resources", resources(tmp_path, application.folder)),
        *("--placement", f"127.0.0.1:{FIRST}", "--daprd", str(ensure(print) / "daprd")),
    )
    attached.says("The companion runs daprd 1.")
    attached.says(f"Attached to the application '{APP_ID}': Dapr 1.")
    attached.shows(waiting, "RUNNING")
    started = [application.start("parallel", "0") for _ in range(5)]
    assert [attached.act(each, waiting) for each in ACTIONS] == [f"{each}d" for each in ACTIONS]
    for each in started:
        attached.shows(each, "COMPLETED")
    assert attached.get("/health")["status"] == "healthy"
    assert attached.end() == 0
    attached.left_nothing()


def test_a_sidecar_that_starts_later_is_awaited(
    application: Rich, attach: Callable[..., Attached]
) -> None:
    """The console says so, and the pages are there meanwhile."""
    waiting = application.start("waiting")
    with application.without_sidecar():
        attached = attach(application.endpoint, DAPR_API_TOKEN=TOKEN)
        attached.says(f"Waiting for the sidecar at {application.endpoint}.")
        attached.says("Flowdeck is attached.")
        assert http_client.get(f"{attached.page}/health").status_code == 200
        assert attached.get("/health")["status"] == "unhealthy"
        assert "Attached to" not in attached.output
    attached.says(f"Attached to the application '{APP_ID}'")
    attached.shows(waiting, "RUNNING")
    assert attached.end() == 0


def test_a_wrong_token_is_named(application: Rich, attach: Callable[..., Attached]) -> None:
    """The folder's `.env` has a token too: it is not read."""
    attached = attach(application.endpoint, DAPR_API_TOKEN="wrong")  # noqa: S106 - not a secret
    attached.says("the sidecar refuses the API token, so DAPR_API_TOKEN must be the sidecar's own")
    attached.says("Flowdeck is attached.")
    assert "refuses the API token" in attached.get("/health")["problems"][0]
    assert attached.end() == 0
    assert "ended (" not in attached.output


def resources(folder: Path, application: Path) -> str:
    """Write the state store of an application, with the absolute path of its file."""
    component = (PROJECT / "components" / "dapr-component.yaml").read_text()
    made = folder / "resources"
    made.mkdir()
    text = component.replace("data/dapr.db", str(application / "data" / "dapr.db"))
    (made / "dapr-component.yaml").write_text(text)
    return str(made)
