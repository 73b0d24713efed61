"""The command line and the environment of each of Dapr's processes."""

import re
from ipaddress import ip_address
from pathlib import Path

import pytest
from pydantic import ValidationError

from operations.settings import SPANS_PATH, OperationsSettings
from system.dapr.commands import NEEDS, command, variables
from system.dapr.settings import PROJECT, DaprSettings

ETCD_ADDRESS = "--etcd-client-listen-address="
LISTENING = re.compile(
    r"^--(port|healthz-port|initial-cluster|etcd-client-port|etcd-initial-cluster"
    r"|dapr-grpc-port|dapr-http-port|dapr-internal-grpc-port)=(?:.*:)?(\d+)$"
)
CONNECTING = re.compile(
    r"^--(placement-host-address|scheduler-host-address|override-broadcast-host-port)=.*:(\d+)$"
)


@pytest.fixture
def settings(tmp_path: Path) -> DaprSettings:
    """Return settings with ports that are not the default."""
    return DaprSettings(home=tmp_path, dapr_ports=31000)


def lines(settings: DaprSettings) -> dict[str, list[str]]:
    """Return the command line of each process."""
    return {process: command(process, Path("/dapr"), settings) for process in NEEDS}


def ports(pattern: re.Pattern[str], settings: DaprSettings) -> list[int]:
    """Return the ports of all matching arguments of all processes."""
    arguments = [argument for line in lines(settings).values() for argument in line]
    return [int(found.group(2)) for argument in arguments if (found := pattern.match(argument))]


@pytest.mark.parametrize("process", NEEDS)
def test_each_process_runs_its_program(process: str, settings: DaprSettings) -> None:
    """The first argument is the path of the program."""
    assert lines(settings)[process][0] == f"/dapr/{process}"


@pytest.mark.parametrize("process", NEEDS)
def test_every_address_is_the_loopback(process: str, settings: DaprSettings) -> None:
    """All addresses of the arguments are of the loopback; all but etcd's are 127.0.0.1."""
    arguments = [each for each in lines(settings)[process] if not each.startswith(ETCD_ADDRESS)]
    text = " ".join(arguments)
    assert set(re.findall(r"\d+\.\d+\.\d+\.\d+", text)) == {"127.0.0.1"}
    for address in re.findall(r"--\S*(?:listen-address|host-address)\S*=(\S+)", text):
        assert address.startswith("127.0.0.1")


def test_the_address_of_etcd_cannot_be_guessed(settings: DaprSettings) -> None:
    """Dapr's etcd lets every web page that knows the address read and write."""
    found = {
        ip_address(argument.removeprefix(ETCD_ADDRESS))
        for _ in range(20)
        for argument in lines(settings)["scheduler"]
        if argument.startswith(ETCD_ADDRESS)
    }
    assert len(found) > 15
    assert all(address.is_loopback for address in found)


def test_each_of_the_ten_ports_is_listened_on_once(settings: DaprSettings) -> None:
    """For each of the ten ports, exactly one process listens on it."""
    assert sorted(ports(LISTENING, settings)) == list(range(31000, 31010))


def test_processes_connect_to_open_ports(settings: DaprSettings) -> None:
    """Daprd connects to the ports of placement and scheduler; the scheduler announces its own."""
    expected = [
        settings.ports["scheduler"],
        settings.ports["placement"],
        settings.ports["scheduler"],
    ]
    assert ports(CONNECTING, settings) == expected


@pytest.mark.parametrize("flag", ["--etcd-data-dir", "--identity-directory-write"])
def test_the_scheduler_writes_below_the_data_folder(flag: str, settings: DaprSettings) -> None:
    """The scheduler's two folders are in the data folder, not in /tmp or the current folder."""
    (value,) = (a for a in lines(settings)["scheduler"] if a.startswith(f"{flag}="))
    assert settings.data in Path(value.removeprefix(f"{flag}=")).parents


def test_folders_are_absolute(
    settings: DaprSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative folders become absolute, because a process changes its current folder."""
    monkeypatch.chdir(tmp_path)
    relative = settings.model_copy(update={"home": Path("state"), "resources": Path("dapr")})
    assert f"--etcd-data-dir={tmp_path}/state/data/scheduler" in lines(relative)["scheduler"]
    assert f"--resources-path={tmp_path}/dapr" in lines(relative)["daprd"]


def test_traces_go_to_the_port_after_the_ten(settings: DaprSettings) -> None:
    """Settings override it; a recorder that listens on every address is reached by loopback."""
    assert variables(settings)["FLOWDECK_SPANS_ADDRESS"] == "127.0.0.1:31010"
    other = settings.model_copy(update={"spans_port": 7, "spans_host": "10.0.0.1"})
    assert variables(other)["FLOWDECK_SPANS_ADDRESS"] == "10.0.0.1:7"
    everywhere = settings.model_copy(update={"spans_host": "0.0.0.0"})
    assert variables(everywhere)["FLOWDECK_SPANS_ADDRESS"] == "127.0.0.1:31010"


def test_the_address_of_traces_overrides_the_configuration(settings: DaprSettings) -> None:
    """A later file overrides an earlier one in daprd; the last file has the variables."""
    arguments = [a for a in lines(settings)["daprd"] if a.startswith("--config=")]
    files = [Path(argument.removeprefix("--config=")) for argument in arguments]
    assert [file.name for file in files] == ["dapr-config.yaml", "tracing.yaml"]
    for name in ("FLOWDECK_SPANS_ADDRESS", "FLOWDECK_TRACE_RATE"):
        assert f"${{{name}}}" in files[1].read_text()
        assert variables(settings)[name]


def test_under_dapr_run_traces_go_to_the_recorder_s_default() -> None:
    """The address in the configuration is the default address of the recorder."""
    configuration = (PROJECT / "components" / "dapr-config.yaml").read_text()
    address = f"127.0.0.1:{OperationsSettings().spans_port}{SPANS_PATH}"
    assert f'endpointAddress: "http://{address}"' in configuration
    assert DaprSettings().trace_port == OperationsSettings().spans_port


def test_an_unknown_process_is_refused(settings: DaprSettings) -> None:
    """Sentry is not one of the processes that run here."""
    with pytest.raises(KeyError, match="sentry"):
        command("sentry", Path("/dapr"), settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DAPR_PORTS", "80"),
        ("DAPR_PORTS", "65526"),
        ("DAPR_PORTS", "many"),
        ("DAPR_LOG_LEVEL", "loud"),
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
        DaprSettings()
    assert name.lower() in str(raised.value)
    assert f"input_value='{value}'" in str(raised.value)


def test_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The ten ports follow FLOWDECK_DAPR_PORTS, the data FLOWDECK_HOME."""
    monkeypatch.setenv("FLOWDECK_DAPR_PORTS", "65525")
    monkeypatch.setenv("FLOWDECK_HOME", str(tmp_path))
    settings = DaprSettings()
    assert sorted(settings.ports.values()) == list(range(65525, 65535))
    assert settings.data == tmp_path / "data"
