"""Settings: defaults, sources and invalid values."""

from pathlib import Path

import pytest

from dashboard.settings import DashboardSettings
from operations.errors import EXIT_DO_NOT_RESTART, InvalidInput
from operations.settings import OperationsSettings, Settings, body_size
from system.dapr.settings import DaprSettings
from tests.unit.conftest import LogLines
from worker.__main__ import main
from worker.settings import WorkerSettings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to an empty folder, where a file `.env` would be read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOWDECK_ENV_FILE")


def test_settings_have_defaults(tmp_path: Path) -> None:
    """By default the sidecar is on this machine, and the ledger is a file in data/."""
    settings = OperationsSettings()
    assert settings.endpoint == "127.0.0.1:28007"
    assert settings.ledger == f"sqlite:///{tmp_path}/data/ledger.db"
    assert (settings.api_token, settings.log_level, settings.log_format) == (None, "info", "text")


def test_the_workers_defaults_are_the_specifications() -> None:
    """Port 8000 on the loopback; activities of 2, 2 and 1 seconds; no faults."""
    settings = WorkerSettings()
    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 8000)
    assert (settings.process_seconds, settings.check_seconds) == (2.0, 2.0)
    assert (settings.confirm_seconds, settings.fault_rate) == (1.0, 0.0)


