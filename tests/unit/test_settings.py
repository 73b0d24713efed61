"""Settings: their defaults, where they come from, and what becomes of bad ones."""

from pathlib import Path

import pytest

from dashboard.settings import DashboardSettings
from operations.errors import InvalidInput
from operations.settings import OperationsSettings, Settings
from system.dapr.settings import DaprSettings
from tests.unit.conftest import LogLines
from worker.__main__ import main
from worker.settings import WorkerSettings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, where `.env` is read as usual."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOWDECK_ENV_FILE")


def test_what_is_not_set_has_a_default(tmp_path: Path) -> None:
    """Without settings everything is on this machine, the ledger in a file under data/."""
    settings = OperationsSettings()
    assert settings.endpoint == "127.0.0.1:28007"
    assert settings.ledger == f"sqlite:///{tmp_path}/data/ledger.db"
    assert (settings.api_token, settings.log_level, settings.log_format) == (None, "info", "text")


def test_the_workers_defaults_are_the_specifications() -> None:
    """Port 8000, on loopback; two seconds, two seconds and one; no faults."""
    settings = WorkerSettings()
    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 8000)
    assert (settings.process_seconds, settings.check_seconds) == (2.0, 2.0)
    assert (settings.confirm_seconds, settings.fault_rate) == (1.0, 0.0)


def test_daprs_own_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `dapr run` sets is where the sidecar is."""
    monkeypatch.setenv("DAPR_GRPC_PORT", "50001")
    monkeypatch.setenv("DAPR_API_TOKEN", "secret")
    settings = OperationsSettings()
    assert (settings.endpoint, settings.api_token) == ("127.0.0.1:50001", "secret")


def test_an_endpoint_goes_before_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole address says more than a port."""
    monkeypatch.setenv("DAPR_GRPC_PORT", "50001")
    monkeypatch.setenv("DAPR_GRPC_ENDPOINT", "dapr.example:443")
    assert OperationsSettings().endpoint == "dapr.example:443"


def test_the_ledger_is_where_it_is_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home moves the file; a URL replaces it."""
    monkeypatch.setenv("FLOWDECK_HOME", "/srv/flowdeck")
    assert OperationsSettings().ledger == "sqlite:////srv/flowdeck/data/ledger.db"
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "sqlite:////var/ledger.db")
    assert OperationsSettings().ledger == "sqlite:////var/ledger.db"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/ledger",
        "postgresql+psycopg://ann:s%40cret@[::1]:5433/ledger?sslmode=require",
        "postgresql:///ledger?host=/run/postgresql",
    ],
)
def test_the_ledger_may_be_on_postgresql(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any URL of a database that has a name is taken as it is."""
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", url)
    assert OperationsSettings.load().ledger == url


def test_variables_of_others_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HOME, and other names that are a field's without the prefix, mean nothing here."""
    for name in ("HOME", "LOG_LEVEL", "API_TOKEN", "API_PORT", "FAULT_RATE"):
        monkeypatch.setenv(name, "/elsewhere")
    settings = OperationsSettings()
    assert settings.ledger == f"sqlite:///{tmp_path}/data/ledger.db"
    assert (settings.log_level, settings.api_token) == ("info", None)
    assert (WorkerSettings().api_port, WorkerSettings().fault_rate) == (8000, 0)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings may be logged: the token and the database's password are left out."""
    monkeypatch.setenv("DAPR_API_TOKEN", "secret")
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "sqlite:////secret/ledger.db")
    assert "secret" not in repr(OperationsSettings())


def test_a_refused_url_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused is said on a console, which others may read."""
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "mysql://ann:secret@db/ledger")
    with pytest.raises(InvalidInput, match=r"found 'mysql://\*\*\*@db/ledger'"):
        OperationsSettings.load()


def test_a_file_is_read_and_the_environment_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `.env` file sets what the environment does not."""
    (tmp_path / ".env").write_text("FLOWDECK_API_HOST=::1\nFLOWDECK_API_PORT=8001\nOTHER=1\n")
    monkeypatch.setenv("FLOWDECK_API_PORT", "8002")
    settings = WorkerSettings.load()
    assert (settings.api_host, settings.api_port) == ("::1", 8002)


