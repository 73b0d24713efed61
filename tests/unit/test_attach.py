"""`python -m system attach`: its command line, its folders, its companion, and its texts."""

import os
from pathlib import Path

import pytest

from operations.errors import InvalidInput
from operations.settings import OperationsSettings
from system.attach.attach import COMMANDS, Attachment
from system.attach.companion import companion_command, describe, find_daprd
from system.attach.folders import Folders
from system.attach.options import AttachOptions, CompanionOptions, parse
from system.attach.probe import SidecarReport
from system.attach.report import found_text, waiting_text, welcome_text
from system.attach.settings import AttachSettings
from system.console import Console
from system.dapr.errors import DaprError
from system.dapr.settings import DaprSettings
from system.preconditions import CannotStart, lock_data
from worker.settings import WorkerSettings

SIDECAR = "127.0.0.1:50001"
USUAL_PORTS = {80, 443, 3000, 3500, 5000, 8000, 8080, 8501, 9090, 50001}


def companion(folder: Path) -> CompanionOptions:
    """Return the options of a companion whose resources are in a folder."""
    return CompanionOptions("shop", folder, "127.0.0.1:50005", None)


def attachment(options: AttachOptions, home: Path) -> Attachment:
    """Return an attachment that is not started."""
    return Attachment(options, AttachSettings(home=home), Console(list(COMMANDS)))


def daprd(folder: Path, version: str) -> Path:
    """Write a program that prints a version, as `daprd --version` does."""
    file = folder / "daprd"
    file.write_text(f"#!/bin/sh\necho {version}\n")
    file.chmod(0o755)
    return file


def test_a_sidecar_is_named_by_its_address() -> None:
    """`http://` changes nothing: both spellings of an address use the same ledger."""
    assert parse([SIDECAR]) == AttachOptions(SIDECAR, None, None)
    assert parse([f"http://{SIDECAR}"]) == AttachOptions(SIDECAR, None, None)


def test_a_sidecar_without_a_port_is_refused() -> None:
    """Otherwise Flowdeck would wait for it for ever."""
    with pytest.raises(InvalidInput, match=r"'27010'.*host:port"):
        parse(["27010"])


def test_a_companion_is_named_by_its_application(tmp_path: Path) -> None:
    """Paths may be relative; they are of the current folder."""
    given = ["--companion", "shop", "--resources", str(tmp_path), "--placement", "127.0.0.1:50005"]
    assert parse(given).companion == companion(tmp_path)
    found = parse([*given, "--daprd", "bin/daprd"]).companion
    assert found
    assert found.daprd == Path.cwd() / "bin" / "daprd"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "The address of a sidecar, or a companion, is missing."),
        ([SIDECAR, "--companion", "shop"], "Found a sidecar and a companion"),
        ([SIDECAR, "--placement", "a:1"], "--placement is for a companion only"),
        ([SIDECAR, "--other"], "Unrecognized arguments: --other"),
    ],
)
def test_a_wrong_command_line_gets_the_usage(arguments: list[str], message: str) -> None:
    """The message says what is wrong, and shows the command."""
    with pytest.raises(CannotStart, match=message) as refused:
        parse(arguments)
    assert "make attach SIDECAR=HOST:PORT" in str(refused.value)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ([], "--resources"),
        (["--resources", "/nowhere"], "--resources"),
        (["--resources", "/"], "--placement"),
        (["--resources", "/", "--placement", "localhost"], "--placement"),
    ],
)
def test_a_companion_needs_resources_and_a_placement_service(more: list[str], field: str) -> None:
    """The message names the option."""
    with pytest.raises(InvalidInput) as refused:
        parse(["--companion", "shop", *more])
    assert refused.value.field == field