def test_daprs_own_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dapr run` sets the variables with the port and the token of the sidecar."""
    monkeypatch.setenv("DAPR_GRPC_PORT", "50001")
    monkeypatch.setenv("DAPR_API_TOKEN", "secret")
    settings = OperationsSettings()
    assert (settings.endpoint, settings.api_token) == ("127.0.0.1:50001", "secret")


def test_an_endpoint_overrides_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint also has the host."""
    monkeypatch.setenv("DAPR_GRPC_PORT", "50001")
    monkeypatch.setenv("DAPR_GRPC_ENDPOINT", "dapr.example:443")
    assert OperationsSettings().endpoint == "dapr.example:443"


def test_the_home_and_the_url_place_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL overrides the file in the home."""
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
    """A URL with the name of a database is used unchanged."""
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", url)
    assert OperationsSettings.load().ledger == url


def test_variables_of_other_programs_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOME and other names of fields without the prefix are ignored."""
    for name in ("HOME", "LOG_LEVEL", "API_TOKEN", "API_PORT", "FAULT_RATE"):
        monkeypatch.setenv(name, "/elsewhere")
    settings = OperationsSettings()
    assert settings.ledger == f"sqlite:///{tmp_path}/data/ledger.db"
    assert (settings.log_level, settings.api_token) == ("info", None)
    assert (WorkerSettings().api_port, WorkerSettings().fault_rate) == (8000, 0)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The representation omits the token and the URL of the ledger."""
    monkeypatch.setenv("DAPR_API_TOKEN", "secret")
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "sqlite:////secret/ledger.db")
    assert "secret" not in repr(OperationsSettings())


def test_the_message_about_a_bad_url_omits_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other people may read the console."""
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "mysql://ann:secret@db/ledger")
    with pytest.raises(InvalidInput, match=r"found 'mysql://\*\*\*@db/ledger'"):
        OperationsSettings.load()


def test_the_environment_overrides_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file `.env` sets the variables that the environment lacks."""
    (tmp_path / ".env").write_text("FLOWDECK_API_HOST=::1\nFLOWDECK_API_PORT=8001\nOTHER=1\n")
    monkeypatch.setenv("FLOWDECK_API_PORT", "8002")
    settings = WorkerSettings.load()
    assert (settings.api_host, settings.api_port) == ("::1", 8002)


def test_the_file_can_be_changed_or_disabled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests and a second system on the machine must not read the first system's `.env`."""
    (tmp_path / ".env").write_text("FLOWDECK_API_PORT=8001\n")
    (tmp_path / "other").write_text("FLOWDECK_API_PORT=8002\n")
    monkeypatch.setenv("FLOWDECK_ENV_FILE", "other")
    assert WorkerSettings.load().api_port == 8002
    monkeypatch.setenv("FLOWDECK_ENV_FILE", "")
    assert WorkerSettings.load().api_port == 8000


def test_the_api_listens_on_daprs_app_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dapr run --app-port` sets `APP_PORT`; `FLOWDECK_API_PORT` overrides it."""
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
        (DashboardSettings, "FLOWDECK_PUBLIC_URL", "flow.example"),
        (DashboardSettings, "FLOWDECK_PUBLIC_URL", "https://flow.example/path"),
        (DashboardSettings, "FLOWDECK_ALLOWED_HOSTS", "flow.example:8501"),
        (DashboardSettings, "FLOWDECK_ALLOWED_HOSTS", "https://flow.example"),
        (DashboardSettings, "FLOWDECK_ACCESS_IS_GUARDED", "perhaps"),
        (DashboardSettings, "FLOWDECK_CONFIRM_TERMINATE", "perhaps"),
        (WorkerSettings, "APP_PORT", "many"),
        (WorkerSettings, "FLOWDECK_API_PORT", "65536"),
        (WorkerSettings, "FLOWDECK_PROCESS_SECONDS", "-1"),
        (WorkerSettings, "FLOWDECK_CHECK_SECONDS", "nan"),
        (WorkerSettings, "FLOWDECK_CONFIRM_SECONDS", "inf"),
        (WorkerSettings, "FLOWDECK_FAULT_RATE", "1.5"),
        (WorkerSettings, "FLOWDECK_FAULT_RATE", "nan"),
    ],
)
def test_an_invalid_value_is_refused(
    settings: type[Settings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the name, the value found and the value expected."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=f"^{name}: found '{value}', expected "):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value", "message"),
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
def test_a_worker_with_an_invalid_value_does_not_start(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    """The process ends with the message, without a traceback, and is not started again."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"^{EXIT_DO_NOT_RESTART}$"):
        main()
    errors = log_lines.errors()
    assert message in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (WorkerSettings, "FLOWDECK_API_HOST"),
        (DashboardSettings, "FLOWDECK_PAGE_HOST"),
        (OperationsSettings, "FLOWDECK_SPANS_HOST"),
        (DaprSettings, "FLOWDECK_SPANS_HOST"),
    ],
)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "flow.example"])
def test_an_address_that_others_reach_must_be_guarded(
    settings: type[Settings], name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has a sign-in, so the user must confirm that something else guards access."""
    monkeypatch.setenv(name, host)
    with pytest.raises(InvalidInput, match=f"^{name}: found '{host}', .*ACCESS_IS_GUARDED=true"):
        settings.load()
    monkeypatch.setenv("FLOWDECK_ACCESS_IS_GUARDED", "true")
    assert host in settings.load().model_dump().values()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_the_loopback_needs_no_guard(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others cannot reach it."""
    monkeypatch.setenv("FLOWDECK_API_HOST", host)
    assert WorkerSettings.load().api_host == host


def test_names_of_hosts_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces do not matter."""
    monkeypatch.setenv("FLOWDECK_ALLOWED_HOSTS", "flow.example, 10.0.0.1,fe80::1 ")
    assert WorkerSettings.load().allowed_hosts == ("flow.example", "10.0.0.1", "fe80::1")


@pytest.mark.parametrize(
    ("size", "found"), [("65536", 65536), ("64Ki", 65536), ("4Mi", 4 * 2**20), ("1Gi", 2**30)]
)
def test_a_body_size_has_daprs_units(size: str, found: int) -> None:
    """As the flag of daprd takes them."""
    assert body_size(size) == found


@pytest.mark.parametrize("size", ["", "4MB", "-1", "63Ki", "2Gi", "4 Mi", "1" * 20, "٤Mi"])
def test_a_wrong_body_size_is_refused(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    """The message names the variable, the value and the expected form."""
    monkeypatch.setenv("FLOWDECK_DAPR_MAX_BODY_SIZE", size)
    with pytest.raises(InvalidInput, match=r"FLOWDECK_DAPR_MAX_BODY_SIZE: .* such as 4Mi"):
        DaprSettings.load()