def test_another_file_or_none_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests, and a second system on one machine, must not read the first one's `.env`."""
    (tmp_path / ".env").write_text("FLOWDECK_API_PORT=8001\n")
    (tmp_path / "other").write_text("FLOWDECK_API_PORT=8002\n")
    monkeypatch.setenv("FLOWDECK_ENV_FILE", "other")
    assert WorkerSettings.load().api_port == 8002
    monkeypatch.setenv("FLOWDECK_ENV_FILE", "")
    assert WorkerSettings.load().api_port == 8000


def test_daprs_app_port_is_the_apis(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dapr run --app-port` is obeyed, unless our own setting says otherwise."""
    monkeypatch.setenv("APP_PORT", "9000")
    assert WorkerSettings().port == 9000
    monkeypatch.setenv("FLOWDECK_API_PORT", "9001")
    assert WorkerSettings().port == 9001


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (OperationsSettings, "DAPR_GRPC_PORT", "0"),
        (OperationsSettings, "DAPR_GRPC_PORT", "many"),
        (OperationsSettings, "FLOWDECK_LOG_LEVEL", "loud"),
        (OperationsSettings, "FLOWDECK_LOG_FORMAT", "xml"),
        (DaprSettings, "FLOWDECK_DAPR_PORTS", "80"),
        (DaprSettings, "FLOWDECK_DAPR_LOG_LEVEL", "loud"),
        (OperationsSettings, "FLOWDECK_LEDGER_URL", "postgresql://db/"),
        (OperationsSettings, "FLOWDECK_LEDGER_URL", "mysql://db/ledger"),
        (OperationsSettings, "FLOWDECK_LEDGER_URL", "sqlite://"),
        (OperationsSettings, "FLOWDECK_LEDGER_URL", "sqlite:///:memory:"),
        (OperationsSettings, "FLOWDECK_ENV_FILE", "/nope"),
        (OperationsSettings, "FLOWDECK_SPANS_HOST", ""),
        (DaprSettings, "FLOWDECK_SPANS_HOST", ""),
        (WorkerSettings, "FLOWDECK_API_HOST", "a host"),
        (DashboardSettings, "FLOWDECK_PAGE_HOST", ""),
        (WorkerSettings, "APP_PORT", "many"),
        (WorkerSettings, "FLOWDECK_API_PORT", "65536"),
        (WorkerSettings, "FLOWDECK_PROCESS_SECONDS", "-1"),
        (WorkerSettings, "FLOWDECK_CHECK_SECONDS", "nan"),
        (WorkerSettings, "FLOWDECK_CONFIRM_SECONDS", "inf"),
        (WorkerSettings, "FLOWDECK_FAULT_RATE", "1.5"),
        (WorkerSettings, "FLOWDECK_FAULT_RATE", "nan"),
    ],
)
def test_a_bad_value_is_named(
    settings: type[Settings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that cannot be is refused, with its name and what was found."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=f"^{name}: found '{value}', expected "):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "FLOWDECK_FAULT_RATE",
            "2",
            "FLOWDECK_FAULT_RATE: found '2', expected less than or equal to 1",
        ),
        ("DAPR_GRPC_ENDPOINT", "ftp://sidecar", "found 'ftp://sidecar', expected host:port"),
        ("FLOWDECK_LEDGER_URL", "nonsense", "FLOWDECK_LEDGER_URL: found 'nonsense'"),
    ],
)
def test_a_worker_with_a_bad_value_does_not_start(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    """The process ends with a sentence that says what was found, and no trace."""
    del log_lines  # it puts the logs back
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=sentence):
        main()