def test_no_port_is_one_that_applications_or_make_run_use() -> None:
    """So it starts beside them."""
    settings, ours = AttachSettings(), DaprSettings()
    ports = {*settings.ports.values(), *settings.companion_ports.values()}
    assert len(ports) == 6
    assert not ports & USUAL_PORTS
    assert not ports & {*ours.ports.values(), ours.trace_port, WorkerSettings().api_port}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:28020"),
        ("0.0.0.0", "http://127.0.0.1:28020"),
        ("::1", "http://[::1]:28020"),
        ("::", "http://[::1]:28020"),
    ],
)
def test_printed_addresses_can_be_used(host: str, address: str) -> None:
    """Also if a server listens at every address, or at an IPv6 address."""
    settings = AttachSettings(access_is_guarded=True, spans_host=host)
    assert settings.span_endpoint == f"{address}/api/v2/spans"


def test_its_processes_are_neither_dapr_nor_the_worker() -> None:
    """The application has both."""
    assert COMMANDS == {
        "api": "python -m api",
        "recorder": "python -m operations.recorder",
        "dashboard": "python -m dashboard",
    }


def test_its_processes_know_the_sidecar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get its address, the token of the environment, and no form of orders."""
    monkeypatch.setenv("DAPR_API_TOKEN", "secret")
    options = AttachOptions(SIDECAR, None, None)
    variables = Attachment(options, AttachSettings.load(), Console([]))._environment()
    assert variables["DAPR_GRPC_ENDPOINT"] == SIDECAR
    assert variables["DAPR_API_TOKEN"] == "secret"  # noqa: S105 - not a secret
    assert variables["FLOWDECK_ORDERS"] == "false"
    assert "FLOWDECK_COMPANION" not in variables
    data = attachment(options, tmp_path)._data(tmp_path, SidecarReport("shop", "1.18.2", 1, ()))
    assert data["FLOWDECK_ATTACHED_APP_ID"] == "shop"
    assert data["FLOWDECK_LEDGER_URL"] == f"sqlite:///{tmp_path}/ledger.db"


def test_a_token_may_be_in_a_file(tmp_path: Path) -> None:
    """The end of its line is not part of it; a missing file is refused."""
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    variables = attachment(AttachOptions(SIDECAR, None, file), tmp_path)._environment()
    assert variables["DAPR_API_TOKEN"] == "from-a-file"  # noqa: S105 - not a secret
    for content in (None, "\n"):
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(InvalidInput, match="--token-file"):
            attachment(AttachOptions(SIDECAR, None, file), tmp_path)._environment()


def test_a_companion_has_a_token_of_its_own(tmp_path: Path) -> None:
    """No other program on this machine can use it."""
    options = AttachOptions("", companion(tmp_path), None)
    one, other = (attachment(options, tmp_path)._environment() for _ in range(2))
    assert one["FLOWDECK_COMPANION"] == "true"
    assert len(one["DAPR_API_TOKEN"]) > 30
    assert one["DAPR_API_TOKEN"] != other["DAPR_API_TOKEN"]


def test_a_named_ledger_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`FLOWDECK_LEDGER_URL` may name PostgreSQL."""
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "postgresql://db/shop")
    attached = Attachment(AttachOptions(SIDECAR, None, None), AttachSettings.load(), Console([]))
    assert attached._data(tmp_path, None)["FLOWDECK_LEDGER_URL"] == "postgresql://db/shop"


def test_each_application_and_each_address_has_its_folder(tmp_path: Path) -> None:
    """Two attached applications never share a ledger, and no name leaves the data folder."""
    ids, addresses = ("shop", "..", "a/b", "a~2f~b"), (SIDECAR, "10.0.0.1:50001", "[::1]:50001")
    folders = {Folders(tmp_path, place).of(app_id) for place in addresses for app_id in ids}
    assert len(folders) == len(ids) * len(addresses)
    attached = (tmp_path / "attached").resolve()
    assert all(folder.resolve().parent.parent == attached for folder in folders)
    for folder in folders:
        url = f"sqlite:///{folder / 'ledger.db'}"
        assert OperationsSettings(ledger_url=url).ledger == url


