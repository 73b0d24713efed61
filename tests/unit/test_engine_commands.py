"""What each engine process is started with."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.commands import NEEDS, command, variables
from engine.settings import PROJECT, EngineSettings
from operations.recorder.endpoint import PATH
from operations.settings import OperationsSettings

LISTENING = re.compile(
    r"^--(port|healthz-port|initial-cluster|etcd-client-port|etcd-initial-cluster"
    r"|dapr-grpc-port|dapr-http-port|dapr-internal-grpc-port)=(?:.*:)?(\d+)$"
)
CONNECTING = re.compile(
    r"^--(placement-host-address|scheduler-host-address|override-broadcast-host-port)=.*:(\d+)$"
)


@pytest.fixture
def settings(tmp_path: Path) -> EngineSettings:
    """Return settings whose ports are nobody's defaults."""
    return EngineSettings(home=tmp_path, engine_ports=31000)


def lines(settings: EngineSettings) -> dict[str, list[str]]:
    """Return the command line of each process."""
    return {process: command(process, Path("/dapr"), settings) for process in NEEDS}


def ports(pattern: re.Pattern[str], settings: EngineSettings) -> list[int]:
    """Return the port of each argument that matches, of all processes."""
    arguments = [argument for line in lines(settings).values() for argument in line]
    return [int(found.group(2)) for argument in arguments if (found := pattern.match(argument))]


@pytest.mark.parametrize("process", NEEDS)
def test_each_process_is_its_program_of_the_folder(process: str, settings: EngineSettings) -> None:
    """The first argument is the program's path."""
    assert lines(settings)[process][0] == f"/dapr/{process}"


@pytest.mark.parametrize("process", NEEDS)
def test_every_address_is_the_loopback(process: str, settings: EngineSettings) -> None:
    """No argument holds another address than 127.0.0.1, and each listen address is given."""
    text = " ".join(lines(settings)[process])
    assert set(re.findall(r"\d+\.\d+\.\d+\.\d+", text)) == {"127.0.0.1"}
    for address in re.findall(r"--\S*(?:listen-address|host-address)\S*=(\S+)", text):
        assert address.startswith("127.0.0.1")


def test_each_port_of_the_block_is_listened_on_once(settings: EngineSettings) -> None:
    """The ten ports of the block are those that are listened on, each by one."""
    assert sorted(ports(LISTENING, settings)) == list(range(31000, 31010))


def test_what_is_connected_to_is_listened_on(settings: EngineSettings) -> None:
    """Daprd's two needs are where placement and scheduler are, as is what scheduler announces."""
    needs = [settings.ports["scheduler"], settings.ports["placement"], settings.ports["scheduler"]]
    assert ports(CONNECTING, settings) == needs


@pytest.mark.parametrize("flag", ["--etcd-data-dir", "--identity-directory-write"])
def test_what_scheduler_writes_is_below_the_data(flag: str, settings: EngineSettings) -> None:
    """Scheduler's two folders lie in the data folder, not in /tmp or the current folder."""
    (value,) = (a for a in lines(settings)["scheduler"] if a.startswith(f"{flag}="))
    assert settings.data in Path(value.removeprefix(f"{flag}=")).parents


def test_folders_are_absolute(
    settings: EngineSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders relative to the current one stay right when a process changes it."""
    monkeypatch.chdir(tmp_path)
    relative = settings.model_copy(update={"home": Path("state"), "resources": Path("dapr")})
    assert f"--etcd-data-dir={tmp_path}/state/data/scheduler" in lines(relative)["scheduler"]
    assert f"--resources-path={tmp_path}/dapr" in lines(relative)["daprd"]


def test_traces_go_to_the_port_after_the_block(settings: EngineSettings) -> None:
    """Unless a setting says otherwise; who listens everywhere is on the loopback too."""
    assert variables(settings)["FLOWDECK_SPANS_ADDRESS"] == "127.0.0.1:31010"
    other = settings.model_copy(update={"spans_port": 7, "spans_host": "10.0.0.1"})
    assert variables(other)["FLOWDECK_SPANS_ADDRESS"] == "10.0.0.1:7"
    everywhere = settings.model_copy(update={"spans_host": "0.0.0.0"})
    assert variables(everywhere)["FLOWDECK_SPANS_ADDRESS"] == "127.0.0.1:31010"


def test_the_address_of_traces_is_laid_over_the_configuration(settings: EngineSettings) -> None:
    """Daprd takes what comes later for what is true; the variable stands in the last file."""
    given = [a for a in lines(settings)["daprd"] if a.startswith("--config=")]
    files = [Path(argument.removeprefix("--config=")) for argument in given]
    assert [file.name for file in files] == ["dapr-config.yaml", "tracing.yaml"]
    for name in ("FLOWDECK_SPANS_ADDRESS", "FLOWDECK_TRACE_RATE"):
        assert f"${{{name}}}" in files[1].read_text()
        assert variables(settings)[name]


def test_without_our_engine_traces_go_to_the_recorder_s_default() -> None:
    """For `dapr run`, the address in the configuration is where a recorder listens by itself."""
    configuration = (PROJECT / "components" / "dapr-config.yaml").read_text()
    address = f"127.0.0.1:{OperationsSettings().spans_port}{PATH}"
    assert f'endpointAddress: "http://{address}"' in configuration
    assert EngineSettings().spans == OperationsSettings().spans_port


def test_an_unknown_process_is_refused(settings: EngineSettings) -> None:
    """Sentry is no process of ours."""
    with pytest.raises(KeyError, match="sentry"):
        command("sentry", Path("/dapr"), settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENGINE_PORTS", "80"),
        ("ENGINE_PORTS", "65526"),
        ("ENGINE_PORTS", "many"),
        ("ENGINE_LOG_LEVEL", "loud"),
        ("APP_ID", ""),
        ("SPANS_PORT", "0"),
        ("TRACE_RATE", "2"),
    ],
)
def test_a_bad_setting_is_refused_with_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A bad value ends the start; the message names the setting and the value."""
    monkeypatch.setenv(f"FLOWDECK_{name}", value)
    with pytest.raises(ValidationError) as raised:
        EngineSettings()
    assert name.lower() in str(raised.value)
    assert f"input_value='{value}'" in str(raised.value)


def test_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The block of ports follows FLOWDECK_ENGINE_PORTS, the data FLOWDECK_HOME."""
    monkeypatch.setenv("FLOWDECK_ENGINE_PORTS", "65525")
    monkeypatch.setenv("FLOWDECK_HOME", str(tmp_path))
    settings = EngineSettings()
    assert sorted(settings.ports.values()) == list(range(65525, 65535))
    assert settings.data == tmp_path / "data"
