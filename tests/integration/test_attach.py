"""`python -m system attach`, from an empty folder, at an engine with the rich application."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from operations.errors import DaprUnavailable
from operations.gateway import DaprGateway
from system.attach.probe import ask_sidecar
from system.dapr.build import ensure
from system.dapr.settings import PROJECT
from tests.http_client import http_client
from tests.integration.attached import FIRST, Attached
from tests.integration.rich import Rich
from tests.tls_proxy import tls_proxy
from tests.waiting import STARTUP, eventually

APP_ID = "shop"
TOKEN = "the-token-of-the-application"  # noqa: S105 - of this test
ACTIONS = ("pause", "resume", "terminate", "purge")
ORDERS = (sys.executable, "-m", "worker")


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
            answer = http_client.post(f"{attached.url}/workflow/{action}/{instance_id}")
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_sidecar_behind_tls(
    application: Rich, attach: Callable[..., Attached], tmp_path: Path
) -> None:
    """A private authority is named in the environment; other messages say what to correct."""
    port, roots = FIRST + 41, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
    inner = int(application.endpoint.rpartition(":")[2])
    with tls_proxy(tmp_path, "localhost", port, inner, is_grpc=True) as certificate:
        for address, reason in (
            (f"localhost:{port}", r"the address needs TLS \(https://host:port\)"),
            (f"https://localhost:{port}", f"not trusted, so {roots} must name a file"),
            (f"https://{application.endpoint}", "the sidecar does not use TLS"),
        ):
            with (
                closing(DaprGateway(address)) as gateway,
                pytest.raises(DaprUnavailable, match=reason),
            ):
                gateway.health()
        trusting = {roots: str(certificate), "DAPR_API_TOKEN": TOKEN}
        address = f"https://127.0.0.1:{port}"
        answer = ask_sidecar({**os.environ, **trusting, "DAPR_GRPC_ENDPOINT": address})
        assert "the sidecar's certificate is for another host name" in str(answer)
        attached = attach(f"https://localhost:{port}", **trusting)
        attached.says(f"Attached to the application '{APP_ID}'")
        attached.says("Flowdeck is attached.")
        waiting = application.start("waiting")
        attached.shows(waiting, "RUNNING")
        assert attached.act("terminate", waiting) == "terminated"
        assert attached.end() == 0


@pytest.mark.slow
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