def test_while_the_sidecar_is_away_the_last_folder_is_used(tmp_path: Path) -> None:
    """So pages show what was known, and no other application is followed there."""
    folders = Folders(tmp_path, SIDECAR)
    for app_id in ("shop", "..", "a/b", "a~2f~b"):
        folder = folders.of(app_id)
        with lock_data(folder):
            os.utime(folder / "lock", (2**33, 2**33))
            assert folders.last_used() == folder
            assert folders.application(folder) == app_id
            os.utime(folder / "lock", (0, 0))


def test_an_unknown_application_keeps_its_folder_when_it_is_known(tmp_path: Path) -> None:
    """The first attachment may begin before the sidecar; another application gets its own."""
    folders = Folders(tmp_path, SIDECAR)
    unknown = folders.last_used()
    assert folders.application(unknown) == ""
    with lock_data(unknown):
        folders.identify(unknown, "shop")
        assert folders.application(unknown) == "shop"
        (unknown / "ledger.db").touch()
    assert not folders.of("bank").exists()
    assert (folders.of("shop") / "ledger.db").exists()


def test_a_companion_takes_none_of_the_applications_work(tmp_path: Path) -> None:
    """It has no scheduler, no port of the application, no announced name, and no open address."""
    command = companion_command(companion(tmp_path), Path("/daprd"), tmp_path, AttachSettings())
    assert "--app-id=shop" in command
    assert "--placement-host-address=127.0.0.1:50005" in command
    assert "--dapr-listen-addresses=127.0.0.1" in command
    assert "--dapr-internal-grpc-listen-address=127.0.0.1" in command
    assert "scheduler" not in command
    assert "app-port" not in command
    assert "component: kubernetes" in (tmp_path / "companion.yaml").read_text()


def test_the_companions_daprd_is_named_or_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the PATH before the one of `dapr init`."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    installed = tmp_path / "home" / ".dapr" / "bin"
    installed.mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_daprd(daprd(installed, "1.18.4")) == installed / "daprd"
    assert find_daprd(None) == installed / "daprd"
    assert find_daprd(daprd(tmp_path, "1.18.2")) == find_daprd(None) == tmp_path / "daprd"
    with pytest.raises(InvalidInput, match="--daprd"):
        find_daprd(tmp_path / "nothing")


def test_the_companions_version_is_printed(tmp_path: Path) -> None:
    """With a warning if it is old; a program without a version is refused."""
    assert "runs daprd 1.18.4 (" in describe(daprd(tmp_path, "1.18.4"))
    assert "older than 1.18" in describe(daprd(tmp_path, "1.16.0"))
    with pytest.raises(DaprError, match="is it daprd"):
        describe(daprd(tmp_path, ""))


def test_the_report_says_what_is_missing() -> None:
    """Every problem has a line; without problems there is one line."""
    found = SidecarReport("shop", "1.18.2", 2, ())
    assert found_text(found, is_companion=False) == (
        "Attached to the application 'shop': Dapr 1.18.2, workers connected: 2."
    )
    away = SidecarReport("shop", "1.18.2", 0, ("the scheduler does not answer the sidecar",))
    _, problem, worker = found_text(away, is_companion=False).splitlines()
    assert problem == "Missing: the scheduler does not answer the sidecar."
    assert worker.startswith("Missing: no worker is connected")
    unknown = SidecarReport("shop", "1.18.2", None, ())
    assert "number is unknown" in found_text(unknown, is_companion=True)


def test_a_sidecar_that_is_away_is_named_with_the_reason() -> None:
    """The pages show the outage."""
    text = waiting_text(SIDECAR, "Nobody answers.")
    assert text.startswith(f"Waiting for the sidecar at {SIDECAR}. Nobody answers.")


def test_the_welcome_has_the_lines_that_enable_traces() -> None:
    """They name the recorder's own address; there is no address at which an order is started."""
    text = welcome_text(AttachSettings(), is_companion=False)
    assert 'endpointAddress: "http://127.0.0.1:28020/api/v2/spans"' in text
    assert "http://127.0.0.1:28022" in text
    assert "order" not in text.lower()
